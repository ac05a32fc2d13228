"""What a group of cases may expect: probabilities of the event by some days, and mean time without it.

Enters: outcomes of a group. Leaves: numbers with intervals for curves.json. With few events the median is
not reached and a single number of months says nothing: a probability at a day that was fixed before, and the
mean time up to it, always exist where somebody was followed that far. Where nobody was, the number is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from jaxtyping import Float

from fuse.metrics.aalen_johansen import resampled_incidence
from fuse.metrics.intervals import LEVEL, draw_resamples
from fuse.metrics.kaplan_meier import NORMAL_975, count_at_risk, estimate_survival
from fuse.outcomes.outcomes import Competing, Survival

KAPLAN_MEIER = "Kaplan–Meier, limits on the log(−log) scale"
KAPLAN_MEIER_AREA = "area under Kaplan–Meier, Greenwood's variance"
NO_EVENT = "no event was seen"
AALEN_JOHANSEN = "Aalen–Johansen, bootstrap of cases"
AALEN_JOHANSEN_AREA = "area above Aalen–Johansen, bootstrap of cases"


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


def summarise_times(name: str, outcome: Survival, days: Sequence[float], seed: int) -> TimeSummary:
    """Return what a group may expect by some days; the last of them limits the mean.

    Parameters
    ----------
    outcome
        Outcomes (case,); with competing causes, those of the cause of interest are told: the mean is then of
        days without that event, whether alive or not.
    days
        Rising days.
    seed
        Of the bootstrap, which only competing causes need.

    Returns
    -------
    TimeSummary
        Probabilities 1 - Kaplan-Meier or Aalen-Johansen. The restricted mean is the area under the curve up
        to the last day, its variance Greenwood's, sum of (area after an event time)^2 d / (n (n - d)) (Klein
        and Moeschberger 2003, equation 4.5.2), its Wald limits kept inside 0 and that day.
    """
    reached = _last_known_day(outcome)
    drawn = _Drawn(outcome, seed) if isinstance(outcome, Competing) else None
    probabilities = [
        (_incidence_at(drawn, day) if drawn else _probability_at(outcome, day))
        if day <= reached
        else _absent(day, reached)
        for day in days
    ]
    mean = (
        (_area_above(drawn, days[-1]) if drawn else _area_under(outcome, days[-1]))
        if days[-1] <= reached
        else _absent(days[-1], reached)
    )
    return TimeSummary(
        name=name,
        n=len(outcome),
        events=int(outcome.event.sum()),
        event_probability=probabilities,
        restricted_mean_days=mean,
    )


class _Drawn:
    """The incidence of the cause of interest on its event days, in the cases as they are and in resamples.

    `curve` is (sample, step); its first row is that of the cases as they are.
    """

    def __init__(self, outcome: Competing, seed: int) -> None:
        self.outcome = outcome
        self.steps = np.unique(outcome.time_days[outcome.event])
        counts = np.concatenate([np.ones((1, len(outcome))), draw_resamples(len(outcome), seed)])
        self.curve = resampled_incidence(outcome, self.steps, counts)


def _probability_at(outcome: Survival, day: float) -> AtDay:
    curve = estimate_survival(outcome)
    step = int(np.searchsorted(curve.time_days, day, side="right")) - 1
    survival = 1.0 if step < 0 else float(curve.value[step])
    if survival == 1.0:
        return _nobody(outcome, day)
    if survival < np.finfo(float).eps:
        return AtDay(day=day, estimate=1.0, low=None, high=None, method=f"{KAPLAN_MEIER}; none at 1")
    low, high = 1 - float(curve.high[step]), 1 - float(curve.low[step])
    return AtDay(day=day, estimate=1 - survival, low=low, high=high, method=KAPLAN_MEIER)


def _area_under(outcome: Survival, day: float) -> AtDay:
    curve = estimate_survival(outcome)
    steps = np.unique(outcome.time_days[outcome.event & (outcome.time_days < day)])
    widths = np.diff(np.concatenate([[0.0], steps, [day]]))
    areas = np.concatenate([[1.0], curve.at(steps)]) * widths
    after = areas[::-1].cumsum()[::-1][1:]
    events = np.array([(outcome.event & (outcome.time_days == step)).sum() for step in steps])
    at_risk = count_at_risk(outcome, steps)
    left = at_risk - events
    spread = np.where(left > 0, np.square(after) * events / (at_risk * np.maximum(left, 1)), 0.0)
    half = NORMAL_975 * float(np.sqrt(spread.sum()))
    mean = float(areas.sum())
    if len(steps) == 0:
        return AtDay(day=day, estimate=day, low=None, high=None, method=NO_EVENT)
    low, high = max(0.0, mean - half), min(day, mean + half)
    return AtDay(day=day, estimate=mean, low=low, high=high, method=KAPLAN_MEIER_AREA)


def _nobody(outcome: Survival, day: float) -> AtDay:
    """Return a probability of 0, with the exact limit of the cases that are known to be free of the event."""
    free = outcome.time_days >= day
    if isinstance(outcome, Competing):
        free |= outcome.cause > 1
    n = int(free.sum())
    high = 1 - ((1 - LEVEL) / 2) ** (1 / n) if n else 1.0
    return AtDay(
        day=day, estimate=0.0, low=0.0, high=high, method=f"{NO_EVENT}: Clopper–Pearson of those followed"
    )


def _incidence_at(drawn: _Drawn, day: float) -> AtDay:
    step = int(np.searchsorted(drawn.steps, day, side="right")) - 1
    if step < 0:
        return _nobody(drawn.outcome, day)
    return _with_quantiles(drawn.curve[:, step], day, AALEN_JOHANSEN)


def _area_above(drawn: _Drawn, day: float) -> AtDay:
    n_steps = int(np.searchsorted(drawn.steps, day, side="left"))
    if n_steps == 0:
        return AtDay(day=day, estimate=day, low=None, high=None, method=NO_EVENT)
    lost = drawn.curve[:, :n_steps] @ np.diff(np.append(drawn.steps[:n_steps], day))
    return _with_quantiles(day - lost, day, AALEN_JOHANSEN_AREA)


def _with_quantiles(values: Float[np.ndarray, " sample"], day: float, method: str) -> AtDay:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values[1:], [tail, 1 - tail])
    return AtDay(day=day, estimate=float(values[0]), low=float(low), high=float(high), method=method)


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
