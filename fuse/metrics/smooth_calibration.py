"""The integrated calibration index: how far predicted probabilities are from a smooth curve of what happened.

Enters: cases whose status on the day is known. Leaves: the mean distance, with a bootstrap interval. A smooth
curve follows noise where events are few, so that nothing is given under 200 events.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from fuse.metrics.intervals import Interval, bootstrap, no_interval
from fuse.metrics.known_status import KnownStatus
from fuse.metrics.recalibration import fit_logistic, log_odds

EVENTS_NEEDED = 200
"""Events by the day (and cases known to be free of it then) under which a smooth curve is noise."""

KNOTS = (0.1, 0.5, 0.9)
"""Quantiles of the predicted log odds at which the spline bends (Harrell 2015, section 2.4.6)."""

REFITTED = 200
"""Resamples in which the curve is fitted again."""


def too_few(count: int, what: str = "events") -> Interval | None:
    """Return what stands in the place of an interval where there are too few of them to judge by."""
    if count >= EVENTS_NEEDED:
        return None
    return no_interval(f"none: cannot be assessed under {EVENTS_NEEDED} {what} ({count} here)")


def integrated_calibration(
    known: KnownStatus, counts: Float[np.ndarray, "sample case"]
) -> tuple[float, Interval]:
    """Return the integrated calibration index (Austin, Harrell and van Klaveren 2020).

    The curve is a logistic regression of what happened on a restricted cubic spline of the predicted log
    odds, three knots, with the weights of the Brier score; the index is the mean of |curve - prediction| with
    the same weights. Unweighted it would be a mean over those whose status is known: where many are censored
    these are the ones with early events, whose predictions are not those of the cohort.

    Parameters
    ----------
    counts
        How often each case is in each resample, (sample, case); the first `REFITTED` are used.

    Returns
    -------
    tuple
        Nothing under `EVENTS_NEEDED` cases with the event by the day, or as many known to be without.
    """
    refused = too_few(known.of_cases(True)) or too_few(known.of_cases(False), "cases without the event")
    if refused is not None:
        return math.nan, refused
    columns = spline_columns(log_odds(known.probability))
    if columns is None or known.constant:
        return math.nan, no_interval("none: too few different predictions")
    fitted = fit_logistic(columns, known.happened, known.weight)
    if fitted is None:
        return math.nan, no_interval("none: no finite curve fits")
    estimate = _mean_distance(known, columns, np.ones(len(known.row)), fitted)
    drawn = [_mean_distance(known, columns, of_sample[known.row], fitted) for of_sample in counts[:REFITTED]]
    note = f"the curve refitted in {len(drawn)} resamples"
    return estimate, bootstrap(np.array(drawn), f"{note}; {known.note}" if known.note else note)


def spline_columns(values: Float[np.ndarray, " obs"]) -> Float[np.ndarray, "obs 3"] | None:
    """Return 1, the value and the bend of a spline with three knots; None where knots meet."""
    first, middle, last = np.quantile(values, KNOTS)
    if not first < middle < last:
        return None

    def cubed(knot: float) -> Float[np.ndarray, " obs"]:
        return np.asarray(np.maximum(values - knot, 0) ** 3)

    bend = cubed(first) - cubed(middle) * (last - first) / (last - middle)
    bend += cubed(last) * (middle - first) / (last - middle)
    return np.column_stack([np.ones(len(values)), values, bend / (last - first) ** 2])


def _mean_distance(
    known: KnownStatus,
    columns: Float[np.ndarray, "obs column"],
    times: Float[np.ndarray, " obs"],
    start: Float[np.ndarray, " column"],
) -> float:
    used = times > 0
    weight = known.weight[used] * times[used]
    found = fit_logistic(columns[used], known.happened[used], weight, start)
    if found is None:
        return math.nan
    curve = 0.5 * (1 + np.tanh(columns[used] @ found / 2))
    return float(np.average(np.abs(curve - known.probability[used]), weights=weight))
