"""What `fuse check` says beyond what a benchmark refuses: what the values tell, and what can be shown at all.

Enters: a cohort, a cache and a protocol. Leaves: `Checked`: the inspection with every problem, how large the
cohort is for what is to be fitted on it, which gain it can show, and what is missing against the outcome.
Every entry is read and verified once. Nothing is fitted but the one-step models of random columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from feature_cache.errors import CacheError, DamagedEntryError, Problem
from fuse.cases import Cases
from fuse.inspection.inspection import Inspection, RunInputs, inspect_inputs
from fuse.inspection.leaks import named
from fuse.inspection.lint import lint_values
from fuse.inspection.missingness import Missing, missing_against_outcome
from fuse.inspection.pooled_items import read_to_compare
from fuse.inspection.reachable import Reachable, reachable
from fuse.inspection.sample_size import MinimumSize, minimum_size
from fuse.outcomes.outcomes import Outcome


@dataclass(frozen=True, kw_only=True)
class ColumnsPerEvent:
    """How many columns a linear model of one modality has to weigh, and for how many events.

    `minimum` is Riley's sample size for so many, None where it is not defined for the endpoint.
    """

    label: str
    columns: int
    cases: int
    events_per_column: float | None
    minimum: MinimumSize | None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """An inspection and what was computed beside it; nothing of it where the values could not be read."""

    inspection: Inspection
    problems: tuple[Problem, ...]
    sizes: tuple[ColumnsPerEvent, ...] = ()
    reachable: Reachable | None = None
    missing: tuple[Missing, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether a benchmark would refuse."""
        return any(problem.fails for problem in self.problems)

    def as_json(self) -> dict[str, Any]:
        """Return everything for `--json`; numbers that there are none of are null."""
        from fuse.inspection.check_words import facts_of

        told = {
            "problems": [problem.as_dict() for problem in self.problems],
            "leaks": [
                {"name": name, "level": problem.level, "where": problem.where}
                for name, problem in named(self.problems)
            ],
            "sample_size": [asdict(size) for size in self.sizes],
            "reachable": None if self.reachable is None else asdict(self.reachable),
            "missing": [asdict(row) for row in self.missing],
            "facts": facts_of(self),
        }
        return {key: _plain(value) for key, value in told.items()}


def check_inputs(inputs: RunInputs) -> Checked:
    """Inspect and read everything.

    Raises
    ------
    BraidError
        There is no readable card, no cache or no such endpoint: nothing else can be looked at then.
    """
    inspection = inspect_inputs(inputs, only_check=True)
    cohort_cases = inspection.cohort.case_ids
    try:
        every, items = read_to_compare(inspection.cache, inspection.chosen, cohort_cases)
    except DamagedEntryError:
        return _without_values(inspection, list(_damaged(inspection)))
    except CacheError as error:
        return _without_values(inspection, [error.as_problem()])
    door = inspection.door
    row_of = {case: row for row, case in enumerate(cohort_cases)}
    cases = every.take(np.array([row_of[case] for case in door.case_ids], dtype=np.int64))
    if not len(cases):
        return _without_values(inspection, [])
    outcome = door.lint(door.case_ids)
    horizon = None if inspection.horizon is None else inspection.horizon.days
    clinical = [label for label, one in inspection.chosen.items() if one.modality == "clinical"]
    return Checked(
        inspection=inspection,
        problems=(*inspection.problems, *lint_values(cases, items, door)),
        sizes=tuple(_sizes(cases, outcome, horizon)),
        reachable=None if inspection.folds is None else reachable(outcome, inspection.folds),
        missing=tuple(missing_against_outcome(cases, outcome, horizon, clinical)),
    )


def _without_values(inspection: Inspection, more: list[Problem]) -> Checked:
    return Checked(inspection=inspection, problems=(*inspection.problems, *more))


def _damaged(inspection: Inspection) -> Iterator[Problem]:
    for feature_set in inspection.chosen.values():
        for record in feature_set.records:
            try:
                inspection.cache.arrays(record)
            except DamagedEntryError as error:
                yield error.as_problem()


def _sizes(cases: Cases, outcome: Outcome, horizon_days: float | None) -> Iterator[ColumnsPerEvent]:
    counts = [
        (label, modality.values.shape[1], int(modality.present.sum()))
        for label, modality in cases.modalities.items()
    ]
    if len(counts) > 1:
        counts.append(("all together", sum(columns for _, columns, _ in counts), len(cases)))
    for label, columns, there in counts:
        events = outcome.n_events
        yield ColumnsPerEvent(
            label=label,
            columns=columns,
            cases=there,
            events_per_column=None if events is None else events / columns,
            minimum=minimum_size(columns, outcome, horizon_days),
        )


def _plain(value: Any) -> Any:
    """Return a value for JSON, which knows no NaN."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
