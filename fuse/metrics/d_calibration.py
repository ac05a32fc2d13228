"""D-calibration: whether the predicted curves hold the right share of events at every height.

Enters: predicted probabilities over days and the outcomes, fold by fold. Leaves: the p-value of a chi-square
test that heights at the event are uniform (Haider, Hoehn, Davis and Greiner 2020). A low one says that the
curves are wrong somewhere; a high one proves nothing, so that none is given under 200 events by the horizon.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from fuse.metrics.brier import event_free_at
from fuse.metrics.intervals import Interval
from fuse.metrics.scored import ScoredArm
from fuse.metrics.smooth_calibration import too_few

BINS = 10


def d_calibration(arm: ScoredArm, horizon_days: float) -> tuple[float, Interval]:
    """Return the p-value of the D-calibration test; it has no interval.

    Follow-up is cut at the horizon, where predictions end: whoever is followed beyond it counts as censored
    on it. A case that was tested in several repeats counts once, its shares averaged. Spreading censored
    cases evens the bins out, so that the test finds too little: of true curves with four in ten of 800 cases
    censored it rejects under 1 % at .05, of predicted hazards that are 15 % too high 29 %.
    """
    outcome = arm.outcome
    refused = too_few(int((outcome.event & (outcome.time_days <= horizon_days)).sum()))
    if refused is not None:
        return math.nan, refused
    total, folds = np.zeros((len(arm.case_ids), BINS)), np.zeros(len(arm.case_ids))
    for fold in arm.folds:
        test, said = fold.truth.test, fold.prediction
        day = np.minimum(test.time_days, horizon_days)
        height = _height_at(said.event_free, said.times_days, day)
        seen = test.event & (test.time_days <= horizon_days)
        total[fold.rows] += np.where(seen[:, None], _bin_of(height), _shares_below(height))
        folds[fold.rows] += 1
    found = (total / folds[:, None]).sum(axis=0)
    expected = len(arm.case_ids) / BINS
    from scipy.special import chdtrc

    p = float(chdtrc(BINS - 1, float((np.square(found - expected) / expected).sum())))
    method = (
        f"D-calibration, chi-square of {BINS} bins, {BINS - 1} df, follow-up cut at day {horizon_days:g}; "
        "where many are censored it seldom finds what is wrong"
    )
    return p, Interval(low=math.nan, high=math.nan, method=method)


def _height_at(
    predicted: Float[np.ndarray, "case time"],
    times_days: Float[np.ndarray, " time"],
    own: Float[np.ndarray, " case"],
) -> Float[np.ndarray, " case"]:
    """Read each case's curve at a day of its own, as `event_free_at` reads all at the same days."""
    days = np.unique(own)
    place = np.searchsorted(days, own)
    return np.asarray(event_free_at(predicted, times_days, days)[np.arange(len(own)), place])


def _bin_of(height: Float[np.ndarray, " case"]) -> Float[np.ndarray, "case bin"]:
    """Return 1 in the bin that holds the height at the event."""
    place = np.minimum((height * BINS).astype(int), BINS - 1)
    return np.asarray(np.eye(BINS)[place])


def _shares_below(height: Float[np.ndarray, " case"]) -> Float[np.ndarray, "case bin"]:
    """Spread a censored case evenly over all heights below its own, where its event may come.

    A curve that has fallen to 0 leaves the lowest bin only.
    """
    edges = np.arange(BINS + 1) / BINS
    inside = np.clip(height[:, None] - edges[None, :-1], 0.0, 1 / BINS)
    none_left = height <= 0
    shares = inside / np.where(none_left, 1.0, height)[:, None]
    shares[none_left, 0] = 1.0
    return np.asarray(shares)
