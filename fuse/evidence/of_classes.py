"""The evidence of a run on classes: no time, so no horizon and no curves.

Enters: the plan of the evaluation and the sealed files. Leaves: metrics, comparisons and the sizes of the
classes that were tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fuse.evidence.evaluation_plan import Evaluated, Evaluation
from fuse.evidence.interval_table import IntervalInputs, interval_rows
from fuse.metrics.calibration_groups import calibration_curve
from fuse.metrics.class_scored import ClassArm, join_classes
from fuse.metrics.classes import compare_class_arms, evaluate_class_arm, evaluate_class_singles
from fuse.outcomes.outcomes import Classes, Outcome
from fuse.run.class_prediction import ClassTruth, read_class_predictions
from fuse.verdict.words import AUROC_MEASURE, MEAN_AUROC_MEASURE


def evaluate_classes(plan: Evaluation, sealed: Mapping[str, tuple[Path, str]], drawn: str) -> Evaluated:
    """Evaluate every arm of a run on classes; `drawn` is the arm whose calibration curves.json has."""
    predictions = {
        name: plan.with_inner(name, read_class_predictions(path)) for name, (path, _) in sealed.items()
    }
    truths = [
        ClassTruth(repeat=fold.repeat, fold=fold.fold, test=_classes(test), train=_classes(train))
        for fold, test, train in plan.open_outcomes(next(iter(predictions.values())), sealed)
    ]
    tested = join_classes(next(iter(predictions.values())), truths).outcome
    counts = np.bincount(tested.label, minlength=len(tested.names)).tolist()
    measure = AUROC_MEASURE if len(tested.names) == 2 else MEAN_AUROC_MEASURE
    return Evaluated(
        metrics={
            name: evaluate_class_arm(folds, truths, plan.seed, plan.cuts.get(name))
            for name, folds in predictions.items()
        },
        comparisons=compare_class_arms(predictions, truths, plan.roles, plan.seed),
        alone=evaluate_class_singles(predictions, truths, plan.roles.singles),
        tested=tested,
        horizon=None,
        measure=measure,
        intervals=interval_rows(
            IntervalInputs(
                arms={name: join_classes(said, truths) for name, said in predictions.items()},
                roles=plan.roles,
                metric=measure.metric,
                seed=plan.seed,
                refits=plan.refits,
            )
        ),
        curves=_curves(drawn, join_classes(predictions[drawn], truths)),
        classes=dict(zip(tested.names, counts, strict=True)),
    )


def _curves(name: str, arm: ClassArm) -> dict[str, Any]:
    """Return observed against predicted of the first repeat, in which every case is predicted once."""
    curves: dict[str, Any] = {"arm": "", "groups": [], "reason": "the endpoint has classes, not times"}
    if len(arm.outcome.names) > 2:
        return curves
    first = min(fold.truth.repeat for fold in arm.folds)
    folds = [fold for fold in arm.folds if fold.truth.repeat == first]
    probability = np.concatenate([fold.prediction.probability[:, 1] for fold in folds])
    outcome = arm.outcome.take(np.concatenate([fold.rows for fold in folds]))
    return {**curves, "calibration": calibration_curve(name, probability, outcome, None)}


def _classes(outcome: Outcome) -> Classes:
    if not isinstance(outcome, Classes):
        raise TypeError("the outcomes of a binary or multiclass endpoint are classes")
    return outcome
