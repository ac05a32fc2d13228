"""A benchmark from inputs to a RUN folder: predict first, seal, evaluate after.

Enters: inputs that `check.py` has nothing against. Leaves: the RUN folder, written beside under a temporary
name and moved into place when it is whole. This file only says what follows what.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from feature_cache.errors import OutcomeError
from fuse.arm_plans import ArmPlan
from fuse.features.cases_file import save_cases
from fuse.features.table import read_cases
from fuse.files import write_json
from fuse.fitting import FoldTask
from fuse.folds.folds import Folds
from fuse.inspection.inspection import Inspection, RunInputs, inspect_inputs
from fuse.inspection.run_lint import lint_run, write_lint
from fuse.models.choice import add_choices
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.replicates.run_replicates import Refitting
from fuse.run.kept_folds import KeptFolds, identity_of
from fuse.run.run_files import Computed, FittedRun, record_arms, write_run_files, write_run_inputs
from fuse.run.run_place import run_place
from fuse.run.run_record import RECORD, ArmRecord, RunFacts, describe_run, versions
from fuse.workers import fit_folds

#: Probabilities of no event are predicted at this many days, evenly up to the horizon.
PREDICTED_TIMES = 24


def run_benchmark(inputs: RunInputs, out: Path, jobs: int) -> tuple[ArmRecord, ...]:
    """Run a benchmark into the new folder `out` and return what became of its arms.

    Raises
    ------
    BraidError
        `out` holds something, the inputs have an error, an entry is damaged. Nothing is left behind but the
        folds that were fitted, for the same run to go on from.
    """
    return write_whole(out, jobs, lambda folder, kept: compute_run(inputs, folder, jobs, kept))


def write_whole(out: Path, jobs: int, compute: Callable[[Path, Path], Computed]) -> tuple[ArmRecord, ...]:
    """Compute a run beside `out`, add record and page, and move it into place when it is whole."""
    from fuse.report import write_report

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutcomeError(
            f"--out {out}",
            expected="a new folder",
            got="one that holds something",
            remedy="Give another name, or take the old run away.",
        )
    with run_place(out) as place:
        folder = place.folder / out.absolute().name
        computed = compute(folder, place.kept)
        facts = RunFacts(
            out=out,
            jobs=jobs,
            folds=computed.folds,
            arms=computed.arms,
            roles=computed.roles,
            cases=computed.cases,
            validates=computed.validates,
        )
        write_json(folder / RECORD, describe_run(computed.inspection, facts, folder))
        write_report(folder)
        if out.exists():
            out.rmdir()
        folder.rename(out.absolute())
    return computed.arms


def compute_run(inputs: RunInputs, folder: Path, jobs: int, kept: Path) -> Computed:
    """Compute every file of a run but its record and its page into `folder`; `kept` is for fitted folds."""
    inspection = inspect_inputs(inputs)
    folds = inspection.refuse_errors()
    plans, arms = record_arms(inspection.plans, inspection.absent, inspection.door)
    write_run_inputs(folder, inspection, folds)
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=folder.parent) as name:
        scratch = Path(name)
        cases = read_cases(inspection.cache, inspection.chosen, folds.case_ids, scratch)
        leaks = lint_run(inspection, cases)
        cases = add_choices(cases, inspection.choices)
        save_cases(cases, scratch)
        tasks = _tasks(inspection, folds, plans)
        identity = identity_of(tasks, inspection.chosen, folds.sha256, versions())
        kept_folds = KeptFolds(kept, identity)
        results = fit_folds(tasks, scratch, jobs, kept_folds)
        computed = write_run_files(
            folder,
            FittedRun(
                inspection=inspection,
                folds=folds,
                cases=cases,
                plans=plans,
                arms=arms,
                times_days=tasks[0].times_days,
                results=results,
                refitting=Refitting(
                    counts=inspection.protocol.replicates,
                    plans=plans,
                    folds=folds,
                    seed=inspection.protocol.seed,
                    jobs=jobs,
                    scratch=scratch,
                    kept=kept_folds.beside,
                ),
            ),
        )
    write_lint(folder, inspection, leaks)
    return computed


def prediction_times(horizon_days: float) -> Float[np.ndarray, " time"]:
    """Return whole days spread evenly up to the horizon, which itself is the last."""
    days = np.unique(np.round(np.linspace(0.0, horizon_days, PREDICTED_TIMES + 1)[1:]))
    return np.append(days[(days > 0) & (days <= horizon_days - 1)], horizon_days)


def times_of(door: OutcomeDoor) -> Float[np.ndarray, " time"]:
    """Return the days to predict at, none for an endpoint without times.

    Those of `prediction_times` and the further days of the endpoint up to its horizon.
    """
    horizon_days = door.horizon_days()
    if horizon_days is None:
        return np.zeros(0)
    declared = [day for day in door.declared.horizons_days if day < horizon_days]
    return np.union1d(prediction_times(horizon_days), declared)


def _tasks(inspection: Inspection, folds: Folds, plans: tuple[ArmPlan, ...]) -> list[FoldTask]:
    times = times_of(inspection.door)
    return [
        FoldTask(
            fold=fold,
            outcome=inspection.door.training([folds.case_ids[row] for row in fold.train]),
            plans=plans,
            times_days=times,
            seed=inspection.protocol.seed,
        )
        for fold in folds.folds
    ]
