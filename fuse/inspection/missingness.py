"""What is missing against the outcome: who lacks a modality or a value, and what became of them.

Enters: the cases as tables, and their outcomes. Leaves: one row for each pattern of modalities, and two for
each variable that some cases lack, with the share that had the event by the horizon and its interval, and a
test whether the outcome goes with what is missing. Missing values may carry information (no MRI: a device,
poor kidneys, too ill), which a missing-indicator uses and an imputed mean hides.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int

from fuse.cases import Cases
from fuse.metrics.aalen_johansen import incidence_of_group
from fuse.metrics.calibration_groups import wilson
from fuse.metrics.kaplan_meier import estimate_survival
from fuse.outcomes.at_risk import count_not_entered
from fuse.outcomes.outcomes import Classes, Competing, Outcome, Survival

#: A group of fewer cases than this is shown and not tested: neither test holds for it.
FEWEST_IN_GROUP = 5


@dataclass(frozen=True, kw_only=True)
class Group:
    """Cases that lack the same: how many, with how many events, and the share of them by the horizon.

    `by_day` are those of the events that came by the horizon, all of them where there is none. Of a
    multiclass endpoint there is no event, and share and limits are NaN; limits are NaN as well where the
    curve has no variance, such as in a group without an event.
    """

    name: str
    n: int
    events: int
    by_day: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Missing:
    """The groups of one thing that may be missing, and whether their outcomes differ.

    `p` is that of `test` over the groups of FEWEST_IN_GROUP cases or more, NaN where there are not two;
    `holm` is p adjusted for all tests of the check (Holm 1979).
    """

    what: str
    groups: tuple[Group, ...]
    interval: str
    test: str
    p: float
    holm: float = math.nan


def missing_against_outcome(
    cases: Cases, outcome: Outcome, horizon_days: float | None, named: Collection[str]
) -> list[Missing]:
    """Compare outcomes by what is missing: all patterns of modalities, then each variable.

    Parameters
    ----------
    outcome
        Of the cases, in their order.
    horizon_days
        The day by which events are counted, None for classes.
    named
        The modalities whose columns are variables (clinical values). Of others only the whole is looked at.
    """
    found = [
        _compare(what, groups, outcome, horizon_days)
        for what, groups in (*_patterns(cases), *_variables(cases, named))
    ]
    return _with_holm(found)


Named = tuple[str, Bool[np.ndarray, " case"]]


def _patterns(cases: Cases) -> Iterator[tuple[str, list[Named]]]:
    labels = list(cases.modalities)
    there = np.array([cases.modalities[label].present for label in labels]).T
    patterns = np.unique(there, axis=0)[::-1] if len(labels) else np.zeros((0, 0), np.bool_)
    if len(patterns) < 2:
        return
    groups = []
    for pattern in patterns:
        has = [label for label, one in zip(labels, pattern, strict=True) if one]
        groups.append((" + ".join(has) or "nothing", (there == pattern).all(axis=1)))
    yield "modalities", groups


def _variables(cases: Cases, named: Collection[str]) -> Iterator[tuple[str, list[Named]]]:
    for label in (label for label in cases.modalities if label in named):
        modality = cases.modalities[label]
        lacks: dict[bytes, list[str]] = {}
        for number, column in enumerate(modality.columns):
            absent = np.isnan(modality.values[:, number])
            if min(absent.sum(), (~absent).sum()) >= 1:
                lacks.setdefault(absent.tobytes(), []).append(column.split("=")[0])
        for key, columns in lacks.items():
            absent = np.frombuffer(key, dtype=np.bool_)
            names = list(dict.fromkeys(columns))
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            what = f"{label}: {', '.join(names[:3])}{more}"
            yield what, [("observed", ~absent), ("missing", absent)]


def _compare(what: str, named: list[Named], outcome: Outcome, horizon_days: float | None) -> Missing:
    groups = tuple(
        _group(name, outcome.take(np.flatnonzero(rows)), horizon_days) for name, rows in named if rows.any()
    )
    label = np.full(len(outcome), -1)
    large = [rows for _, rows in named if rows.sum() >= FEWEST_IN_GROUP]
    for number, rows in enumerate(large):
        label[rows] = number
    tested = np.flatnonzero(label >= 0)
    p = math.nan
    if len(large) > 1:
        part = outcome.take(tested)
        p = (
            chi_square_p(part, label[tested])
            if isinstance(part, Classes)
            else log_rank_p(part, label[tested])
        )
    test = "chi-square" if isinstance(outcome, Classes) else "log-rank"
    return Missing(what=what, groups=groups, interval=_interval_name(outcome), test=test, p=p)


def _interval_name(outcome: Outcome) -> str:
    if isinstance(outcome, Classes):
        return "Wilson" if len(outcome.names) == 2 else "none: several classes"
    if isinstance(outcome, Competing):
        return "Aalen-Johansen, log(-log) limits"
    return "Kaplan-Meier, log(-log) limits"


def _group(name: str, outcome: Outcome, horizon_days: float | None) -> Group:
    n = len(outcome)
    if isinstance(outcome, Classes):
        events = outcome.n_events
        if events is None:
            return Group(name=name, n=n, events=0, by_day=0, share=math.nan, low=math.nan, high=math.nan)
        low, high = wilson(events, n)
        return Group(name=name, n=n, events=events, by_day=events, share=events / n, low=low, high=high)
    day = np.array([math.inf if horizon_days is None else horizon_days])
    if isinstance(outcome, Competing):
        curve = incidence_of_group(name, outcome, np.zeros(0))
        at = int(np.searchsorted(curve["time_days"], day[0], side="right")) - 1
        free = (curve["survival"][at], curve["low"][at], curve["high"][at])
    else:
        km = estimate_survival(outcome)
        at = int(np.searchsorted(km.time_days, day[0], side="right")) - 1
        free = (1.0, 1.0, 1.0) if at < 0 else (float(km.value[at]), float(km.low[at]), float(km.high[at]))
    share, low, high = 1 - free[0], 1 - free[2], 1 - free[1]
    if low == high:  # no event, or nobody left: the curve has no variance there, which is not certainty
        low, high = math.nan, math.nan
    events, by_day = int(outcome.event.sum()), int(outcome.event[outcome.time_days <= day].sum())
    return Group(name=name, n=n, events=events, by_day=by_day, share=share, low=low, high=high)


def log_rank_p(outcome: Survival, group: Int[np.ndarray, " case"]) -> float:
    """Return the p-value of the log-rank test that all groups have one hazard (Mantel 1966; Peto 1972).

    Parameters
    ----------
    outcome
        Shape (case,). Of competing causes the hazard of that of interest is compared. Cases that entered
        late are at risk from then on.
    group
        Shape (case,), 0, 1, … without a gap. Two groups or more.

    Returns
    -------
    float
        From chi-square with one degree of freedom fewer than groups; NaN without an event.
    """
    from scipy.special import chdtrc

    n_groups = int(group.max()) + 1
    days, position = np.unique(outcome.time_days, return_inverse=True)
    events = np.zeros((len(days), n_groups))
    leaving = np.zeros((len(days), n_groups))
    np.add.at(events, (position, group), outcome.event)
    np.add.at(leaving, (position, group), 1.0)
    at_risk = leaving[::-1].cumsum(axis=0)[::-1]
    for number in range(n_groups):  # who comes under observation later is not at risk before
        at_risk[:, number] -= count_not_entered(outcome.take(np.flatnonzero(group == number)), days)
    on_day, all_risk = events.sum(axis=1), at_risk.sum(axis=1)
    share = at_risk / all_risk[:, None]
    excess = (events - on_day[:, None] * share).sum(axis=0)[1:]
    spread = on_day * (all_risk - on_day) / np.maximum(all_risk - 1, 1)
    variance = np.diag((spread[:, None] * share).sum(axis=0)) - (spread[:, None] * share).T @ share
    inner = variance[1:, 1:]
    if not np.linalg.matrix_rank(inner):
        return math.nan
    return float(chdtrc(n_groups - 1, excess @ np.linalg.pinv(inner) @ excess))


def chi_square_p(outcome: Classes, group: Int[np.ndarray, " case"]) -> float:
    """Return Pearson's p-value that classes are divided alike over the groups, NaN with one class only."""
    from scipy.special import chdtrc

    counts = np.zeros((int(group.max()) + 1, len(outcome.names)))
    np.add.at(counts, (group, outcome.label), 1.0)
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return math.nan
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    statistic = ((counts - expected) ** 2 / expected).sum()
    return float(chdtrc((counts.shape[0] - 1) * (counts.shape[1] - 1), statistic))


def _with_holm(found: list[Missing]) -> list[Missing]:
    """Return the rows with their p adjusted for all tests that were made."""
    tested = sorted((row.p, number) for number, row in enumerate(found) if not math.isnan(row.p))
    adjusted, before = dict[int, float](), 0.0
    for rank, (p, number) in enumerate(tested):
        before = max(before, min(1.0, (len(tested) - rank) * p))
        adjusted[number] = before
    return [replace(row, holm=adjusted.get(number, math.nan)) for number, row in enumerate(found)]
