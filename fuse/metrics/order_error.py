"""How far off a cross-validated C or AUROC, or a difference of two, may be: standard errors, by name.

Enters: the order of one arm, or of two on the same folds. Leaves: the estimate and its standard errors: with
the fitted models kept, by nested cross-validation as published, and by nested cross-validation inside the
bounds that a share over pairs of cases has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.metrics.fold_order import ArmOrder
from fuse.metrics.intervals import FoldValues

#: By how much the variance exceeds that with fitted models kept, at least and at most; see `primary`.
LEAST_ROLES, MOST_ROLES = 2.0, 3.0


@dataclass(frozen=True, kw_only=True)
class OrderError:
    """A share in the right order, or the difference of two (`is_difference`), and its standard errors.

    `plain`: of the share with the fitted models kept (infinitesimal jackknife over cases).
    `nested_variance`: by nested cross-validation, outside all bounds (it may be negative); NaN where the
    inner folds are not known. `folds`: values by fold, `folds_of_repeat` how many a repeat has. `freedom`:
    degrees of freedom, the number of cases on the rarer side less one.
    """

    estimate: float
    is_difference: bool
    folds: FoldValues
    folds_of_repeat: float
    plain: float
    nested_variance: float
    freedom: int

    @property
    def published(self) -> float:
        """The error by nested cross-validation, from `plain` to sqrt(folds of a repeat) times it; or NaN.

        The bounds are those of Bates, Hastie and Tibshirani (2024), section 4.3.
        """
        return self._between(1.0, self.folds_of_repeat)

    @property
    def primary(self) -> float:
        """The error by nested cross-validation, its variance from twice to three times that of `plain`.

        A case pulls the share when it is tested, which `plain` sees, and when it trains models that test
        others, which it does not. As far as the share is a sum over pairs (tested case, training case) its
        variance is at most twice what it is without that second role (Cauchy and Schwarz), and just that
        where nothing is learned: each pair of cases says the same whichever of them trains. Models that
        select or interact are sums over triples, at most three times. With some fifteen outer folds the
        nested error itself is too noisy to go lower: below twice it is more often wrong than right. Where the
        inner folds are not known it is the lower bound.
        """
        bounded = self._between(LEAST_ROLES, MOST_ROLES)
        return self.plain * math.sqrt(LEAST_ROLES) if math.isnan(bounded) else bounded

    def _between(self, least: float, most: float) -> float:
        if math.isnan(self.nested_variance):
            return math.nan
        plain = self.plain**2
        return math.sqrt(min(max(self.nested_variance, least * plain), most * plain))


def order_error(arms: Sequence[ArmOrder]) -> OrderError:
    """Return the estimate of one arm, or of the first less the second on the same folds, with its errors."""
    signs = (1.0, -1.0)[: len(arms)]
    by_fold = [arm.by_fold() for arm in arms]
    folds = FoldValues(
        value=_less([folds.value for folds in by_fold]),
        weight=by_fold[0].weight,
        test_to_train=by_fold[0].test_to_train,
    )
    return OrderError(
        estimate=sum(sign * arm.share() for sign, arm in zip(signs, arms, strict=True)),
        is_difference=len(arms) > 1,
        folds=folds,
        folds_of_repeat=len(arms[0].folds) / arms[0].repeats,
        plain=jackknife_error(_less([arm.influence() for arm in arms])),
        nested_variance=nested_variance(arms, folds),
        freedom=max(arms[0].n_rarer - 1, 1),
    )


def nested_variance(arms: Sequence[ArmOrder], folds: FoldValues) -> float:
    """Return the mean squared error by nested cross-validation, NaN where inner folds are not known.

    Bates, Hastie and Tibshirani, JASA 119 (2024), 1434-1445, section 4. In every outer fold the share in its
    test part is held against the share in the inner folds of its train part, with which it has no case in
    common: the square of their difference less the variance of the former (given its model; by the
    jackknife of its cases) is the mean squared error of a cross-validation of the size of the train part.
    The mean over folds, weighted by pairs, is brought to the size of the cohort.
    """
    if not all(arm.knows_inner for arm in arms) or (folds.weight > 0).sum() < 2:
        return math.nan
    inner = _less([arm.inner_share() for arm in arms])
    own = [_less(list(pulls)) for pulls in zip(*(arm.fold_influence() for arm in arms), strict=True)]
    own_variance = np.array([jackknife_error(pulls) ** 2 for pulls in own])
    squares = np.square(inner - folds.value) - own_variance
    used = folds.weight > 0
    train_share = float(np.mean(1 / (1 + folds.test_to_train)))
    return train_share * float(np.average(squares[used], weights=folds.weight[used]))


def _less(values: Sequence[Float[np.ndarray, " value"]]) -> Float[np.ndarray, " value"]:
    """Return the first, less the second where there are two."""
    return values[0] if len(values) == 1 else values[0] - values[1]


def jackknife_error(influence: Float[np.ndarray, " case"]) -> float:
    """Return the standard error that the pulls of independent cases give."""
    n = len(influence)
    return math.sqrt(float(np.square(influence).sum()) * n / (n - 1)) if n > 1 else math.nan
