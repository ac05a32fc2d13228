"""How many days a predicted time is off, where everybody comes to the event sooner or later.

Enters: predicted probabilities over days and the outcomes. Leaves: the median absolute error over the cases
whose time was observed. Said together with C: the first is about size, the second about order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.evaluation import MetricRow
from fuse.metrics.intervals import bootstrap, draw_resamples
from fuse.metrics.scored import join

MEDIAN_ERROR = "median_error_days"


def evaluate_time_error(
    predictions: Sequence[FoldPrediction], truths: Sequence[FoldTruth], seed: int
) -> MetricRow:
    """Return the median over observed cases of |predicted - observed| days, averaged over repeats a case."""
    arm = join(predictions, truths)
    total, folds = np.zeros(len(arm.case_ids)), np.zeros(len(arm.case_ids))
    for fold in arm.folds:
        days = predicted_days(fold.prediction.event_free, fold.prediction.times_days)
        total[fold.rows] += np.abs(days - fold.truth.test.time_days)
        folds[fold.rows] += 1
    seen = np.flatnonzero(arm.outcome.event)
    error = total[seen] / folds[seen]
    counts = draw_resamples(len(arm.case_ids), seed)[:, seen]
    interval = bootstrap(resampled_median(error, counts), "cases whose time was observed")
    return MetricRow(
        metric=MEDIAN_ERROR,
        estimate=float(resampled_median(error, np.ones((1, len(seen))))[0]),
        low=interval.low,
        high=interval.high,
        method=interval.method,
        n_cases=len(arm.case_ids),
        n_events=len(seen),
    )


def predicted_days(
    event_free: Float[np.ndarray, "case time"], times_days: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " case"]:
    """Return the day on which each curve falls to one half, in a straight line between the predicted days.

    A curve that stays above one half gives the last predicted day, the horizon.
    """
    days = np.concatenate([[0.0], times_days])
    curve = np.concatenate([np.ones((len(event_free), 1)), event_free], axis=1)
    below = curve <= 0.5
    step = np.where(below.any(axis=1), np.argmax(below, axis=1), len(days) - 1)
    row = np.arange(len(curve))
    high, low = curve[row, step - 1], curve[row, step]
    share = np.where(high > low, (high - 0.5) / np.where(high > low, high - low, 1.0), 1.0)
    return np.asarray(days[step - 1] + np.clip(share, 0.0, 1.0) * (days[step] - days[step - 1]))


def resampled_median(
    values: Float[np.ndarray, " case"], counts: Float[np.ndarray, "sample case"]
) -> Float[np.ndarray, " sample"]:
    """Return the median of each resample (the mean of the middle two of an even number), NaN of nothing."""
    order = np.argsort(values, kind="stable")
    up_to = np.cumsum(counts[:, order], axis=1)
    n = up_to[:, -1]
    lower = np.argmax(up_to >= np.ceil(n / 2)[:, None], axis=1)
    upper = np.argmax(up_to >= np.floor(n / 2 + 1)[:, None], axis=1)
    middle = (values[order][lower] + values[order][upper]) / 2
    return np.where(n > 0, middle, np.nan)
