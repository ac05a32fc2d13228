"""Predicted against observed, in groups of cases with similar predictions: the points of a calibration curve.

Enters: one predicted probability a case and the outcomes. Leaves: for each group the mean prediction and the
share that had the event, with its interval, for curves.json. There are as many groups as events can carry,
never fewer than two; under ten events by the day there are none.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from jaxtyping import Float, Int

from fuse.metrics.kaplan_meier import NORMAL_975
from fuse.metrics.time_summary import summarise_times
from fuse.outcomes.outcomes import Classes, Outcome, Survival

EVENTS_PER_GROUP, MOST_GROUPS, FEWEST_EVENTS = 15, 10, 10

WILSON = "share with the event, Wilson's limits"


class CalibrationPoint(TypedDict):
    """One group; `observed` is None where nobody of the group was followed to the day."""

    n: int
    events: int
    predicted: float
    observed: float | None
    low: float | None
    high: float | None


class CalibrationCurve(TypedDict):
    """The points from low to high predictions; without points `reason` says why. `day` is None of classes."""

    arm: str
    day: float | None
    points: list[CalibrationPoint]
    events: int
    method: str
    reason: str


def calibration_curve(
    arm: str, probability: Float[np.ndarray, " case"], outcome: Outcome, day: float | None
) -> CalibrationCurve:
    """Compare predictions of a day, or of a class, with what was observed.

    Parameters
    ----------
    arm
        Whose predictions these are.
    probability
        Predicted probability of the event by the day, or of the class yes, (case,), each case once.
    outcome
        Of the same cases. Observed shares are 1 - Kaplan-Meier, of competing causes Aalen-Johansen, of
        classes plain shares.
    day
        The horizon in use; None of classes.
    """
    happened = _happened(outcome, day)
    events = int(happened.sum())
    none_yet = CalibrationCurve(arm=arm, day=day, points=[], events=events, method="", reason="")
    if isinstance(outcome, Survival) and outcome.entry_days is not None:
        return {**none_yet, "reason": "cases enter late: those who are there outlived the time before"}
    if events < FEWEST_EVENTS:
        return {**none_yet, "reason": f"{events} events are too few to draw observed against predicted"}
    groups = _split(probability, min(MOST_GROUPS, max(2, events // EVENTS_PER_GROUP)))
    if len(groups) < 2:
        return {**none_yet, "reason": "the same was predicted for everybody"}
    points, method = [], WILSON
    for rows in groups:
        n, own = len(rows), int(happened[rows].sum())
        if isinstance(outcome, Survival) and day is not None:
            found = summarise_times(arm, outcome.take(rows), [day])["event_probability"][0]
            observed, low, high = found["estimate"], found["low"], found["high"]
            method = method if observed is None else found["method"]
        else:
            observed, (low, high) = own / n, wilson(own, n)
        points.append(
            CalibrationPoint(
                n=n,
                events=own,
                predicted=float(probability[rows].mean()),
                observed=observed,
                low=low,
                high=high,
            )
        )
    return {**none_yet, "points": points, "method": method}


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % limits of a share (Wilson 1927).

    >>> tuple(round(limit, 4) for limit in wilson(8, 10))
    (0.4902, 0.9433)
    """
    square = NORMAL_975**2
    centre = (successes + square / 2) / (n + square)
    half = NORMAL_975 / (n + square) * np.sqrt(successes * (n - successes) / n + square / 4)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _happened(outcome: Outcome, day: float | None) -> np.ndarray:
    if isinstance(outcome, Classes) or day is None:
        return np.asarray(outcome.label == 1 if isinstance(outcome, Classes) else outcome.event)
    return np.asarray(outcome.event & (outcome.time_days <= day))


def _split(probability: Float[np.ndarray, " case"], groups: int) -> list[Int[np.ndarray, " row"]]:
    """Return the rows of groups of about one size, from low to high; equal predictions stay together."""
    edges = np.unique(np.quantile(probability, np.arange(1, groups) / groups))
    place = np.searchsorted(edges, probability, side="right")
    return [rows for number in range(len(edges) + 1) if len(rows := np.flatnonzero(place == number))]
