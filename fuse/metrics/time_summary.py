"""What a group of cases may expect: probabilities of the event by some days, and mean time without it.

Enters: outcomes of a group. Leaves: numbers with intervals for curves.json. With few events the median is
not reached and a single number of months says nothing: a probability at a day that was fixed before, and the
mean time up to it, always exist where somebody was followed that far. Where nobody was, the number is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from fuse.metrics.aalen_johansen import estimate_incidence
from fuse.metrics.intervals import LEVEL
from fuse.metrics.kaplan_meier import NORMAL_975, count_at_risk, estimate_survival
from fuse.outcomes.outcomes import Competing, Survival

KAPLAN_MEIER = "Kaplan–Meier, limits on the log(−log) scale"
KAPLAN_MEIER_AREA = "area under Kaplan–Meier, Greenwood's variance"
NO_EVENT = "no event was seen"
AALEN_JOHANSEN = "Aalen–Johansen, limits on the log(−log) scale"
AALEN_JOHANSEN_AREA = "area above Aalen–Johansen, infinitesimal jackknife"


class AtDay(TypedDict):
    """A number that belongs to a day; None where follow-up does not reach it, and `method` says so."""

    day: float
    estimate: float | None
    low: float | None
    high: float | None
    method: str


class TimeSummary(TypedDict):
    """The probability of the event (of interest) by each day, and the mean days without it up to the last."""

    name: str
    n: int
    events: int
    event_probability: list[AtDay]
    restricted_mean_days: AtDay


def summarise_times(name: str, outcome: Survival, days: Sequence[float]) -> TimeSummary:
    """Return what a group may expect by some days; the last of them limits the mean.

    Parameters
    ----------
    outcome
        Outcomes (case,); with competing causes, those of the cause of interest are told: the mean is then of
        days without that event, whether alive or not.
    days
        Rising days.

    Returns
    -------
    TimeSummary
        Probabilities 1 - Kaplan-Meier or Aalen-Johansen. The restricted mean is the area under the curve up
        to the last day, its variance Greenwood's, sum of (area after an event time)^2 d / (n (n - d)) (Klein
        and Moeschberger 2003, equation 4.5.2), its Wald limits kept inside 0 and that day. Of competing
        causes see `aalen_johansen.estimate_incidence`.
    """
    reached = _last_known_day(outcome)
    known = [day <= reached for day in days]
    probabilities = [
        _probability_at(outcome, day) if is_known else _absent(day, reached)
        for day, is_known in zip(days, known, strict=True)
    ]
    mean = _mean_until(outcome, days[-1]) if known[-1] else _absent(days[-1], reached)
    return TimeSummary(
        name=name,
        n=len(outcome),
        events=int(outcome.event.sum()),
        event_probability=probabilities,
        restricted_mean_days=mean,
    )


def _probability_at(outcome: Survival, day: float) -> AtDay:
    if isinstance(outcome, Competing):
        return _incidence_at(outcome, day)
    curve = estimate_survival(outcome)
    step = int(np.searchsorted(curve.time_days, day, side="right")) - 1
    survival = 1.0 if step < 0 else float(curve.value[step])
    if survival == 1.0:
        return _nobody(outcome, day)
    if survival < np.finfo(float).eps:
        return AtDay(day=day, estimate=1.0, low=None, high=None, method=f"{KAPLAN_MEIER}; none at 1")
    low, high = 1 - float(curve.high[step]), 1 - float(curve.low[step])
    return AtDay(day=day, estimate=1 - survival, low=low, high=high, method=KAPLAN_MEIER)


def _mean_until(outcome: Survival, day: float) -> AtDay:
    if isinstance(outcome, Competing):
        return _area_above(outcome, day)
    curve = estimate_survival(outcome)
    steps = np.unique(outcome.time_days[outcome.event & (outcome.time_days < day)])
    widths = np.diff(np.concatenate([[0.0], steps, [day]]))
    areas = np.concatenate([[1.0], curve.at(steps)]) * widths
    after = areas[::-1].cumsum()[::-1][1:]
    events = np.array([(outcome.event & (outcome.time_days == step)).sum() for step in steps])
    at_risk = count_at_risk(outcome, steps)
    left = at_risk - events
    spread = np.where(left > 0, np.square(after) * events / (at_risk * np.maximum(left, 1)), 0.0)
    if len(steps) == 0:
        return AtDay(day=day, estimate=day, low=None, high=None, method=NO_EVENT)
    return _mean_within(float(areas.sum()), float(np.sqrt(spread.sum())), day, KAPLAN_MEIER_AREA)


def _nobody(outcome: Survival, day: float) -> AtDay:
    """Return a probability of 0, with the exact limit of the cases that are known to be free of the event.

    Whoever came under observation late is not: who had the event before did not come.
    """
    free = outcome.time_days >= day
    if isinstance(outcome, Competing):
        free |= outcome.cause > 1
    if outcome.entry_days is not None:
        free &= outcome.entry_days == 0
    n = int(free.sum())
    high = 1 - ((1 - LEVEL) / 2) ** (1 / n) if n else 1.0
    return AtDay(
        day=day, estimate=0.0, low=0.0, high=high, method=f"{NO_EVENT}: Clopper–Pearson of those followed"
    )


def _incidence_at(outcome: Competing, day: float) -> AtDay:
    curve = estimate_incidence(outcome, day)
    if not len(curve.value) or curve.value[-1] == 0.0:
        return _nobody(outcome, day)
    estimate = float(curve.value[-1])
    if estimate > 1 - np.finfo(float).eps:
        return AtDay(day=day, estimate=1.0, low=None, high=None, method=f"{AALEN_JOHANSEN}; none at 1")
    low, high = (float(limit[-1]) for limit in curve.limits())
    return AtDay(day=day, estimate=estimate, low=low, high=high, method=AALEN_JOHANSEN)


def _area_above(outcome: Competing, day: float) -> AtDay:
    curve = estimate_incidence(outcome, day)
    if curve.lost == 0.0:
        return AtDay(day=day, estimate=day, low=None, high=None, method=NO_EVENT)
    return _mean_within(day - curve.lost, curve.lost_error, day, AALEN_JOHANSEN_AREA)


def _mean_within(mean: float, error: float, day: float, method: str) -> AtDay:
    low, high = max(0.0, mean - NORMAL_975 * error), min(day, mean + NORMAL_975 * error)
    return AtDay(day=day, estimate=mean, low=low, high=high, method=method)


def _last_known_day(outcome: Survival) -> float:
    """Return the last day of which the curve says something: for ever, where it has ended."""
    last = float(outcome.time_days.max())
    on_last = outcome.time_days == last
    causes = outcome.cause > 0 if isinstance(outcome, Competing) else outcome.event
    return float("inf") if bool(causes[on_last].all()) else last


def _absent(day: float, reached: float) -> AtDay:
    return AtDay(
        day=day, estimate=None, low=None, high=None, method=f"none: follow-up ends on day {reached:g}"
    )
