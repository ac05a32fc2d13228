"""How the numbers of many folds become one number of the cohort.

Enters: a `ScoredArm`. Leaves: pairs per fold (C and AUC are ratios of their sums within a repeat, averaged
over repeats) and scores per case (Brier and its kin are means over cases), both also for resampled cases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from feature_cache.errors import OutcomeError
from fuse.metrics.brier import brier_by_case, event_free_at, integrate, train_curve
from fuse.metrics.censoring import WEIGHT_CAP, CensoringWeights, weigh
from fuse.metrics.concordance import PairSums, concordant_pairs, later_cases, sum_pairs
from fuse.metrics.places import places_in_folds
from fuse.metrics.scored import ScoredArm, ScoredFold

FoldCounter = Callable[[ScoredFold, Float[np.ndarray, "sample case"]], PairSums]


@dataclass(frozen=True, kw_only=True)
class FoldPairs:
    """Concordant and comparable pairs of each fold, with its repeat and n_test / n_train."""

    repeat: Int[np.ndarray, " fold"]
    concordant: Float[np.ndarray, " fold"]
    comparable: Float[np.ndarray, " fold"]
    test_to_train: Float[np.ndarray, " fold"]

    def concordance(self) -> float:
        """Return C within folds: sum of concordant / sum of comparable pairs, averaged over repeats.

        Raises
        ------
        OutcomeError
            When a repeat has no comparable pair in any fold.
        """
        of_repeats = []
        for repeat in np.unique(self.repeat):
            member = self.repeat == repeat
            comparable = self.comparable[member].sum()
            if comparable == 0:
                raise OutcomeError(
                    f"concordance, repeat {repeat}",
                    expected="at least one fold with an event before another case's time",
                    got=f"no comparable pair in {int(member.sum())} folds",
                    remedy="Use fewer, larger folds, or wait for more events.",
                )
            of_repeats.append(self.concordant[member].sum() / comparable)
        return float(np.mean(of_repeats))


@dataclass(frozen=True, kw_only=True)
class CaseScores:
    """Sum of one score over all folds that tested a case, (case,), and the number of those folds.

    `note` names the censoring weights, "" where there are none.
    """

    total: Float[np.ndarray, " case"]
    folds: Float[np.ndarray, " case"]
    note: str = ""

    @property
    def mean(self) -> float:
        """Return the mean over cases and folds."""
        return float(self.total.sum() / self.folds.sum())

    def resample(self, counts: Float[np.ndarray, "sample case"]) -> Float[np.ndarray, " sample"]:
        """Return the mean of each resample of cases."""
        of_samples: Float[np.ndarray, " sample"] = (counts @ self.total) / (counts @ self.folds)
        return of_samples


def count_fold_pairs(arm: ScoredArm) -> FoldPairs:
    """Count the pairs of C in each fold."""
    pairs = [concordant_pairs(fold.prediction.risk, fold.truth.test) for fold in arm.folds]
    return FoldPairs(
        repeat=np.array([fold.truth.repeat for fold in arm.folds]),
        concordant=np.array([pair[0] for pair in pairs]),
        comparable=np.array([pair[1] for pair in pairs]),
        test_to_train=np.array([len(fold.truth.test) / len(fold.truth.train) for fold in arm.folds]),
    )


def resample_within_folds(
    arm: ScoredArm, count: FoldCounter, counts: Float[np.ndarray, "sample case"]
) -> Float[np.ndarray, " sample"]:
    """Return, for each resample, pairs summed over the folds of a repeat, as a ratio averaged over repeats.

    A resample in which a repeat has no pair gives NaN.
    """
    ratios = []
    for folds in arm.repeats():
        sums = [count(fold, counts[:, fold.rows]) for fold in folds]
        ratios.append(ratio(*np.sum(sums, axis=0)))
    return np.asarray(np.mean(ratios, axis=0))


def resample_across_folds(
    arm: ScoredArm, counts: Float[np.ndarray, "sample case"]
) -> Float[np.ndarray, " sample"]:
    """Return, for each resample, C over all cases of a repeat, averaged over repeats.

    What is compared across folds is the place of a case among the test cases of its own fold (see
    `places.py`). Predicted probabilities share a scale too, but folds that happen to hold more events
    have train parts with fewer, whose models predict lower: pairs across folds then stand in the wrong
    order, and an arm that knows nothing reaches about .46 at 95 cases instead of .5.
    """
    ratios = []
    for folds in arm.repeats():
        rows = np.concatenate([fold.rows for fold in folds])
        places, outcome = places_in_folds([fold.prediction.risk for fold in folds]), arm.outcome.take(rows)
        events = np.flatnonzero(outcome.event)
        ratios.append(ratio(*sum_pairs(places.above, events, later_cases(outcome), counts[:, rows])))
    return np.asarray(np.mean(ratios, axis=0))


def ratio(
    part: Float[np.ndarray, " sample"], whole: Float[np.ndarray, " sample"]
) -> Float[np.ndarray, " sample"]:
    """Divide; NaN where there is nothing to divide by."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def predicted_event_free(fold: ScoredFold, days: Float[np.ndarray, " day"]) -> Float[np.ndarray, "case day"]:
    """Read the predicted probabilities of a fold's test cases at some days.

    Raises
    ------
    OutcomeError
        When the prediction ends before the last of them.
    """
    predicted = fold.prediction
    if predicted.times_days.max() < days.max():
        raise OutcomeError(
            f"predictions, repeat {predicted.repeat}, fold {predicted.fold}",
            expected=f"event-free probabilities up to day {days.max():g}",
            got=f"up to day {predicted.times_days.max():g}",
            remedy="Predict on days that include the horizon.",
        )
    return event_free_at(predicted.event_free, predicted.times_days, days)


def score_brier(arm: ScoredArm, day: float) -> tuple[CaseScores, CaseScores]:
    """Score the arm and the curve to beat (`FoldTruth.reference`) by the Brier score at one day."""
    days = np.array([day])

    def of_arm(fold: ScoredFold, weights: CensoringWeights) -> Float[np.ndarray, " case"]:
        return brier_by_case(predicted_event_free(fold, days), weights)[:, 0]

    def of_null(fold: ScoredFold, weights: CensoringWeights) -> Float[np.ndarray, " case"]:
        return brier_by_case(train_curve(fold.truth.reference, len(fold.rows), days), weights)[:, 0]

    return _score(arm, days, of_arm), _score(arm, days, of_null)


def score_integrated_brier(arm: ScoredArm, horizon_days: float) -> CaseScores:
    """Score the arm by the Brier score averaged from day 0 to the horizon over the predicted days."""
    predicted = arm.folds[0].prediction.times_days
    inside = predicted[(predicted > 0) & (predicted < horizon_days)]
    days = np.concatenate([[0.0], inside, [horizon_days]])

    def of_arm(fold: ScoredFold, weights: CensoringWeights) -> Float[np.ndarray, " case"]:
        return integrate(brier_by_case(predicted_event_free(fold, days), weights), days)

    return _score(arm, days, of_arm)


def score_expected(arm: ScoredArm, day: float) -> CaseScores:
    """Score the predicted probability of an event by one day; its mean is the expected share."""
    days = np.array([day])
    return _score(arm, days, lambda fold, _weights: 1 - predicted_event_free(fold, days)[:, 0])


def _score(
    arm: ScoredArm,
    days: Float[np.ndarray, " day"],
    score: Callable[[ScoredFold, CensoringWeights], Float[np.ndarray, " case"]],
) -> CaseScores:
    total, folds = np.zeros(len(arm.case_ids)), np.zeros(len(arm.case_ids))
    capped = np.zeros(len(arm.case_ids), dtype=bool)
    for fold in arm.folds:
        weights = weigh(fold.truth.reference, fold.truth.test, days)
        total[fold.rows] += score(fold, weights)
        folds[fold.rows] += 1
        capped[fold.rows] |= weights.capped
    return CaseScores(total=total, folds=folds, note=weights_note(arm, int(capped.sum())))


def weights_note(arm: ScoredArm, capped: int) -> str:
    """Say whose censoring weights were used, and how many cases had theirs cut."""
    whose = "the tested cohort" if arm.folds[0].truth.external else "the train part"
    return f"censoring weights of {whose}, capped at {WEIGHT_CAP:g} ({capped} cases)"
