"""Intervals for cross-validated numbers, each called by the name of its method.

Enters: a number per fold, or a number per resample of cases. Leaves: limits and the sentence that names them.
No interval here is exact; how often each holds the truth is measured by `python -m tests.coverage`. Which one
an order (C, AUROC) has stands in `order_intervals.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

LEVEL = 0.95
RESAMPLES = 1000
BOOTSTRAP = "out-of-fold bootstrap, conditional on the fitted models"
NO_SPREAD = "none: same order in every fold"
NO_SPREAD_OF_RESAMPLES = "none: same value in every resample"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Limits at 95 % nominal and the method; NaN limits where the method gives none, and it says so."""

    low: float
    high: float
    method: str


@dataclass(frozen=True, kw_only=True)
class FoldValues:
    """One number per fold with what is needed to judge how much it varies.

    `weight` is the number of comparable pairs; a fold with weight 0 has no value and is left out, counted.
    `test_to_train` is the ratio of the sizes of the parts.
    """

    value: Float[np.ndarray, " fold"]
    weight: Float[np.ndarray, " fold"]
    test_to_train: Float[np.ndarray, " fold"]


def nadeau_bengio_error(folds: FoldValues) -> tuple[float, int]:
    """Return standard error and degrees of freedom of the mean over folds.

    Variance s^2 (1/J + n_test/n_train) over the J folds of all repeats that have a value, with J - 1 degrees
    of freedom; s^2 weighted by comparable pairs. Nadeau and Bengio, Machine Learning 52 (2003), 239-281,
    equation 13. It speaks about the procedure trained at this size, not about one fitted model. The ratio
    repairs most of the dependence between folds that share training cases, not all of it: no unbiased
    estimator of that variance exists (Bates, Hastie and Tibshirani, JASA 119 (2024), 1434-1445, whose nested
    cross-validation comes closer and costs many more fits).
    """
    used = folds.weight > 0
    n_folds = int(used.sum())
    if n_folds < 2:
        return float("nan"), max(n_folds - 1, 0)
    value, weight = folds.value[used], folds.weight[used]
    mean = np.average(value, weights=weight)
    variance = np.average(np.square(value - mean), weights=weight) * n_folds / (n_folds - 1)
    inflation = 1 / n_folds + float(folds.test_to_train[used].mean())
    return float(np.sqrt(variance * inflation)), n_folds - 1


def nadeau_bengio(estimate: float, folds: FoldValues, family: int = 1) -> Interval:
    """Return the t interval of a difference of two proportions, cut at -1 and 1.

    Folds that all have the same value show no spread to judge by: two arms that order every fold alike have
    no interval, which is not an interval of no width.

    Parameters
    ----------
    estimate
        Centre of the interval.
    folds
        Values per fold.
    family
        Number of intervals that shall hold together; more than one widens each (Bonferroni).
    """
    if is_constant(folds.value[folds.weight > 0]):
        return no_interval(NO_SPREAD)
    error, freedom = nadeau_bengio_error(folds)
    half = t_quantile(freedom, family) * error
    method = _name("Nadeau-Bengio t", freedom, folds, family)
    low, high = np.clip([estimate - half, estimate + half], -1, 1)
    return Interval(low=float(low), high=float(high), method=method)


def nadeau_bengio_logit(estimate: float, folds: FoldValues, family: int = 1) -> Interval:
    """Return the t interval of a proportion such as C, on the logit scale; `family` as above.

    The error is carried to the logit scale at the estimate (delta method), because single folds of 19 cases
    reach C = 1, where a logit per fold does not exist. An estimate of exactly 0 or 1 has no such interval,
    and neither has one that is the same in every fold (an arm that knows nothing: .5 everywhere).
    """
    error, freedom = nadeau_bengio_error(folds)
    method = _name("Nadeau-Bengio t, logit scale", freedom, folds, family)
    if not 0 < estimate < 1:
        return no_interval(f"{method}; none at an estimate of 0 or 1")
    if is_constant(folds.value[folds.weight > 0]):
        return no_interval(NO_SPREAD)
    half = t_quantile(freedom, family) * error / (estimate * (1 - estimate))
    centre = np.log(estimate / (1 - estimate))
    return Interval(low=expit(centre - half), high=expit(centre + half), method=method)


@lru_cache(maxsize=2)
def draw_resamples(n_cases: int, seed: int) -> Float[np.ndarray, "sample case"]:
    """Draw how often each case is in each bootstrap resample, (sample, case), multinomial.

    The same cases and seed give the same resamples, so two arms are compared on the same ones. They are drawn
    once for all arms of a run, and nobody may write into them.
    """
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(n_cases, np.full(n_cases, 1 / n_cases), size=RESAMPLES).astype(float)
    counts.setflags(write=False)
    return counts


def bootstrap(values: Float[np.ndarray, " sample"], note: str = "", family: int = 1) -> Interval:
    """Return the percentile interval of resampled values; `family` as in `nadeau_bengio`.

    Cases are resampled, models are not refitted: it speaks about these fitted models and is too narrow for
    the procedure. Resamples without a value (no comparable pair) are left out and counted.
    """
    finite = values[np.isfinite(values)]
    left_out = len(values) - len(finite)
    parts = [
        BOOTSTRAP,
        several(family),
        f"{left_out} of {len(values)} resamples without a value" if left_out else "",
        note,
    ]
    method = "; ".join(part for part in parts if part)
    if len(finite) < len(values) / 2:
        return no_interval(f"{method}; no interval")
    if is_constant(finite):
        return no_interval(NO_SPREAD_OF_RESAMPLES)
    tail = (1 - LEVEL) / (2 * family)
    low, high = np.quantile(finite, [tail, 1 - tail])
    return Interval(low=float(low), high=float(high), method=method)


def is_constant(values: Float[np.ndarray, " value"]) -> bool:
    """Return whether there are several values and all are one, but for rounding."""
    return len(values) > 1 and bool(np.ptp(values) < 1e-12)


def no_interval(method: str) -> Interval:
    """Return what stands where a method gives no limits; `method` says why."""
    return Interval(low=math.nan, high=math.nan, method=method)


def t_quantile(freedom: int, family: int) -> float:
    """Return the quantile of t for two-sided limits at 95 %, or of `family` that hold together."""
    if freedom < 1:
        return float("nan")
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - (1 - LEVEL) / (2 * family)))


def normal_quantile(family: int) -> float:
    """Return the normal quantile for two-sided limits at 95 %, or of `family` that hold together."""
    return NormalDist().inv_cdf(1 - (1 - LEVEL) / (2 * family))


def expit(value: float) -> float:
    """Return the share that a logit stands for."""
    return float(1 / (1 + np.exp(-value)))


def several(family: int) -> str:
    """Say that intervals hold together, "" for one alone."""
    return f"Bonferroni over {family} (simultaneous)" if family > 1 else ""


def _name(method: str, freedom: int, folds: FoldValues, family: int) -> str:
    left_out = int((folds.weight <= 0).sum())
    parts = [
        f"{method}, {freedom} df",
        several(family),
        f"folds without comparable pairs, left out: {left_out}" if left_out else "",
    ]
    return "; ".join(part for part in parts if part)
