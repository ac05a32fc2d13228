"""Brier score: squared error of the predicted event-free probability, weighted for censoring.

Enters: probabilities of test cases over days, outcomes of both parts of the fold. Leaves: one contribution
per case and day, so that pooling over folds and resampling cases are sums of rows.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from fuse.metrics.aalen_johansen import resampled_incidence
from fuse.metrics.censoring import CensoringWeights
from fuse.metrics.kaplan_meier import estimate_survival
from fuse.outcomes.outcomes import Competing, Survival


def brier_by_case(
    event_free: Float[np.ndarray, "case time"], weights: CensoringWeights
) -> Float[np.ndarray, "case time"]:
    """Return what each case adds to the Brier score at each day; the score is the mean over cases.

    Parameters
    ----------
    event_free
        Predicted probability of no event up to each day, (case, time).
    weights
        Censoring weights of the same cases and days.

    Returns
    -------
    array
        (case, time), >= 0 (Graf et al. 1999).
    """
    had, free = weights.had_event, weights.event_free
    return np.asarray(np.square(event_free) * had + np.square(1 - event_free) * free)


def integrate(
    by_time: Float[np.ndarray, "case time"], days: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " case"]:
    """Average contributions over time by the trapezoid rule: sum over days / (last day - first day)."""
    return np.asarray(np.trapezoid(by_time, days, axis=1) / (days[-1] - days[0]))


def event_free_at(
    predicted: Float[np.ndarray, "case time"],
    times_days: Float[np.ndarray, " time"],
    days: Float[np.ndarray, " day"],
) -> Float[np.ndarray, "case day"]:
    """Read predicted curves at some days, in a straight line between the predicted days.

    A curve is 1 on day 0 and keeps its last value. Reading it as a step would give the value of an earlier
    day, up to one part in 24 of the horizon before, and with it too few expected events.
    """
    if times_days[0] > 0:
        times_days = np.concatenate([[0.0], times_days])
        predicted = np.concatenate([np.ones((len(predicted), 1)), predicted], axis=1)
    before = np.searchsorted(times_days, days, side="right") - 1
    after = np.minimum(before + 1, len(times_days) - 1)
    apart = times_days[after] - times_days[before]
    share = np.where(apart > 0, (days - times_days[before]) / np.where(apart > 0, apart, 1.0), 0.0)
    return np.asarray(predicted[:, before] + share * (predicted[:, after] - predicted[:, before]))


def train_curve(
    train: Survival, n_cases: int, days: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "case time"]:
    """Return the train part's curve as everybody's prediction: what a model must beat.

    Kaplan and Meier's; of competing causes 1 - the cumulative incidence of the cause of interest.
    """
    if isinstance(train, Competing):
        once = np.ones((1, len(train)))
        return np.broadcast_to(1 - resampled_incidence(train, days, once)[0], (n_cases, len(days)))
    return np.broadcast_to(estimate_survival(train).at(days), (n_cases, len(days)))
