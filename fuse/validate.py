"""External validation: every arm of a run fitted once on all its cases, and applied to another cohort.

Enters: a RUN folder, and another cohort with a cache. Leaves: a run folder of one fold, whose train part is
the run's cohort and whose test part the other one: predictions, sealed before an outcome of the other cohort
is opened, and the same evidence as of a benchmark.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from feature_cache.errors import OutcomeError
from fuse.benchmark import times_of, write_whole
from fuse.cases import Cases
from fuse.features.aligned_cases import align_cases
from fuse.features.table import read_cases
from fuse.fitting import FoldTask, fit_parts
from fuse.folds.fold_choice import plan_of, strata_of
from fuse.folds.folds import Fold, Folds, make_inner
from fuse.inspection.duplicates import refuse_near_cases
from fuse.inspection.inspection import Inspection
from fuse.inspection.pooled_items import items_of_cases
from fuse.inspection.shared_cases import refuse_shared_cases
from fuse.models.choice import add_choices
from fuse.other_cohort import inspect_other
from fuse.run.run_files import Computed, FittedRun, record_arms, write_run_files, write_run_inputs
from fuse.run.run_record import ArmRecord, Validates
from fuse.run.sealed_run import inspect_again, read_record


@dataclass(frozen=True, kw_only=True)
class ValidationInputs:
    """The run, the other cohort and its cache; where the run's own are now, None where it says."""

    run: Path
    cohort_folder: Path
    cache: Path
    run_cohort: Path | None = None
    run_cache: Path | None = None


def run_validation(inputs: ValidationInputs, out: Path) -> tuple[ArmRecord, ...]:
    """Validate a run into the new folder `out` and return what became of its arms.

    Raises
    ------
    BraidError
        The run was altered, or its cohort or cache is another one; the other cohort does not fit it, or
        shares a case with it; an entry is damaged.
    """
    return write_whole(out, 1, lambda folder, _: compute_validation(inputs, folder))


def compute_validation(inputs: ValidationInputs, folder: Path) -> Computed:
    """Compute every file of a validation but its record and its page into `folder`."""
    if read_record(inputs.run).validation is not None:
        raise OutcomeError(
            inputs.run.name,
            expected="the folder of a benchmark",
            got="that of a validation",
            remedy="Give the run that it validates.",
        )
    _, inside = inspect_again(inputs.run, inputs.run_cache, inputs.run_cohort)
    other = inspect_other(inside, inputs.cohort_folder, inputs.cache)
    learned, predicted = inside.door.case_ids, other.door.case_ids
    refuse_shared_cases((learned, inside.chosen), (predicted, other.chosen))
    folds = one_fold(inside, predicted)
    other = replace(other, folds=folds)
    plans, arms = record_arms(inside.plans, inside.absent, inside.door)
    write_run_inputs(folder, other, folds)
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=folder.parent) as name:
        train, test = _read_both(inside, other, Path(name))
        task = FoldTask(
            fold=folds.folds[0],
            outcome=inside.door.training(learned),
            plans=plans,
            times_days=times_of(inside.door),
            seed=inside.protocol.seed,
        )
        result = fit_parts(task, train, test)
    computed = write_run_files(
        folder,
        FittedRun(
            inspection=other,
            folds=folds,
            cases=test,
            plans=plans,
            arms=arms,
            times_days=task.times_days,
            results=[result],
            external=True,
        ),
    )
    lacking = tuple(label for label in inside.chosen if label not in other.chosen)
    return replace(computed, validates=Validates(run=inputs.run, inside=inside, lacking=lacking))


def one_fold(inside: Inspection, predicted: tuple[str, ...]) -> Folds:
    """Return the fold whose train part are all cases of the run, with inner folds made as in any fold."""
    learned = inside.door.case_ids
    train = np.arange(len(learned))
    inner = make_inner(strata_of(inside.cohort, inside.door), train, plan_of(inside.protocol), (1, 1))
    test = np.arange(len(learned), len(learned) + len(predicted))
    fold = Fold(repeat=1, fold=1, train=train, test=test, inner=inner)
    remark = f"fitted once on the {len(learned)} cases of cohort {inside.cohort.name}"
    return Folds(case_ids=(*learned, *predicted), folds=(fold,), source="made", remarks=(remark,))


def _read_both(inside: Inspection, other: Inspection, scratch: Path) -> tuple[Cases, Cases]:
    """Return the cases of the run's cohort and those of the other, in the same columns."""
    both = []
    for inspection, name in ((inside, "inside"), (other, "other")):
        own = scratch / name
        own.mkdir()
        both.append(read_cases(inspection.cache, inspection.chosen, inspection.door.case_ids, own))
    train, test = both
    refuse_near_cases(items_of_cases(train, inside.chosen), items_of_cases(test, other.chosen))
    loose = [label for label, feature_set in inside.chosen.items() if feature_set.kind == "volume"]
    test = align_cases(test, train, loose)
    return add_choices(train, inside.choices), add_choices(test, inside.choices)
