"""The rows of the null study and of the planted gain, held against the bars that were set for them.

Enters: what single cohorts gave. Leaves: measured rows: mean C, rejections at .05 with the upper limit that
is held against .08, the estimated gain against the true one, and how far the naive difference is from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tests.measurement import Measured
from tests.null.gain import Gain
from tests.null.rejections import Judged

#: Fewer runs cannot show that .05 is under .08, or a gain to .005.
ENOUGH_RUNS, ENOUGH_COHORTS = 400, 200
HIGHEST, GAIN, NEAR_TRUTH, MONTE_CARLO_ERRORS = 0.08, 0.02, 0.005, 3.0


def null_rows(judged: Sequence[Judged], source: str) -> list[Measured]:
    """Return mean C within folds and pooled, and how often each named test rejects."""
    rows = []
    for arm in judged[0].c:
        for words, values in (
            ("within folds", [one.c[arm] for one in judged]),
            ("pooled", [one.pooled[arm] for one in judged]),
        ):
            mean, error = _mean(values)
            met = abs(mean - 0.5) <= MONTE_CARLO_ERRORS * error if len(values) >= ENOUGH_RUNS else None
            bar = "within 3 Monte-Carlo errors of .5"
            where = f"{source}; Monte-Carlo error {error:.4f}"
            rows.append(_row(f"null_mean_c {words}, {arm}", mean, "C", (bar, met), where))
    for name in judged[0].rejects:
        rejected = sum(one.rejects[name] for one in judged)
        upper = upper_limit(rejected, len(judged))
        met = upper <= HIGHEST if len(judged) >= ENOUGH_RUNS else None
        where = f"{source}; {rejected} of {len(judged)}, upper 95 % bound {upper:.3f}"
        bar = "upper 95 % bound <= .08"
        rows.append(_row(f"null_rejects {name}", rejected / len(judged), "share", (bar, met), where))
    return rows


def gain_rows(judged: Sequence[Gain], source: str) -> list[Measured]:
    """Return the true gain, the bias of its estimate, how often its interval holds it, and the naive bias."""
    enough = len(judged) >= ENOUGH_COHORTS
    rows = []
    for words in judged[0].estimate:
        truth, error = _mean([one.truth[words] for one in judged])
        planted = "within .005 of .02", abs(truth - GAIN) <= NEAR_TRUTH if enough else None
        rows.append(_row(f"gain_true over {words}", truth, "C", planted, f"{source}; error {error:.4f}"))
        bias, error = _mean([one.estimate[words] - one.truth[words] for one in judged])
        met = abs(bias) <= NEAR_TRUTH if enough else None
        where = f"{source}; Monte-Carlo error {error:.4f}"
        rows.append(_row(f"gain_bias over {words}", bias, "C", ("within .005 of 0", met), where))
        low, high = np.array([one.limits[words] for one in judged]).T
        held = float(np.mean((low <= truth) & (truth <= high)))
        rows.append(_row(f"gain_coverage over {words}", held, "of nominal .95", (None, None), source))
    bias, error = _mean([one.naive - one.best for one in judged])
    met = bias < -MONTE_CARLO_ERRORS * error if enough else None
    where = f"{source}; Monte-Carlo error {error:.4f}"
    shown = "biased: below 0 by 3 errors"
    rows.append(_row("gain_bias_naive over the best-looking modality", bias, "C", (shown, met), where))
    return rows


def upper_limit(count: int, runs: int) -> float:
    """Return the one-sided upper 95 % limit of a share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return float(beta.ppf(0.95, count + 1, runs - count)) if count < runs else 1.0


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its Monte-Carlo error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))


def _row(name: str, value: float, unit: str, held: tuple[str | None, bool | None], source: str) -> Measured:
    bar, met = held
    return Measured(
        name=f"fuse/{name.replace(',', '').replace(' ', '_')}",
        value=value,
        unit=unit,
        bar=bar,
        met=None if met is None else bool(met),
        input=source,
    )
