"""The risk above which a case is called a yes, fixed on the train part, and what comes of it.

Enters: out-of-fold risks of a train part with its classes; later the test parts. Leaves: one cut a fold, and
sensitivity and specificity at these cuts. A cut that is looked for among test cases would flatter itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from fuse.metrics.class_scored import ClassArm, ClassFold
from fuse.metrics.intervals import Interval, bootstrap
from fuse.metrics.pooled import CaseScores, ratio
from fuse.outcomes.outcomes import Classes, Outcome

YOUDEN = "highest sensitivity + specificity of out-of-fold risks (Youden 1950)"
Cuts = Mapping[tuple[int, int], float]


def train_cut(oof_risk: Float[np.ndarray, " case *classes"], outcome: Outcome) -> float:
    """Return the cut with the highest sensitivity + specificity - 1 of a train part's out-of-fold risks.

    Half way between two neighbouring risks; of several that are equally good, the highest. A case is called
    a yes if its risk is above. NaN for an endpoint that is not binary, or where all risks are one.
    """
    if not isinstance(outcome, Classes) or len(outcome.names) != 2:
        return math.nan
    values = np.unique(oof_risk)
    if len(values) < 2:
        return math.nan
    cuts = (values[:-1] + values[1:]) / 2
    yes, no = (np.sort(oof_risk[outcome.label == label]) for label in (1, 0))
    if len(yes) == 0 or len(no) == 0:
        return math.nan
    sensitivity = 1 - np.searchsorted(yes, cuts, side="right") / len(yes)
    specificity = np.searchsorted(no, cuts, side="right") / len(no)
    youden = np.round(sensitivity + specificity, 12)
    return float(cuts[len(cuts) - 1 - int(np.argmax(youden[::-1]))])


def rate_at_cuts(
    arm: ClassArm, cuts: Cuts, counts: Float[np.ndarray, "sample case"]
) -> dict[str, tuple[float, Interval]]:
    """Return sensitivity_at_cut and specificity_at_cut, each fold at the cut of its train part."""
    if any(math.isnan(cuts[fold.truth.repeat, fold.truth.fold]) for fold in arm.folds):
        none = Interval(low=math.nan, high=math.nan, method="none: the same risk for everybody")
        return {"sensitivity_at_cut": (math.nan, none), "specificity_at_cut": (math.nan, none)}

    def right_among(label: int) -> CaseScores:
        def of_fold(fold: ClassFold) -> Float[np.ndarray, " case"]:
            called = fold.prediction.risk > cuts[fold.truth.repeat, fold.truth.fold]
            return np.where(fold.truth.test.label == label, called == bool(label), np.nan)

        return arm.score(of_fold)

    return {
        name: _rate(right_among(label), counts, f"cut fixed on each train part: {YOUDEN}")
        for name, label in (("sensitivity_at_cut", 1), ("specificity_at_cut", 0))
    }


def rate_each_class(
    arm: ClassArm, counts: Float[np.ndarray, "sample case"]
) -> dict[str, tuple[float, Interval]]:
    """Return sensitivity_of_<class> and specificity_of_<class>, of the most probable class."""
    rates = {}
    for label, name in enumerate(arm.outcome.names):
        for word, among in (("sensitivity", True), ("specificity", False)):

            def of_fold(
                fold: ClassFold, label: int = label, among: bool = among
            ) -> Float[np.ndarray, " case"]:
                own = fold.truth.test.label == label
                return np.where(own == among, (fold.named == label) == among, np.nan)

            rates[f"{word}_of_{name}"] = _rate(arm.score(of_fold), counts, "the most probable class")
    return rates


def _rate(score: CaseScores, counts: Float[np.ndarray, "sample case"], note: str) -> tuple[float, Interval]:
    if not score.folds.any():
        return math.nan, Interval(low=math.nan, high=math.nan, method="none: no such case")
    return score.mean, bootstrap(ratio(counts @ score.total, counts @ score.folds), note)
