"""What one rung of added value reaches, resampled: order, prediction accuracy and net benefit.

Enters: risks and probabilities of the test cases of each fold, and their outcomes. Leaves: estimates with
resamples of cases that are the same for every rung, so that two rungs are compared pair by pair. Of the order
there is what each case counts in it instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.case_pairs import pairs_by_case
from fuse.metrics.decision import EventShare, net_benefit
from fuse.metrics.fold_order import ArmOrder, FoldOrder, rarer
from fuse.metrics.pooled import CaseScores, ratio, score_brier
from fuse.metrics.scored import join
from fuse.outcomes.outcomes import Classes, Outcome, Survival

Counts = Float[np.ndarray, "sample case"]
Resampled = Float[np.ndarray, " sample"]


@dataclass(frozen=True, kw_only=True)
class OpenedFold:
    """One fold: rows of its test cases among all that are tested, and the outcomes of both parts."""

    repeat: int
    fold: int
    rows: Int[np.ndarray, " case"]
    test: Outcome
    train: Outcome


@dataclass(frozen=True, kw_only=True)
class OpenedCases:
    """All tested cases: `outcome` in their order, their folds, and resamples of them.

    `day`: by when an event counts, None without times. `share`: see `decision.share_of_event`.
    """

    outcome: Outcome
    folds: tuple[OpenedFold, ...]
    day: float | None
    share: EventShare
    counts: Counts

    @property
    def once(self) -> Counts:
        """Every case once: what estimates are made with."""
        return np.ones((1, len(self.outcome)))

    def repeats(self) -> list[list[int]]:
        """Return the places of the folds of each repeat."""
        numbers = sorted({fold.repeat for fold in self.folds})
        return [[place for place, fold in enumerate(self.folds) if fold.repeat == n] for n in numbers]

    def rows_of(self, places: Sequence[int]) -> Int[np.ndarray, " case"]:
        """Return the rows of all test cases of some folds, of one repeat."""
        return np.concatenate([self.folds[place].rows for place in places])

    def share_among(self, among: Int[np.ndarray, " case"]) -> EventShare:
        """Return how the share with the event is estimated where rows count within `among`."""

        def share(rows: Int[np.ndarray, " row"], counts: Counts) -> Resampled:
            return self.share(among[rows], counts)

        return share


def order_of(risks: Sequence[Float[np.ndarray, " case *classes"]], tested: OpenedCases) -> ArmOrder:
    """Return how the cases of every fold were ordered; of inner folds nothing is known here."""
    return ArmOrder(
        n_cases=len(tested.outcome),
        n_rarer=rarer(tested.outcome),
        folds=tuple(
            FoldOrder(
                repeat=fold.repeat,
                rows=fold.rows,
                n_train=len(fold.train),
                by_case=pairs_by_case(risk, fold.test),
                inner=None,
            )
            for risk, fold in zip(risks, tested.folds, strict=True)
        ),
    )


def accuracy_of(
    probabilities: Sequence[Float[np.ndarray, " case"]], tested: OpenedCases
) -> tuple[float, Resampled]:
    """Return 1 - Brier / Brier of who says the train part's share of everybody, and its resamples.

    NaN where the latter is never wrong.
    """
    model, null = _brier(probabilities, tested)
    if null.mean == 0:
        return float("nan"), np.full(len(tested.counts), np.nan)
    resampled = 1 - ratio(model.resample(tested.counts), null.resample(tested.counts))
    return 1 - model.mean / null.mean, resampled


def benefit_of(
    probabilities: Sequence[Float[np.ndarray, " case"]],
    thresholds: Float[np.ndarray, " threshold"],
    tested: OpenedCases,
    counts: Counts,
) -> Float[np.ndarray, "sample threshold"]:
    """Return net benefit at some thresholds for some resamples, averaged over repeats."""
    of_repeats = []
    for places in tested.repeats():
        rows = tested.rows_of(places)
        values = np.concatenate([probabilities[place] for place in places])
        of_repeats.append(net_benefit(values, thresholds, tested.share_among(rows), counts[:, rows]))
    return np.asarray(np.mean(of_repeats, axis=0))


def _brier(
    probabilities: Sequence[Float[np.ndarray, " case"]], tested: OpenedCases
) -> tuple[CaseScores, CaseScores]:
    if tested.day is not None:
        return _brier_of_times(probabilities, tested, tested.day)
    scores = []
    for of_null in (False, True):
        total, folds = np.zeros(len(tested.outcome)), np.zeros(len(tested.outcome))
        for said, fold in zip(probabilities, tested.folds, strict=True):
            said_of_all = np.full(len(said), float(_is_yes(fold.train).mean()))
            total[fold.rows] += np.square((said_of_all if of_null else said) - _is_yes(fold.test))
            folds[fold.rows] += 1
        scores.append(CaseScores(total=total, folds=folds))
    return scores[0], scores[1]


def _brier_of_times(
    probabilities: Sequence[Float[np.ndarray, " case"]], tested: OpenedCases, day: float
) -> tuple[CaseScores, CaseScores]:
    width = len(str(len(tested.outcome)))
    predictions, truths = [], []
    for said, fold in zip(probabilities, tested.folds, strict=True):
        predictions.append(
            FoldPrediction(
                repeat=fold.repeat,
                fold=fold.fold,
                # ids that sort as the rows do: what is joined stays in the order of the resamples
                case_ids=tuple(f"{row:0{width}d}" for row in fold.rows),
                risk=said,
                times_days=np.array([day]),
                event_free=1 - said[:, None],
            )
        )
        truths.append(
            FoldTruth(repeat=fold.repeat, fold=fold.fold, test=_times(fold.test), train=_times(fold.train))
        )
    return score_brier(join(predictions, truths), day)


def _is_yes(outcome: Outcome) -> Float[np.ndarray, " case"]:
    if not isinstance(outcome, Classes):
        raise TypeError("only of classes one is a yes")
    return np.asarray(outcome.label == 1, dtype=np.float64)


def _times(outcome: Outcome) -> Survival:
    if isinstance(outcome, Classes):
        raise TypeError("classes have no times")
    return outcome
