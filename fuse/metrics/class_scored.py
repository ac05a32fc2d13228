"""Predictions of classes joined to the classes of the same folds.

Enters: what one arm said and the truths, fold by fold. Leaves: one checked value in which every test case of
every fold has a row number of the cohort.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from feature_cache.errors import OutcomeError
from fuse.metrics.pooled import CaseScores
from fuse.metrics.scored import match_folds, number_cases
from fuse.outcomes.outcomes import Classes
from fuse.run.class_prediction import ClassPrediction, ClassTruth


@dataclass(frozen=True, kw_only=True)
class ClassFold:
    """One fold: predictions, classes, and the cohort rows of its test cases."""

    prediction: ClassPrediction
    truth: ClassTruth
    rows: Int[np.ndarray, " case"]

    @property
    def named(self) -> Int[np.ndarray, " case"]:
        """The class that each case is given: the most probable, of equal ones the first."""
        return np.asarray(np.argmax(self.prediction.probability, axis=1))


@dataclass(frozen=True, kw_only=True)
class ClassArm:
    """All folds of one arm; `case_ids` are sorted and `outcome` follows them, each case once."""

    case_ids: tuple[str, ...]
    outcome: Classes
    folds: tuple[ClassFold, ...]

    def score(self, of_fold: Callable[[ClassFold], Float[np.ndarray, " case"]]) -> CaseScores:
        """Score every test case of every fold; NaN where a case has no part in a score."""
        total, folds = np.zeros(len(self.case_ids)), np.zeros(len(self.case_ids))
        for fold in self.folds:
            values = of_fold(fold).astype(np.float64)
            known = np.isfinite(values)
            total[fold.rows[known]] += values[known]
            folds[fold.rows[known]] += 1
        return CaseScores(total=total, folds=folds)


def join_classes(predictions: Sequence[ClassPrediction], truths: Sequence[ClassTruth]) -> ClassArm:
    """Join predictions to truths by (repeat, fold).

    Raises
    ------
    OutcomeError
        When folds are missing, doubled or of another length, when a risk is not finite, when probabilities
        do not sum to 1, or when a case has two outcomes.
    """
    by_fold = match_folds(predictions, truths)
    for truth in truths:
        _check(by_fold[truth.repeat, truth.fold], truth)
    case_ids, row_of = number_cases(predictions)
    folds = tuple(
        ClassFold(
            prediction=by_fold[truth.repeat, truth.fold],
            truth=truth,
            rows=np.array([row_of[case] for case in by_fold[truth.repeat, truth.fold].case_ids], dtype=int),
        )
        for truth in sorted(truths, key=lambda item: (item.repeat, item.fold))
    )
    label = np.full(len(case_ids), -1)
    for fold in folds:
        before = label[fold.rows]
        if ((before >= 0) & (before != fold.truth.test.label)).any():
            raise OutcomeError(
                f"outcome of a case, repeat {fold.truth.repeat}, fold {fold.truth.fold}",
                expected="the same outcome in every repeat",
                got="two different ones",
                remedy="Predictions and truths are in different orders, or outcomes.csv changed in between.",
            )
        label[fold.rows] = fold.truth.test.label
    return ClassArm(case_ids=case_ids, outcome=Classes(label=label, names=truths[0].test.names), folds=folds)


def _check(prediction: ClassPrediction, truth: ClassTruth) -> None:
    where = f"predictions, repeat {prediction.repeat}, fold {prediction.fold}"
    n, names = len(prediction.case_ids), truth.test.names
    shape = prediction.probability.shape
    if len(truth.test) != n or shape != (n, len(names)) or prediction.names != names:
        raise OutcomeError(
            where,
            expected=f"{len(truth.test)} test cases, each with a probability of {', '.join(names)}",
            got=f"{n} cases, probabilities of {', '.join(prediction.names)}, of shape {shape}",
            remedy="Predict exactly the test part of this fold, in its order.",
        )
    finite = np.isfinite(prediction.risk.reshape(n, -1)).all(axis=1)
    whole = np.abs(prediction.probability.sum(axis=1) - 1) < 1e-9
    bad = ~finite | ~whole | (prediction.probability < 0).any(axis=1)
    if bad.any():
        raise OutcomeError(
            f"{where}, case {prediction.case_ids[int(np.flatnonzero(bad)[0])]}",
            expected="a finite risk and probabilities that sum to 1",
            got=f"{int(bad.sum())} cases without",
            remedy="The model did not converge in this fold; report the arm as failed.",
        )
