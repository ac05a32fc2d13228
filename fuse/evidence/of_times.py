"""The evidence of a run on times: to an event, to the first of several causes, or simply times.

Enters: the plan of the evaluation and the sealed files. Leaves: metrics, comparisons, and the curves of two
groups that were cut on each train part. Causes beside the one of interest are never taken as censoring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fuse.cases import FoldPrediction, FoldTruth
from fuse.evidence.evaluation_plan import Evaluated, Evaluation
from fuse.metrics.aalen_johansen import incidence_of_group
from fuse.metrics.censoring import Horizon, choose_horizon
from fuse.metrics.comparison import compare_planned
from fuse.metrics.competing import (
    compare_competing,
    competing_of,
    evaluate_competing_arm,
    keep_all_at_risk,
)
from fuse.metrics.evaluation import evaluate_arm, evaluate_singles
from fuse.metrics.kaplan_meier import GroupCurve, curve_of_group
from fuse.metrics.scored import join
from fuse.metrics.time_error import evaluate_time_error
from fuse.outcomes.outcomes import Classes, Competing, Outcome, Survival
from fuse.run.predictions import read_predictions
from fuse.verdict.words import C_MEASURE

Said = Sequence[FoldPrediction]

_RULE = (
    "A test case is in the group of higher predicted risk if its risk is above the median of the "
    "out-of-fold risks of its own train part. Repeat {}, in which each case is tested once."
)
_NEVER = " A case that had another cause first stays without the event for good."


def evaluate_times(
    plan: Evaluation,
    sealed: Mapping[str, tuple[Path, str]],
    drawn: str,
    cuts: Mapping[tuple[int, int], float],
) -> Evaluated:
    """Evaluate every arm of a run on an endpoint with times; `drawn` is the arm that the curves are of."""
    predictions = {name: read_predictions(path) for name, (path, _) in sealed.items()}
    one = next(iter(predictions.values()))
    truths = [
        FoldTruth(repeat=fold.repeat, fold=fold.fold, test=_times(test), train=_times(train))
        for fold, test, train in plan.open_outcomes(one, sealed)
    ]
    kind, declared = plan.door.declared.kind, plan.door.horizon_days() or 0.0
    further = plan.door.declared.horizons_days
    tested: Survival = join(one, truths).outcome
    if kind == "competing":
        kept = keep_all_at_risk(truths)
        tested = competing_of(join(one, kept), one, truths)
        metrics = {
            name: evaluate_competing_arm(said, truths, declared, plan.seed, further)
            for name, said in predictions.items()
        }
        comparisons = compare_competing(predictions, truths, plan.roles)
    else:
        kept = truths
        metrics = {
            name: evaluate_arm(said, truths, declared, plan.seed, further)
            for name, said in predictions.items()
        }
        comparisons = compare_planned(predictions, truths, plan.roles, declared, plan.seed)
    if kind == "time":
        metrics = {
            name: [*rows, evaluate_time_error(predictions[name], truths, plan.seed)]
            for name, rows in metrics.items()
        }
    horizon = choose_horizon(tested, declared)
    return Evaluated(
        metrics=metrics,
        comparisons=comparisons,
        alone=evaluate_singles(predictions, kept, plan.roles.singles),
        tested=tested,
        horizon=horizon,
        measure=C_MEASURE,
        curves={"arm": drawn, **_curves(predictions[drawn], truths, cuts, horizon, plan.seed)},
    )


def _curves(
    said: Said,
    truths: Sequence[FoldTruth],
    cuts: Mapping[tuple[int, int], float],
    horizon: Horizon,
    seed: int,
) -> dict[str, Any]:
    """Return the curves of the first repeat, in which every case is predicted once."""
    first = min(prediction.repeat for prediction in said)
    pairs = [pair for pair in zip(said, truths, strict=True) if pair[0].repeat == first]
    higher = np.concatenate([own.risk > cuts[own.repeat, own.fold] for own, _ in pairs])
    parts = [truth.test for _, truth in pairs]
    days = np.linspace(0.0, horizon.days, 5)
    groups = [
        _curve(name, parts, np.flatnonzero(rows), days, seed)
        for name, rows in (("higher predicted risk", higher), ("lower predicted risk", ~higher))
        if rows.any()
    ]
    if isinstance(parts[0], Competing):
        return {"groups": groups, "rule": _RULE.format(first) + _NEVER, "estimator": "Aalen–Johansen"}
    return {"groups": groups, "rule": _RULE.format(first)}


def _curve(name: str, parts: Sequence[Survival], rows: np.ndarray, days: np.ndarray, seed: int) -> GroupCurve:
    event = np.concatenate([part.event for part in parts])[rows]
    time_days = np.concatenate([part.time_days for part in parts])[rows]
    causes = [part for part in parts if isinstance(part, Competing)]
    if not causes:
        return curve_of_group(name, Survival(event=event, time_days=time_days), days)
    cause = np.concatenate([part.cause for part in causes])[rows]
    group = Competing(event=event, time_days=time_days, cause=cause, causes=causes[0].causes)
    return incidence_of_group(name, group, days, seed)


def _times(outcome: Outcome) -> Survival:
    if isinstance(outcome, Classes):
        raise TypeError("the outcomes of an endpoint with times have times")
    return outcome
