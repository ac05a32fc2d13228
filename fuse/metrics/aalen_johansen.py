"""Cumulative incidence: the probability that one of several causes comes first, by a day.

Enters: times and causes. Leaves: the estimate of Aalen and Johansen (1978) for the cause of interest, on
resamples and as the curve of a group. 1 - Kaplan-Meier with the other causes censored would be too
high: it is the share in a world in which nobody has any other cause.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from fuse.metrics.intervals import LEVEL, draw_resamples
from fuse.metrics.kaplan_meier import AtRisk, GroupCurve, count_at_risk
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


def incidence_of_group(
    name: str, outcome: Competing, days: Float[np.ndarray, " time"], seed: int
) -> GroupCurve:
    """Return 1 - the cumulative incidence of one group, with bootstrap limits and numbers at risk."""
    steps = np.unique(outcome.time_days[outcome.cause > 0])
    value = 1 - resampled_incidence(outcome, steps, np.ones((1, len(outcome))))[0]
    drawn = 1 - resampled_incidence(outcome, steps, draw_resamples(len(outcome), seed))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0) if len(steps) else (value, value)
    marks = count_at_risk(outcome, days)
    return GroupCurve(
        name=name,
        n=len(outcome),
        events=int(outcome.event.sum()),
        time_days=[0.0, *steps.tolist()],
        survival=[1.0, *value.tolist()],
        low=[1.0, *low.tolist()],
        high=[1.0, *high.tolist()],
        at_risk=[AtRisk(day=float(day), n=int(n)) for day, n in zip(days, marks, strict=True)],
    )
