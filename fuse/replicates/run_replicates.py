"""All replicates that a protocol asks for, in worker processes, and the two tables that they give.

Enters: the cases in the run's scratch folder, its folds and arms, and its outcomes, opened against the seal
of its predictions. Leaves: replicates.csv (a line an arm and replicate), tests.csv, and the refits by arm for
intervals. A run that was stopped goes on from the replicates that it had.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from feature_cache.stopping import raise_if_stopped
from fuse.arm_plans import ArmPlan
from fuse.cases import Cases
from fuse.features.cases_file import load_cases
from fuse.files import write_csv, write_text
from fuse.folds.folds import Folds
from fuse.metrics.comparison import Roles
from fuse.outcomes.outcomes import Outcome
from fuse.protocol import Replicates
from fuse.replicates.permutation_tests import (
    Held,
    PermutationRow,
    rows_of_conditional,
    rows_of_permutation,
    tested_fusion,
)
from fuse.replicates.replicate import Kind, ReplicateTask, cheap_plans, replicate
from fuse.workers import fit_each

REPLICATES, TESTS = "replicates.csv", "tests.csv"
COLUMNS = ("kind", "replicate", "arm", "c")
ROWS_OF: dict[Kind, Callable[[Held, Roles, str], list[PermutationRow]]] = {
    "permutation": rows_of_permutation,
    "conditional_permutation": rows_of_conditional,
}
TEST_COLUMNS = tuple(field.name for field in fields(PermutationRow))


@dataclass(frozen=True, kw_only=True)
class Refitting:
    """What is fitted again and how often; `scratch` holds the cases, `kept` what a stopped run had."""

    counts: Replicates
    plans: tuple[ArmPlan, ...]
    folds: Folds
    seed: int
    jobs: int
    scratch: Path
    kept: Path

    @property
    def asked(self) -> bool:
        """Whether anything is to be fitted again: outcomes are not opened for nothing."""
        return any(self.counts.model_dump().values())


@dataclass(frozen=True, kw_only=True)
class Replicated:
    """C of each arm by kind and replicate, in order; `left_out` are the arms that were not fitted again."""

    found: Mapping[Kind, Sequence[Mapping[str, float]]]
    left_out: tuple[str, ...]

    @property
    def own(self) -> Mapping[str, float]:
        """C of each arm on the cohort as it is, first repeat."""
        return self.found["as_it_is"][0] if self.found["as_it_is"] else {}

    @property
    def refits(self) -> dict[str, list[float]]:
        """Arm -> its C on each resample of the cases, the same resamples for all; empty without any."""
        resamples = self.found.get("refit_bootstrap", ())
        return {arm: [c[arm] for c in resamples] for arm in self.own} if resamples else {}


def run_replicates(
    refitting: Refitting, outcome: Outcome, roles: Roles, times_days: Float[np.ndarray, " time"]
) -> Replicated:
    """Fit all replicates that are asked for; none where every arm is a network or looks at tiles.

    Parameters
    ----------
    outcome
        Of all cases of the folds, in their order, opened after the run's predictions were sealed.
    roles
        Who is compared with whom: only the fusion is fitted again where a test is of nothing else.
    times_days
        The days that the run predicts at, none for classes.
    """
    plans = cheap_plans(refitting.plans)
    counts: dict[Kind, int] = {
        "refit_bootstrap": refitting.counts.refit_bootstrap,
        "permutation": refitting.counts.permutation,
        "conditional_permutation": refitting.counts.conditional_permutation,
    }
    tasks = [
        ReplicateTask(
            kind=kind,
            number=number,
            outcome=outcome,
            folds=refitting.folds.folds,
            plans=_fusion_alone(plans, roles) if kind == "conditional_permutation" else plans,
            seed=refitting.seed,
            times_days=times_days,
        )
        for kind, count in {"as_it_is": 1, **counts}.items()
        for number in range(count)
    ]
    tasks = [task for task in tasks if task.plans]
    by_kind: dict[Kind, list[dict[str, float]]] = {"as_it_is": []}
    by_kind |= {kind: [] for kind, count in counts.items() if count}
    for task, found in zip(tasks, _fit_all(tasks, refitting), strict=True):
        by_kind[task.kind].append(found)
    kept = {plan.name for plan in plans}
    left_out = tuple(plan.name for plan in refitting.plans if plan.name not in kept and plan.modalities)
    return Replicated(found=by_kind, left_out=left_out)


def write_replicates(folder: Path, replicated: Replicated, roles: Roles) -> None:
    """Write replicates.csv and tests.csv."""
    rows = [
        (kind, number, arm, c)
        for kind, of_kind in replicated.found.items()
        for number, found in enumerate(of_kind, start=0 if kind == "as_it_is" else 1)
        for arm, c in found.items()
    ]
    write_csv(folder / REPLICATES, COLUMNS, rows)
    note = f"left out: {', '.join(replicated.left_out)}" if replicated.left_out else ""
    tests: list[PermutationRow] = []
    for kind, rows_of in ROWS_OF.items():
        if kind in replicated.found:
            tests += rows_of(Held(own=replicated.own, altered=replicated.found[kind]), roles, note)
    write_csv(folder / TESTS, TEST_COLUMNS, [astuple(row) for row in tests])


def _fusion_alone(plans: tuple[ArmPlan, ...], roles: Roles) -> tuple[ArmPlan, ...]:
    """Return the tested fusion, the arms that it is fitted from, and the clinical arm; none without both."""
    fusion = tested_fusion(roles, {plan.name for plan in plans})
    if not fusion or not roles.clinical:
        return ()
    needed = {fusion, roles.clinical, *(base for plan in plans if plan.name == fusion for base in plan.bases)}
    return tuple(plan for plan in plans if plan.name in needed)


def _fit_all(tasks: Sequence[ReplicateTask], refitting: Refitting) -> list[dict[str, float]]:
    """Fit the tasks in processes; what was fitted before is read, and each is kept as soon as it is there."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    paths = [refitting.kept / f"{task.kind}-{task.number}.json" for task in tasks]
    found = {row: json.loads(path.read_text("utf-8")) for row, path in enumerate(paths) if path.is_file()}
    waiting = {row: task for row, task in enumerate(tasks) if row not in found}
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        closing(fit_each(_replicate_from, waiting, refitting.scratch, refitting.jobs)) as fitted,
    ):
        bar = progress.add_task("fitting altered cohorts", total=len(tasks), completed=len(found))
        for row, result in fitted:
            write_text(paths[row], json.dumps(result))
            raise_if_stopped()
            found[row] = result
            progress.advance(bar)
    _cases_in.cache_clear()
    return [found[row] for row in range(len(tasks))]


def _replicate_from(task: ReplicateTask, scratch: Path) -> dict[str, float]:
    return replicate(task, _cases_in(scratch))


@lru_cache(maxsize=1)
def _cases_in(scratch: Path) -> Cases:
    """Return the cases; a worker fits many replicates on the same."""
    return load_cases(scratch)
