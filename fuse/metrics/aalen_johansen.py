"""Cumulative incidence: the probability that one of several causes comes first, by a day.

Enters: times and causes. Leaves: the estimate of Aalen and Johansen (1978) for the cause of interest, on
resamples and as a curve with its error. 1 - Kaplan-Meier with the other causes censored would be too
high: it is the share in a world in which nobody has any other cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.metrics.kaplan_meier import NORMAL_975, AtRisk, GroupCurve, count_at_risk
from fuse.outcomes.at_risk import at_risk
from fuse.outcomes.outcomes import Competing


def resampled_incidence(
    outcome: Competing, days: Float[np.ndarray, " day"], counts: Float[np.ndarray, "sample case"]
) -> Float[np.ndarray, "sample day"]:
    """Return the cumulative incidence of the cause of interest at some days, for many resamples.

    Parameters
    ----------
    outcome
        Times and causes, (case,).
    days
        Evaluation days; a step counts from its own day on.
    counts
        How often each case is in each resample, (sample, case).
    """
    until = days.max(initial=0.0)  # what comes later changes nothing
    steps = np.unique(outcome.time_days[(outcome.cause > 0) & (outcome.time_days <= until)])
    in_counts = np.maximum(counts @ at_risk(outcome, steps).T.astype(float), 1)
    on_day = outcome.time_days[:, None] == steps[None, :]
    of_any = counts @ (on_day & (outcome.cause > 0)[:, None]).astype(float) / in_counts
    of_interest = counts @ (on_day & (outcome.cause == 1)[:, None]).astype(float) / in_counts
    after = np.cumprod(1 - of_any, axis=1)
    before = np.concatenate([np.ones((len(counts), 1)), after[:, :-1]], axis=1)
    incidence = np.cumsum(before * of_interest, axis=1)
    padded = np.concatenate([np.zeros((len(counts), 1)), incidence], axis=1)
    return np.asarray(padded[:, np.searchsorted(steps, days, side="right")])


@dataclass(frozen=True, kw_only=True)
class Incidence:
    """The cumulative incidence of the cause of interest: a step on every day on which something happened.

    `value`, `error` (step,): the estimate and its standard error. `lost`, `lost_error`: the area under it up
    to the last day that was asked for, in days without time for the event.
    """

    time_days: Float[np.ndarray, " step"]
    value: Float[np.ndarray, " step"]
    error: Float[np.ndarray, " step"]
    lost: float
    lost_error: float

    def limits(self) -> tuple[Float[np.ndarray, " step"], Float[np.ndarray, " step"]]:
        """Return 95 % limits on the log(-log) scale, inside (0, 1); 0 and 1 themselves have none."""
        inside = (self.value > 0) & (self.value < 1)
        value = np.where(inside, self.value, 0.5)
        half = NORMAL_975 * self.error / (-value * np.log(value))
        low, high = (np.exp(np.log(value) * np.exp(sign * half)) for sign in (1, -1))
        return np.where(inside, low, self.value), np.where(inside, high, self.value)


def estimate_incidence(outcome: Competing, until: float) -> Incidence:
    """Estimate the cumulative incidence up to a day.

    The standard error is the infinitesimal jackknife, the root of the sum over cases of the squared change of
    the estimate with the weight of a case, which is what R's `survfit` gives for several states (Efron 1982;
    Therneau and Grambsch 2000, section 7.4). Limits are those of R's `conf.type = "log-log"`.
    """
    steps = np.unique(outcome.time_days[(outcome.cause > 0) & (outcome.time_days <= until)])
    widths = np.diff(np.append(steps, until)) if len(steps) else np.zeros(0)
    free, reached, lost = 1.0, 0.0, 0.0
    # how much these three change with the weight of each case
    of_free, of_reached, of_lost = np.zeros((3, len(outcome)))
    value, error = np.zeros(len(steps)), np.zeros(len(steps))
    for step, (day, width) in enumerate(zip(steps, widths, strict=True)):
        there = at_risk(outcome, np.array([day]))[0].astype(float)
        on_day, n = outcome.time_days == day, there.sum()
        of_interest, of_any = (on_day & (outcome.cause == 1)), (on_day & (outcome.cause > 0))
        hazard, any_hazard = of_interest.sum() / n, of_any.sum() / n
        of_reached = of_reached + of_free * hazard + free * (of_interest - there * hazard) / n
        of_free = of_free * (1 - any_hazard) - free * (of_any - there * any_hazard) / n
        reached, free = reached + free * hazard, free * (1 - any_hazard)
        value[step], error[step] = reached, np.sqrt(np.square(of_reached).sum())
        if np.isfinite(width):
            lost, of_lost = lost + reached * width, of_lost + of_reached * width
    return Incidence(
        time_days=steps,
        value=value,
        error=error,
        lost=float(lost),
        lost_error=float(np.sqrt(np.square(of_lost).sum())),
    )


def incidence_of_group(name: str, outcome: Competing, days: Float[np.ndarray, " time"]) -> GroupCurve:
    """Return 1 - the cumulative incidence of one group, with pointwise limits and numbers at risk."""
    curve = estimate_incidence(outcome, float("inf"))
    low, high = curve.limits()
    marks = count_at_risk(outcome, days)
    return GroupCurve(
        name=name,
        n=len(outcome),
        events=int(outcome.event.sum()),
        time_days=[0.0, *curve.time_days.tolist()],
        survival=[1.0, *(1 - curve.value).tolist()],
        low=[1.0, *(1 - high).tolist()],
        high=[1.0, *(1 - low).tolist()],
        at_risk=[AtRisk(day=float(day), n=int(n)) for day, n in zip(days, marks, strict=True)],
    )
