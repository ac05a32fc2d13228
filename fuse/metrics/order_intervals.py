"""Intervals of C, AUROC and their differences, each by the name of its method; one of them is primary.

Enters: the order of one arm, or of two on the same folds. Leaves: the interval that metrics.csv,
comparisons.csv and the verdict use, and beside it every other method, so that a reader sees what the choice
decides. Which one is primary was decided by its coverage in simulation (`python -m tests.coverage`;
docs/decisions/0016-primary-interval.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fuse.metrics.fold_order import ArmOrder
from fuse.metrics.intervals import (
    NO_SPREAD,
    Interval,
    expit,
    is_constant,
    nadeau_bengio,
    nadeau_bengio_logit,
    no_interval,
    normal_quantile,
    several,
    t_quantile,
)
from fuse.metrics.order_error import OrderError, order_error

PRIMARY = "nested_cv"
PUBLISHED = "nested_cv_as_published"
PLAIN = "case_jackknife"
NADEAU_BENGIO = "nadeau_bengio"

PLAIN_WORDS = "jackknife of cases, conditional on the fitted models"
PRIMARY_WORDS = "nested CV, error held between sqrt 2 and sqrt 3 times that of the fitted models"
WITHOUT_INNER = "jackknife of cases, error times sqrt 2 (inner folds not known)"
PUBLISHED_WORDS = "nested CV as published (Bates, Hastie and Tibshirani 2024)"


def primary_interval(arms: Sequence[ArmOrder], family: int = 1) -> tuple[float, Interval]:
    """Return the estimate of one arm, or of the first less the second, and its primary interval.

    Parameters
    ----------
    family
        Number of intervals that shall hold together; more than one widens each (Bonferroni).
    """
    error = order_error(arms)
    return error.estimate, primary_of(error, family)


def primary_of(error: OrderError, family: int = 1) -> Interval:
    """Return the t interval of the primary error, with one degree of freedom less than there are events."""
    words = WITHOUT_INNER if math.isnan(error.nested_variance) else PRIMARY_WORDS
    return _interval(error, error.primary, error.freedom, words, family)


def named_intervals(error: OrderError, family: int = 1) -> dict[str, Interval]:
    """Return the interval of every method that follows from the folds alone, by its short name."""
    bengio = nadeau_bengio if error.is_difference else nadeau_bengio_logit
    found = {PRIMARY: primary_of(error, family)}
    if not math.isnan(error.nested_variance):
        found[PUBLISHED] = _interval(error, error.published, None, PUBLISHED_WORDS, family)
    found[NADEAU_BENGIO] = bengio(error.estimate, error.folds, family)
    found[PLAIN] = _interval(error, error.plain, None, PLAIN_WORDS, family)
    return found


def _interval(
    error: OrderError, standard_error: float, freedom: int | None, words: str, family: int
) -> Interval:
    """Return the interval of a difference as it is, cut at -1 and 1, and of a share on the logit scale.

    By t, or by the normal distribution where there is no number of degrees of freedom. The error is carried
    to the logit scale at the estimate (delta method). A share of exactly 0 or 1 has no such interval, and
    neither has an arm or a pair of arms that orders every fold alike.
    """
    scale = "" if error.is_difference else "logit scale"
    quantile = "normal" if freedom is None else f"t with {freedom} df"
    parts = [", ".join(filter(None, [words, scale, quantile])), several(family), _left_out(error)]
    method = "; ".join(part for part in parts if part)
    if not error.is_difference and not 0 < error.estimate < 1:
        return no_interval(f"{method}; none at an estimate of 0 or 1")
    if is_constant(error.folds.value[error.folds.weight > 0]):
        return no_interval(NO_SPREAD)
    half = (normal_quantile(family) if freedom is None else t_quantile(freedom, family)) * standard_error
    estimate = error.estimate
    if error.is_difference:
        low, high = np.clip([estimate - half, estimate + half], -1, 1)
        return Interval(low=float(low), high=float(high), method=method)
    centre, half = math.log(estimate / (1 - estimate)), half / (estimate * (1 - estimate))
    return Interval(low=expit(centre - half), high=expit(centre + half), method=method)


def _left_out(error: OrderError) -> str:
    empty = int((error.folds.weight <= 0).sum())
    return f"folds without comparable pairs, left out: {empty}" if empty else ""
