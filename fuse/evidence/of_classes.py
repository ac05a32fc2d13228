"""The evidence of a run on classes: no time, so no horizon and no curves.

Enters: the plan of the evaluation and the sealed files. Leaves: metrics, comparisons and the sizes of the
classes that were tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fuse.evidence.evaluation_plan import Evaluated, Evaluation
from fuse.metrics.class_scored import join_classes
from fuse.metrics.classes import compare_class_arms, evaluate_class_arm, evaluate_class_singles
from fuse.outcomes.outcomes import Classes, Outcome
from fuse.run.class_prediction import ClassTruth, read_class_predictions
from fuse.verdict.words import AUROC_MEASURE, MEAN_AUROC_MEASURE


def evaluate_classes(plan: Evaluation, sealed: Mapping[str, tuple[Path, str]]) -> Evaluated:
    """Evaluate every arm of a run on a binary or multiclass endpoint."""
    predictions = {name: read_class_predictions(path) for name, (path, _) in sealed.items()}
    truths = [
        ClassTruth(repeat=fold.repeat, fold=fold.fold, test=_classes(test), train=_classes(train))
        for fold, test, train in plan.open_outcomes(next(iter(predictions.values())), sealed)
    ]
    tested = join_classes(next(iter(predictions.values())), truths).outcome
    counts = np.bincount(tested.label, minlength=len(tested.names)).tolist()
    return Evaluated(
        metrics={name: evaluate_class_arm(folds, truths, plan.seed) for name, folds in predictions.items()},
        comparisons=compare_class_arms(predictions, truths, plan.roles, plan.seed),
        alone=evaluate_class_singles(predictions, truths, plan.roles.singles),
        tested=tested,
        horizon=None,
        measure=AUROC_MEASURE if len(tested.names) == 2 else MEAN_AUROC_MEASURE,
        curves={"arm": "", "groups": [], "reason": "the endpoint has classes, not times"},
        classes=dict(zip(tested.names, counts, strict=True)),
    )


def _classes(outcome: Outcome) -> Classes:
    if not isinstance(outcome, Classes):
        raise TypeError("the outcomes of a binary or multiclass endpoint are classes")
    return outcome
