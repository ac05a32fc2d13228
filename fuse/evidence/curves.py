"""What curves.json holds of an endpoint with times: two groups of risk, the whole cohort, and calibration.

Enters: what one arm predicted, the truths, and the cuts that were made on each train part. Leaves: curves of
the groups, what they and the whole cohort may expect by each declared day, and observed against predicted.
All of the first repeat, in which every case is predicted once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.aalen_johansen import incidence_of_group
from fuse.metrics.brier import event_free_at
from fuse.metrics.calibration_groups import calibration_curve
from fuse.metrics.kaplan_meier import GroupCurve, curve_of_group
from fuse.metrics.time_summary import summarise_times
from fuse.outcomes.outcomes import Competing, Survival, stack_times

_RULE = (
    "A test case is in the group of higher predicted risk if its risk is above the median of the "
    "out-of-fold risks of its own train part. Repeat {}, in which each case is tested once."
)
_NEVER = " A case that had another cause first stays without the event for good."


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The arm that the curves are of, and the days that they are read at, the last of them the horizon.

    `cuts`: (repeat, fold) -> median out-of-fold risk of the train part.
    """

    arm: str
    said: Sequence[FoldPrediction]
    truths: Sequence[FoldTruth]
    cuts: Mapping[tuple[int, int], float]
    days: Sequence[float]


def describe_curves(drawn: Drawn) -> dict[str, Any]:
    """Return the content of curves.json."""
    first = min(prediction.repeat for prediction in drawn.said)
    pairs = [pair for pair in zip(drawn.said, drawn.truths, strict=True) if pair[0].repeat == first]
    higher = np.concatenate([own.risk > drawn.cuts[own.repeat, own.fold] for own, _ in pairs])
    tested, horizon = stack_times([truth.test for _, truth in pairs]), drawn.days[-1]
    marks = np.linspace(0.0, horizon, 5)
    groups = []
    for name, rows in (("higher predicted risk", higher), ("lower predicted risk", ~higher)):
        if rows.any():
            group = tested.take(np.flatnonzero(rows))
            summary = summarise_times(name, group, drawn.days)
            groups.append({**_curve(name, group, marks), "summary": summary})
    probability = np.concatenate(
        [1 - event_free_at(own.event_free, own.times_days, np.array([horizon]))[:, 0] for own, _ in pairs]
    )
    causes = isinstance(tested, Competing)
    return {
        "arm": drawn.arm,
        "groups": groups,
        "rule": _RULE.format(first) + (_NEVER if causes else ""),
        **({"estimator": "Aalen–Johansen"} if causes else {}),
        "whole": summarise_times("all cases", tested, drawn.days),
        "calibration": calibration_curve(drawn.arm, probability, tested, horizon),
    }


def _curve(name: str, group: Survival, marks: np.ndarray) -> GroupCurve:
    if isinstance(group, Competing):
        return incidence_of_group(name, group, marks)
    return curve_of_group(name, group, marks)
