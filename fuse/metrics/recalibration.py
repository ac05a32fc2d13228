"""The calibration slope at one day: whether high predictions are too high and low ones too low.

Enters: cases whose status on the day is known, with what was predicted of them. Leaves: the slope of a
weighted logistic regression of what happened on the log odds that were predicted, and its interval. 1 is
right; below 1 the predictions are too extreme, above 1 they are too timid (Cox 1958).
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

from fuse.metrics.intervals import Interval, t_quantile
from fuse.metrics.known_status import KnownStatus

RAREST = 1e-6
"""Predictions are moved this far from 0 and 1, where log odds do not exist."""

STEPS, STEEPEST = 50, 40.0
"""Newton steps before giving up, and the log odds beyond which a fit runs away to infinity."""


def calibration_slope(known: KnownStatus) -> tuple[float, Interval]:
    """Return the calibration slope with a Wald interval.

    The standard error is the sandwich over cases, all repeats of a case together, with the factor m/(m - 1)
    for m cases (Liang and Zeger 1986), and t quantiles with as many degrees of freedom as there are cases in
    the smaller of the two groups, less one. It takes the fitted models and the censoring curves as given.

    Log odds are counted from their mean within a test part. A part with more events has a train part with
    fewer, which predicts lower for all: between parts the slope would be negative for any model.
    """
    name = (
        "Wald interval of weighted logistic recalibration, sandwich by case, conditional on the fitted models"
    )
    smaller = min(known.of_cases(True), known.of_cases(False))
    if known.constant:
        return _no_slope("the same prediction for everybody")
    if smaller < 2:
        return _no_slope("fewer than two cases known with, or without, the event")
    columns = np.column_stack([np.ones(len(known.row)), _within_parts(known)])
    found = fit_logistic(columns, known.happened, known.weight)
    if found is None:
        return _no_slope("no finite slope fits")
    error = float(np.sqrt(_sandwich(known, columns, found)[1, 1]))
    half = t_quantile(smaller - 1, 1) * error
    method = f"{name}, {smaller - 1} df" + (f"; {known.note}" if known.note else "")
    return float(found[1]), Interval(low=float(found[1]) - half, high=float(found[1]) + half, method=method)


def _within_parts(known: KnownStatus) -> Float[np.ndarray, " obs"]:
    """Return log odds less their weighted mean in the test part."""
    odds = log_odds(known.probability)
    weight = np.bincount(known.part, known.weight)
    mean = np.bincount(known.part, known.weight * odds) / np.where(weight > 0, weight, 1.0)
    return np.asarray(odds - mean[known.part])


def log_odds(probability: Float[np.ndarray, " obs"]) -> Float[np.ndarray, " obs"]:
    """Return log odds, of probabilities kept away from 0 and 1."""
    inside = np.clip(probability, RAREST, 1 - RAREST)
    return np.asarray(np.log(inside / (1 - inside)))


def fit_logistic(
    columns: Float[np.ndarray, "obs column"],
    happened: Bool[np.ndarray, " obs"],
    weight: Float[np.ndarray, " obs"],
    start: Float[np.ndarray, " column"] | None = None,
) -> Float[np.ndarray, " column"] | None:
    """Fit a weighted logistic regression without a penalty by Newton's method, from `start` (else from 0).

    Returns
    -------
    array or None
        Coefficients (column,); None where no finite ones exist (the two groups are parted, or a column is
        the sum of others).
    """
    if start is None and np.linalg.matrix_rank(columns[weight > 0]) < columns.shape[1]:
        return None
    found = np.zeros(columns.shape[1]) if start is None else start
    value = _log_likelihood(columns @ found, happened, weight)
    for _ in range(STEPS):
        said = _expit(columns @ found)
        score = columns.T @ (weight * (happened - said))
        bread = (columns * (weight * said * (1 - said))[:, None]).T @ columns
        try:
            step = np.linalg.solve(bread, score)
        except np.linalg.LinAlgError:  # every prediction is all but certain: the fit runs away
            return None
        while (tried := _log_likelihood(columns @ (found + step), happened, weight)) < value - 1e-9 * abs(
            value
        ):
            step = step / 2
        found, value = found + step, tried
        if np.abs(columns @ found).max() > STEEPEST:
            return None
        if np.abs(step).max() < 1e-10 * max(1.0, float(np.abs(found).max())):
            return np.asarray(found)
    return None


def _sandwich(
    known: KnownStatus, columns: Float[np.ndarray, "obs column"], found: Float[np.ndarray, " column"]
) -> Float[np.ndarray, "column column"]:
    said = _expit(columns @ found)
    bread = np.linalg.inv((columns * (known.weight * said * (1 - said))[:, None]).T @ columns)
    cases, place = np.unique(known.row, return_inverse=True)
    scores = np.zeros((len(cases), columns.shape[1]))
    np.add.at(scores, place, columns * (known.weight * (known.happened - said))[:, None])
    return np.asarray(bread @ (scores.T @ scores) @ bread * (len(cases) / (len(cases) - 1)))


def _log_likelihood(
    score: Float[np.ndarray, " obs"], happened: Bool[np.ndarray, " obs"], weight: Float[np.ndarray, " obs"]
) -> float:
    return float((weight * (happened * score - np.logaddexp(0.0, score))).sum())


def _expit(score: Float[np.ndarray, " obs"]) -> Float[np.ndarray, " obs"]:
    return np.asarray(0.5 * (1 + np.tanh(score / 2)))


def _no_slope(reason: str) -> tuple[float, Interval]:
    return math.nan, Interval(low=math.nan, high=math.nan, method=f"none: {reason}")
