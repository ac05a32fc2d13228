"""Whether one vector of labels stands for two: an endpoint copied, or a stretch of cases repeated.

Enters: the outcomes of all endpoints of a cohort. Leaves: a problem for two endpoints that never differ, and
for a run of cases whose outcomes are, case by case, those of other cases: a table that was pasted twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

from feature_cache.errors import Level, Problem
from fuse.inspection.leaks import leak
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.outcomes.outcomes import Classes, Outcome
from fuse.verdict.words import counted

#: Cases in a row whose times are, to the last digit, those of other cases in the same order: no chance.
RUN = 10
#: So many of their times must differ from each other: many cases may share the day on which a study ended.
DISTINCT = 8


def label_vectors(doors: Mapping[str, OutcomeDoor], used: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for endpoints that are one vector, and for cases that are a copy of others.

    Parameters
    ----------
    doors
        Endpoint -> its door, for every endpoint that could be read.
    used
        The endpoints of the run. Two of them that are one are an error: something would be learned from
        itself. Elsewhere it is a warning, because in a small cohort every death may be of the one cause.
    """
    for first, second in combinations(doors, 2):
        if _made_of(doors[first], second) or _made_of(doors[second], first):
            continue
        n = _same(doors[first], doors[second])
        if n:
            both = first in used and second in used
            level: Level = "error" if both else "warning"
            got = f"the vector of {first}, in each of {counted(n, 'case')}"
            remedy = "Was a column copied? Mend outcomes.csv, or declare one of them only."
            where = f"outcomes.csv: endpoint {second}"
            yield leak("identical-label-vectors", where, ("an outcome of its own", got, remedy), level)
    for name in used:
        if name in doors:
            yield from _repeated(doors[name])


def _same(one: OutcomeDoor, other: OutcomeDoor) -> int:
    """Return how many cases two endpoints share, 0 where an outcome differs or they are too few to tell."""
    both = sorted(set(one.case_ids) & set(other.case_ids))
    if len(both) < RUN:
        return 0
    first, second = one.lint(both), other.lint(both)
    ours, theirs = _label(first), _label(second)
    if len(np.unique(ours)) < 2 or not _both_kinds(ours):
        return 0
    if isinstance(first, Classes) != isinstance(second, Classes) or not np.array_equal(ours, theirs):
        return 0
    if not isinstance(first, Classes) and not isinstance(second, Classes):
        return len(both) if np.array_equal(first.time_days, second.time_days) else 0
    return len(both)


def _made_of(door: OutcomeDoor, other: str) -> bool:
    """Whether the card itself makes an endpoint of another: nobody copied a column then."""
    return other in door.declared.first_of.values()


def _both_kinds(label: Float[np.ndarray, " case"]) -> bool:
    """Whether the rarer label is that of enough cases for two vectors to be the same by more than chance."""
    return bool(np.sort(np.unique(label, return_counts=True)[1])[-2] >= RUN)


def _label(outcome: Outcome) -> Float[np.ndarray, " case"]:
    return np.asarray(outcome.label if isinstance(outcome, Classes) else outcome.event, dtype=np.float64)


def _repeated(door: OutcomeDoor) -> Iterator[Problem]:
    outcome = door.strata()
    if isinstance(outcome, Classes) or len(outcome) < 2 * RUN:
        return
    copied = copied_rows(outcome.event, outcome.time_days)
    if copied.any():
        first = door.case_ids[int(np.flatnonzero(copied)[0])]
        got = f"{counted(int(copied.sum()), 'case')} in rows whose events and times are those of other cases "
        got += f"in the same order, the first is case {first}"
        remedy = "Was a table pasted twice under other ids? Take the copies out."
        where = f"outcomes.csv: endpoint {door.endpoint}"
        yield leak("identical-label-vectors", where, ("an outcome of its own for each case", got, remedy))


def copied_rows(
    event: Bool[np.ndarray, " case"], time_days: Float[np.ndarray, " case"]
) -> Bool[np.ndarray, " case"]:
    """Return which cases stand in a run that repeats an earlier one.

    Parameters
    ----------
    event, time_days
        Outcomes of (case,) in the order of the table.

    Returns
    -------
    numpy.ndarray
        (case,) True for the later copies of RUN or more cases in a row, of which DISTINCT have a time of
        their own.
    """
    rows = [(bool(had), float(days)) for had, days in zip(event, time_days, strict=True)]
    copied = np.zeros(len(rows), dtype=np.bool_)
    seen: dict[tuple[tuple[bool, float], ...], int] = {}
    for start in range(len(rows) - RUN + 1):
        window = tuple(rows[start : start + RUN])
        if len({days for _, days in window}) < DISTINCT:
            continue
        if start - seen.setdefault(window, start) >= RUN:
            copied[start : start + RUN] = True
    return copied
