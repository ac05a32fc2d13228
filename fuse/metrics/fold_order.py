"""How one arm ordered the cases of every fold, and the cases of the inner folds of its train part.

Enters: scored arms, of times or of classes. Leaves: the share of pairs in the right order (C, AUROC) over
all folds, by fold and in the inner folds, and what each case counts in it. Every interval of an order is
computed from this value, so that all methods speak of the same number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from fuse.metrics.case_pairs import pairs_by_case
from fuse.metrics.class_scored import ClassArm
from fuse.metrics.intervals import FoldValues
from fuse.metrics.ordered import share_in_order
from fuse.metrics.scored import ScoredArm
from fuse.outcomes.outcomes import Classes, Outcome


@dataclass(frozen=True, kw_only=True)
class FoldOrder:
    """The order of one fold.

    `rows` are the cohort rows of its test cases. `by_case` (case, ranking, 2): pairs in the right order and
    comparable pairs of each test case. `inner` (inner fold, ranking, 2): the same of the inner folds of the
    train part, each predicted from the others; None where they are not known.
    """

    repeat: int
    rows: Int[np.ndarray, " case"]
    n_train: int
    by_case: Float[np.ndarray, "case ranking 2"]
    inner: Float[np.ndarray, "inner ranking 2"] | None

    @property
    def pairs(self) -> Float[np.ndarray, "ranking 2"]:
        """The pairs of the test part, each once."""
        return np.asarray(self.by_case.sum(axis=0) / 2)


@dataclass(frozen=True, kw_only=True)
class ArmOrder:
    """The order of one arm in all folds of all repeats.

    `n_cases` are those that were tested, `n_rarer` those of them that had the event (of classes: of the
    smallest class), which is what an order is limited by.
    """

    n_cases: int
    n_rarer: int
    folds: tuple[FoldOrder, ...]

    @property
    def repeats(self) -> int:
        """How many repeats there are."""
        return len({fold.repeat for fold in self.folds})

    @property
    def knows_inner(self) -> bool:
        """Whether the inner folds of every train part are known, with pairs to compare."""
        return all(fold.inner is not None and fold.inner[:, :, 1].any() for fold in self.folds)

    def share(self) -> float:
        """Return the share in the right order: pairs summed within a repeat, averaged over repeats."""
        return float(np.mean([share_in_order(np.sum(pairs, axis=0)) for pairs in self._by_repeat()]))

    def of_ranking(self, number: int, n_rarer: int) -> ArmOrder:
        """Return the order of one ranking alone: of one class against the rest."""
        return replace(
            self,
            n_rarer=n_rarer,
            folds=tuple(
                replace(
                    fold,
                    by_case=fold.by_case[:, [number]],
                    inner=None if fold.inner is None else fold.inner[:, [number]],
                )
                for fold in self.folds
            ),
        )

    def by_fold(self) -> FoldValues:
        """Return the share of each fold, weighted by its pairs."""
        return FoldValues(
            value=np.array([share_in_order(fold.pairs) for fold in self.folds]),
            weight=np.array([fold.pairs[:, 1].sum() for fold in self.folds]),
            test_to_train=np.array([len(fold.rows) / fold.n_train for fold in self.folds]),
        )

    def inner_share(self) -> Float[np.ndarray, " fold"]:
        """Return the share in the inner folds of each train part, their pairs summed.

        Raises
        ------
        ValueError
            The inner folds are not known.
        """
        known = [fold.inner for fold in self.folds if fold.inner is not None]
        if len(known) < len(self.folds):
            raise ValueError("the inner folds of some train part are not known")
        return np.array([share_in_order(inner.sum(axis=0)) for inner in known])

    def influence(self) -> Float[np.ndarray, " case"]:
        """Return by how much each case pulls the share, the fitted models kept: the infinitesimal jackknife.

        Of the ratio of pairs right / all with case i counted w_i times, the derivative in w_i at 1; averaged
        over repeats. The sum is 0. Efron, "The jackknife, the bootstrap and other resampling plans" (1982),
        chapter 6.
        """
        total = np.zeros(self.n_cases)
        for number in sorted({fold.repeat for fold in self.folds}):
            folds = [fold for fold in self.folds if fold.repeat == number]
            pairs = np.sum([fold.pairs for fold in folds], axis=0)
            for fold in folds:
                total[fold.rows] += influence_of_cases(fold.by_case, pairs)
        return total / self.repeats

    def fold_influence(self) -> list[Float[np.ndarray, " case"]]:
        """Return, for each fold, by how much each of its cases pulls the share of that fold."""
        return [influence_of_cases(fold.by_case, fold.pairs) for fold in self.folds]

    def _by_repeat(self) -> list[list[Float[np.ndarray, "ranking 2"]]]:
        numbers = sorted({fold.repeat for fold in self.folds})
        return [[fold.pairs for fold in self.folds if fold.repeat == number] for number in numbers]


def influence_of_cases(
    by_case: Float[np.ndarray, "case ranking 2"], pairs: Float[np.ndarray, "ranking 2"]
) -> Float[np.ndarray, " case"]:
    """Return the derivative of the share of `pairs` in the weight of each case, 0 without any pair."""
    known = pairs[:, 1] > 0
    if not known.any():
        return np.zeros(len(by_case))
    all_pairs = pairs[known, 1]
    share = pairs[known, 0] / all_pairs
    return np.asarray(np.mean((by_case[:, known, 0] - share * by_case[:, known, 1]) / all_pairs, axis=1))


def order_of(arm: ScoredArm | ClassArm) -> ArmOrder:
    """Count the pairs of an arm in every fold."""
    return ArmOrder(
        n_cases=len(arm.case_ids),
        n_rarer=rarer(arm.outcome),
        folds=tuple(
            FoldOrder(
                repeat=fold.truth.repeat,
                rows=fold.rows,
                n_train=len(fold.truth.train),
                by_case=pairs_by_case(fold.prediction.risk, fold.truth.test),
                inner=fold.prediction.inner_pairs,
            )
            for fold in arm.folds
        ),
    )


def rarer(outcome: Outcome) -> int:
    """Return how many cases had the event, or are of the smallest class."""
    if isinstance(outcome, Classes):
        sizes = np.bincount(outcome.label, minlength=len(outcome.names))
        return int(sizes[sizes > 0].min())
    return int(outcome.event.sum())
