"""What C costs, once and in a thousand bootstraps, against scikit-survival on the same numbers."""

from __future__ import annotations

import numpy as np

from fuse.metrics.concordance import concordant_pairs, resampled_pairs
from fuse.metrics.intervals import draw_resamples
from fuse.outcomes.outcomes import Survival
from tests.measurement import Measured
from tests.speed.timing import REPEATS, best

SIZES = (1_000, 10_000, 100_000)
CASES, BAR = 95, 50


def concordance_rows() -> list[Measured]:
    """Time C at three sizes, and bootstraps at the size of a small cohort."""
    return [*(_one_c(size) for size in SIZES), _bootstraps()]


def _one_c(size: int) -> Measured:
    from sksurv.metrics import concordance_index_censored

    risk, outcome = _drawn(size)
    concordant, comparable = concordant_pairs(risk, outcome)
    ours = best(lambda: concordant_pairs(risk, outcome))
    found = []
    once = 1 if size > 10_000 else REPEATS  # theirs takes most of a minute there
    theirs = best(
        lambda: found.append(concordance_index_censored(outcome.event, outcome.time_days, risk)[0]), once
    )
    np.testing.assert_allclose(concordant / comparable, found[0], rtol=1e-9)
    return Measured(
        name=f"fuse/concordance_{size // 1000}k_against_scikit_survival",
        value=theirs / ours,
        unit="times as fast",
        bar=None,
        met=None,
        input=f"{size:,} cases, 30 % events; {ours * 1e3:.3g} ms against {theirs:.3g} s",
    )


def _bootstraps() -> Measured:
    """Time the same resamples of one cohort: drawn as counts, for one product, and one by one."""
    from sksurv.metrics import concordance_index_censored

    risk, outcome = _drawn(CASES)
    counts = draw_resamples(CASES, seed=1)
    ours = best(lambda: resampled_pairs(risk, outcome, draw_resamples(CASES, seed=1)))
    drawn = [np.repeat(np.arange(CASES), times) for times in counts.astype(int)]
    found: list[float] = []

    def one_by_one() -> None:
        found[:] = [
            concordance_index_censored(outcome.event[rows], outcome.time_days[rows], risk[rows])[0]
            for rows in drawn
        ]

    theirs = best(one_by_one)
    concordant, comparable = resampled_pairs(risk, outcome, counts)
    np.testing.assert_allclose(concordant / comparable, found, rtol=1e-9)
    return Measured(
        name="fuse/bootstraps_of_c_against_scikit_survival",
        value=theirs / ours,
        unit="times as fast",
        bar=f">= {BAR} times",
        met=theirs / ours >= BAR,
        input=f"{len(counts):,} bootstraps, {CASES} cases; {ours * 1e3:.3g} ms against {theirs:.3g} s",
    )


def _drawn(size: int) -> tuple[np.ndarray, Survival]:
    generator = np.random.default_rng(0)
    event = generator.random(size) < 0.3
    outcome = Survival(event=event, time_days=generator.exponential(1000, size))
    # six digits: theirs takes risks for equal that differ by less than 1e-8
    return generator.standard_normal(size).round(6), outcome
