"""Kaplan-Meier curves with pointwise limits and numbers at risk.

Enters: right-censored outcomes. Leaves: step curves that censoring weights and the report share. The limits
are on the log(-log) scale, so they stay inside [0, 1] at the small numbers at risk of a cohort like ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from jaxtyping import Float, Int

from fuse.outcomes.at_risk import count_not_entered
from fuse.outcomes.outcomes import Survival

NORMAL_975 = 1.959963984540054
"""Upper 2.5 % point of the standard normal distribution."""

PROGNOSTIC_NOT_PREDICTIVE = (
    "The groups differ in outlook under the treatment they were given. They say nothing about who would "
    "benefit from another treatment: prognostic is not predictive of treatment effect."
)


class AtRisk(TypedDict):
    """Cases still under observation at one day."""

    day: float
    n: int


class GroupCurve(TypedDict):
    """The curve of one group as the report draws it."""

    name: str
    n: int
    events: int
    time_days: list[float]
    survival: list[float]
    low: list[float]
    high: list[float]
    at_risk: list[AtRisk]


@dataclass(frozen=True, kw_only=True)
class StepCurve:
    """A right-continuous step function that is 1 before its first step and keeps its last value."""

    time_days: Float[np.ndarray, " step"]
    value: Float[np.ndarray, " step"]

    def at(self, days: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """Return the values at some days (a step counts from its own day on)."""
        step = np.searchsorted(self.time_days, days, side="right") - 1
        return np.where(step < 0, 1.0, self.value[np.maximum(step, 0)])


@dataclass(frozen=True, kw_only=True)
class KaplanMeier(StepCurve):
    """`value` is the probability of no event; `low` and `high` are its pointwise 95 % limits."""

    low: Float[np.ndarray, " step"]
    high: Float[np.ndarray, " step"]


def estimate_survival(outcome: Survival) -> KaplanMeier:
    """Estimate the survival curve.

    Parameters
    ----------
    outcome
        Outcomes of (case,), time in days.

    Returns
    -------
    KaplanMeier
        One step at each distinct time. Greenwood's variance, limits on the log(-log) scale (Kalbfleisch and
        Prentice 2002, section 1.4); where the curve is 1 or 0 there is no variance and the limits equal it.
    """
    days, events, _censored, at_risk = _count(outcome)
    left = at_risk - events
    survival = np.cumprod(1 - events / at_risk)
    variance = np.cumsum(np.where(left > 0, events / (at_risk * np.maximum(left, 1)), 0.0))
    inside = (survival > np.finfo(float).eps) & (survival < 1)
    log_survival = np.log(np.where(inside, survival, 0.5))
    half = np.where(inside, NORMAL_975 * np.sqrt(variance) / log_survival, 0.0)
    low = np.where(inside, np.exp(log_survival * np.exp(-half)), survival)
    high = np.where(inside, np.exp(log_survival * np.exp(half)), survival)
    return KaplanMeier(time_days=days, value=survival, low=low, high=high)


def estimate_observed(outcome: Survival) -> StepCurve:
    """Estimate the probability of still being uncensored.

    An event and a censoring on the same day: the event comes first, as in scikit-survival, so the case with
    the event is not at risk of being censored.
    """
    days, events, censored, at_risk = _count(outcome)
    value = np.cumprod(1 - censored / np.maximum(at_risk - events, 1))
    return StepCurve(time_days=days, value=value)


def count_at_risk(outcome: Survival, days: Float[np.ndarray, " time"]) -> Int[np.ndarray, " time"]:
    """Return how many cases are under observation, with neither an event nor a censoring before each day."""
    ordered = np.sort(outcome.time_days)
    left = len(ordered) - np.searchsorted(ordered, days, side="left")
    return np.asarray(left - count_not_entered(outcome, days))


def curve_of_group(name: str, outcome: Survival, days: Float[np.ndarray, " time"]) -> GroupCurve:
    """Return one group's curve, starting at day 0, with numbers at risk at some days."""
    curve = estimate_survival(outcome)
    return GroupCurve(
        name=name,
        n=len(outcome),
        events=int(outcome.event.sum()),
        time_days=[0.0, *curve.time_days.tolist()],
        survival=[1.0, *curve.value.tolist()],
        low=[1.0, *curve.low.tolist()],
        high=[1.0, *curve.high.tolist()],
        at_risk=[
            AtRisk(day=float(day), n=int(n))
            for day, n in zip(days, count_at_risk(outcome, days), strict=True)
        ],
    )


def _count(
    outcome: Survival,
) -> tuple[
    Float[np.ndarray, " step"], Int[np.ndarray, " step"], Int[np.ndarray, " step"], Int[np.ndarray, " step"]
]:
    days, position = np.unique(outcome.time_days, return_inverse=True)
    events = np.bincount(position[outcome.event], minlength=len(days))
    leaving = np.bincount(position, minlength=len(days))
    at_risk = len(outcome) - np.cumsum(leaving) + leaving - count_not_entered(outcome, days)
    return days, events, leaving - events, at_risk
