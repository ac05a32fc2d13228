"""A run made again from its own record, compared byte for byte.

Enters: a RUN folder, and the cache and cohort it was made from. Leaves: the first file that differs, or none.
Nothing in the RUN folder is changed; the repetition lives in a temporary folder.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from feature_cache.canonical import sha256_of_file
from feature_cache.errors import OutcomeError
from fuse.benchmark import compute_run
from fuse.check import RunInputs, inspect_inputs
from fuse.entries_file import compare_entries
from fuse.protocol import read_protocol
from fuse.run_record import RECORD, hash_outputs, versions

#: Files of a run that a repetition starts from; a record that does not seal them proves nothing.
INPUTS = {"protocol.yaml", "folds.csv", "entries.csv"}


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
    record = read_record(run)
    recorded = record.outputs
    _refuse_altered(run, recorded)
    inputs = RunInputs(
        cohort_folder=cohort or (run / record.cohort_folder).resolve(),
        cache=cache or (run / record.cache).resolve(),
        protocol=read_protocol(str(run / "protocol.yaml")),
        folds_file=run / "folds.csv",
    )
    inspection = inspect_inputs(inputs)
    inspection.refuse_errors()
    compare_entries(run / "entries.csv", inspection.chosen)
    with tempfile.TemporaryDirectory(prefix="fuse-rerun-") as name:
        folder = Path(name) / "run"
        compute_run(inputs, folder, jobs, Path(name) / "kept")
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


class Record(BaseModel):
    """What a rerun needs of run.json."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cohort_folder: str
    cache: str
    outputs: dict[str, str]
    versions: dict[str, str]

    @model_validator(mode="after")
    def _has_outputs(self) -> Record:
        if not self.outputs.keys() >= INPUTS:
            raise ValueError("outputs without the files that a run is repeated from")
        return self


def read_record(run: Path) -> Record:
    """Read run.json.

    Raises
    ------
    OutcomeError
        It is not there, not JSON, or not the record of a run.
    """
    path = run / RECORD
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise OutcomeError(
            f"{run.name}/{RECORD}",
            expected="the record of a run",
            got="no readable file" if isinstance(error, OSError) else "another document",
            remedy="Give the folder that `python -m fuse benchmark --out` wrote.",
        ) from error


def _refuse_altered(run: Path, recorded: dict[str, str]) -> None:
    for name, sha256 in sorted(recorded.items()):
        path = run / name
        if not path.is_file() or sha256_of_file(path) != sha256:
            raise OutcomeError(
                f"{run.name}/{name}",
                expected="the file as the run wrote it",
                got="another one" if path.is_file() else "no such file",
                remedy="Restore the RUN folder; a rerun compares with what was written then.",
            )
