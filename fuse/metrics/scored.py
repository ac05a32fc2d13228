"""Predictions of one arm joined to the outcomes of the same folds.

Enters: what an arm predicted and the truths, fold by fold. Leaves: one checked value in which every test case
of every fold has a row number of the cohort, so that a resample of cases reaches all folds and repeats alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Int

from feature_cache.errors import OutcomeError
from fuse.cases import FoldPrediction, FoldTruth
from fuse.outcomes.outcomes import Competing, Survival, stack_times


class OfFold(Protocol):
    """What is known to belong to one fold."""

    @property
    def repeat(self) -> int:
        """The repeat, from 1."""

    @property
    def fold(self) -> int:
        """The fold within it, from 1."""


class OfCases(OfFold, Protocol):
    """What one fold says of its test cases."""

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The test cases."""


Part = TypeVar("Part", bound=OfCases)


@dataclass(frozen=True, kw_only=True)
class ScoredFold:
    """One fold: predictions, outcomes, and the cohort rows of its test cases."""

    prediction: FoldPrediction
    truth: FoldTruth
    rows: Int[np.ndarray, " case"]


@dataclass(frozen=True, kw_only=True)
class ScoredArm:
    """All folds of one arm; `case_ids` are sorted and `outcome` follows them, each case once."""

    case_ids: tuple[str, ...]
    outcome: Survival
    folds: tuple[ScoredFold, ...]

    def repeats(self) -> list[list[ScoredFold]]:
        """Return the folds of each repeat."""
        numbers = sorted({fold.truth.repeat for fold in self.folds})
        return [[fold for fold in self.folds if fold.truth.repeat == number] for number in numbers]


def join(predictions: Sequence[FoldPrediction], truths: Sequence[FoldTruth]) -> ScoredArm:
    """Join predictions to truths by (repeat, fold).

    Raises
    ------
    OutcomeError
        When folds are missing, doubled or of another length, when a risk is not finite, when a probability
        is outside [0, 1], or when a case has two outcomes.
    """
    by_fold = match_folds(predictions, truths)
    for truth in truths:
        _check(by_fold[truth.repeat, truth.fold], truth)
    case_ids, row_of = number_cases(predictions)
    folds = tuple(
        ScoredFold(
            prediction=by_fold[truth.repeat, truth.fold],
            truth=truth,
            rows=np.array([row_of[case] for case in by_fold[truth.repeat, truth.fold].case_ids], dtype=int),
        )
        for truth in sorted(truths, key=lambda item: (item.repeat, item.fold))
    )
    return ScoredArm(case_ids=case_ids, outcome=_outcome_of_cases(case_ids, folds), folds=folds)


def match_folds(predictions: Sequence[Part], truths: Sequence[OfFold]) -> dict[tuple[int, int], Part]:
    """Return the predictions by (repeat, fold); they must be those of the truths."""
    by_fold = {(item.repeat, item.fold): item for item in predictions}
    wanted = [(item.repeat, item.fold) for item in truths]
    if not wanted or len(by_fold) != len(predictions) or sorted(by_fold) != sorted(wanted):
        raise OutcomeError(
            "predictions",
            expected=f"one prediction for each of the {len(wanted)} folds",
            got=f"{len(predictions)} predictions of {len(by_fold)} folds",
            remedy="Run the benchmark again for this arm; predictions and folds.csv must belong together.",
        )
    return by_fold


def number_cases(predictions: Sequence[OfCases]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the ids of all cases that were tested, sorted, and the row of each."""
    case_ids = tuple(sorted({case for item in predictions for case in item.case_ids}))
    return case_ids, {case: row for row, case in enumerate(case_ids)}


def _check(prediction: FoldPrediction, truth: FoldTruth) -> None:
    where = f"predictions, repeat {prediction.repeat}, fold {prediction.fold}"
    n = len(prediction.case_ids)
    shapes = (prediction.risk.shape, prediction.event_free.shape)
    if len(truth.test) != n or shapes != ((n,), (n, len(prediction.times_days))):
        raise OutcomeError(
            where,
            expected=f"{len(truth.test)} test cases, each with a risk and {len(prediction.times_days)} days",
            got=f"{n} cases, risk of shape {shapes[0]}, event_free of shape {shapes[1]}",
            remedy="Predict exactly the test part of this fold, in its order.",
        )
    bad = ~np.isfinite(prediction.risk) | ~((prediction.event_free >= 0) & (prediction.event_free <= 1)).all(
        axis=1
    )
    if bad.any():
        raise OutcomeError(
            f"{where}, case {prediction.case_ids[int(np.flatnonzero(bad)[0])]}",
            expected="a finite risk and probabilities from 0 to 1",
            got=f"{int(bad.sum())} cases without",
            remedy="The model did not converge in this fold; report the arm as failed.",
        )


def _outcome_of_cases(case_ids: tuple[str, ...], folds: Sequence[ScoredFold]) -> Survival:
    """Return the outcome of each case, in all that is known of it: its cause and its entry too."""
    rows = np.concatenate([fold.rows for fold in folds])
    whole = stack_times([fold.truth.test for fold in folds])
    first = np.full(len(case_ids), -1)
    first[rows[::-1]] = np.arange(len(rows))[::-1]
    _check_repeated(case_ids, rows, whole, whole.take(first[rows]))
    return whole.take(first)


def _check_repeated(
    case_ids: tuple[str, ...], rows: Int[np.ndarray, " test"], found: Survival, before: Survival
) -> None:
    """Refuse an outcome that differs from the first one of the same case."""
    differs = (found.event != before.event) | (found.time_days != before.time_days)
    if isinstance(found, Competing) and isinstance(before, Competing):
        differs |= found.cause != before.cause
    if differs.any():
        raise OutcomeError(
            f"outcome of case {case_ids[rows[int(np.flatnonzero(differs)[0])]]}",
            expected="the same outcome in every repeat",
            got="two different ones",
            remedy="Predictions and truths are in different orders, or outcomes.csv changed in between.",
        )
