"""A run made again from its own record, compared byte for byte.

Enters: a RUN folder, and the cache and cohort it was made from. Leaves: the first file that differs, or none.
Nothing in the RUN folder is changed; the repetition lives in a temporary folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuse.benchmark import compute_run
from fuse.run.run_files import Computed
from fuse.run.run_record import hash_outputs, versions
from fuse.run.sealed_run import Record, inspect_again, read_sealed
from fuse.validate import ValidationInputs, compute_validation

#: What computes a run again, into a folder and with a place for its fitted folds.
Compute = Callable[[Path, Path], Computed]


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """What a rerun found: the files compared, those that differ, and versions that are not the run's."""

    compared: tuple[str, ...]
    differing: tuple[str, ...]
    other_versions: tuple[str, ...]


def rerun(run: Path, cache: Path | None, cohort: Path | None, jobs: int) -> Repetition:
    """Repeat a run and compare every output.

    Parameters
    ----------
    cache, cohort
        Where they are now; None where they are still where the record says.

    Raises
    ------
    BraidError
        The RUN folder was altered, an entry is damaged or another one, or the inputs have an error.
    """
    record = read_sealed(run)
    recorded = record.outputs
    compute = _validation(run, record, cache, cohort) or _benchmark(run, cache, cohort, jobs)
    with tempfile.TemporaryDirectory(prefix="fuse-rerun-") as name:
        folder = Path(name) / "run"
        compute(folder, Path(name) / "kept")
        found = hash_outputs(folder)
    names = sorted(recorded.keys() | found.keys())
    now = versions()
    return Repetition(
        compared=tuple(names),
        differing=tuple(name for name in names if recorded.get(name) != found.get(name)),
        other_versions=tuple(
            f"{package} {text} (now {now.get(package, 'absent')})"
            for package, text in sorted(record.versions.items())
            if now.get(package) != text
        ),
    )


def _benchmark(run: Path, cache: Path | None, cohort: Path | None, jobs: int) -> Compute:
    inputs, _ = inspect_again(run, cache, cohort)
    return lambda folder, kept: compute_run(inputs, folder, jobs, kept)


def _validation(run: Path, record: Record, cache: Path | None, cohort: Path | None) -> Compute | None:
    """Return how a validation is made again, None for a benchmark; what it fitted on is where it says."""
    if record.validation is None:
        return None
    inputs = ValidationInputs(
        run=(run / record.validation.run).resolve(),
        cohort_folder=cohort or (run / record.cohort_folder).resolve(),
        cache=cache or (run / record.cache).resolve(),
        run_cohort=(run / record.validation.cohort_folder).resolve(),
        run_cache=(run / record.validation.cache).resolve(),
    )
    return lambda folder, _: compute_validation(inputs, folder)
