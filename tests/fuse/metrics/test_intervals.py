from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from fuse.metrics.intervals import (
    BOOTSTRAP,
    RESAMPLES,
    FoldValues,
    bootstrap,
    draw_resamples,
    nadeau_bengio,
    nadeau_bengio_error,
    nadeau_bengio_logit,
)


def folds(value: list[float], weight: list[float] | None = None) -> FoldValues:
    return FoldValues(
        value=np.array(value),
        weight=np.array(weight or [1.0] * len(value), dtype=float),
        test_to_train=np.full(len(value), 0.25),
    )


def test_error_by_hand() -> None:
    error, freedom = nadeau_bengio_error(folds([0.6, 0.7, 0.8]))
    assert (freedom, error) == (2, pytest.approx(math.sqrt(0.01 * (1 / 3 + 0.25))))


def test_limits_by_hand_with_the_table_value_of_t() -> None:
    interval = nadeau_bengio(0.1, folds([0.0, 0.1, 0.2]))
    half = 4.302652729911275 * math.sqrt(0.01 * (1 / 3 + 0.25))  # t of 2 degrees of freedom, 97.5 %
    assert_allclose([interval.low, interval.high], [0.1 - half, 0.1 + half])
    assert interval.method == "Nadeau-Bengio t, 2 df"


def test_folds_without_pairs_are_left_out_and_counted() -> None:
    with_empty = nadeau_bengio(0.7, folds([0.6, 0.7, 0.8, 0.0], [5, 5, 5, 0]))
    without = nadeau_bengio(0.7, folds([0.6, 0.7, 0.8]))
    assert_allclose([with_empty.low, with_empty.high], [without.low, without.high])
    assert with_empty.method == "Nadeau-Bengio t, 2 df; folds without comparable pairs, left out: 1"


def test_a_fold_with_more_pairs_counts_more() -> None:
    error, _ = nadeau_bengio_error(folds([0.5, 0.5, 0.9], [10, 10, 1]))
    assert error < nadeau_bengio_error(folds([0.5, 0.5, 0.9]))[0]


def test_one_fold_has_no_interval() -> None:
    interval = nadeau_bengio(0.7, folds([0.7, 0.0], [5, 0]))
    assert math.isnan(interval.low) and math.isnan(interval.high)


def test_intervals_that_hold_together_are_wider() -> None:
    values = folds([0.0, 0.1, 0.2, 0.05])
    alone, together = nadeau_bengio(0.1, values), nadeau_bengio(0.1, values, family=3)
    assert together.low < alone.low < alone.high < together.high
    assert together.method == "Nadeau-Bengio t, 3 df; Bonferroni over 3 (simultaneous)"


@pytest.mark.parametrize(("interval_of", "same"), [(nadeau_bengio, 0.0), (nadeau_bengio_logit, 0.5)])
def test_folds_that_are_all_alike_have_no_interval(interval_of, same: float) -> None:
    interval = interval_of(same, folds([same] * 15, [7, 3, 5] * 5))
    assert math.isnan(interval.low) and math.isnan(interval.high)
    assert interval.method == "none: same order in every fold"
    assert math.isfinite(interval_of(same, folds([same] * 14 + [0.6])).low)


def test_a_difference_stays_between_minus_one_and_one() -> None:
    interval = nadeau_bengio(0.2, folds([-0.6, 1.0]))
    assert (interval.low, interval.high) == (-1, 1)


def test_limits_of_several_proportions_that_hold_together_are_wider() -> None:
    values = folds([0.6, 0.7, 0.8, 0.65])
    alone, together = nadeau_bengio_logit(0.7, values), nadeau_bengio_logit(0.7, values, family=3)
    assert 0 < together.low < alone.low < alone.high < together.high < 1
    assert together.method == "Nadeau-Bengio t, logit scale, 3 df; Bonferroni over 3 (simultaneous)"


def test_limits_of_a_proportion_by_hand() -> None:
    interval = nadeau_bengio_logit(0.8, folds([0.7, 0.8, 0.9]))
    half = 4.302652729911275 * math.sqrt(0.01 * (1 / 3 + 0.25)) / (0.8 * 0.2)
    odds = 4.0
    expected = [odds * math.exp(-half), odds * math.exp(half)]
    assert_allclose([interval.low, interval.high], [item / (1 + item) for item in expected])
    assert interval.method == "Nadeau-Bengio t, logit scale, 2 df"


@given(st.lists(st.floats(0, 1), min_size=3, max_size=20), st.floats(0.01, 0.99))
def test_limits_of_a_proportion_stay_inside_and_mirror(value: list[float], estimate: float) -> None:
    assume(np.ptp(value) > 1e-9)
    interval = nadeau_bengio_logit(estimate, folds(value))
    assert 0 <= interval.low <= estimate + 1e-12 and estimate - 1e-12 <= interval.high <= 1
    mirrored = nadeau_bengio_logit(1 - estimate, folds([1 - item for item in value]))
    assert_allclose([interval.low, interval.high], [1 - mirrored.high, 1 - mirrored.low], atol=1e-9)


@pytest.mark.parametrize("estimate", [0.0, 1.0])
def test_a_perfect_order_has_no_limits_and_says_so(estimate: float) -> None:
    interval = nadeau_bengio_logit(estimate, folds([estimate] * 5))
    assert math.isnan(interval.low) and interval.method.endswith("none at an estimate of 0 or 1")


def test_resamples_are_multinomial_and_repeatable() -> None:
    counts = draw_resamples(30, 7)
    assert counts.shape == (RESAMPLES, 30)
    assert (counts.sum(axis=1) == 30).all()
    assert (counts == draw_resamples(30, 7)).all()
    assert (counts != draw_resamples(30, 8)).any()
    assert np.mean(counts == 0) == pytest.approx((29 / 30) ** 30, abs=0.01)


def test_bootstrap_of_a_constant_has_no_interval() -> None:
    interval = bootstrap(np.full(RESAMPLES, 0.3))
    assert math.isnan(interval.low) and interval.method == "none: same value in every resample"


def test_bootstrap_of_a_mean_is_the_normal_interval() -> None:
    value = np.random.default_rng(0).normal(size=400)
    interval = bootstrap(draw_resamples(400, 1) @ value / 400)
    half = 1.96 * value.std() / 20
    assert_allclose([interval.low, interval.high], [value.mean() - half, value.mean() + half], atol=0.01)


def test_bootstrap_counts_resamples_without_a_value() -> None:
    values = np.linspace(0.3, 0.4, 100)
    values[:10] = np.nan
    interval = bootstrap(values, "a note")
    assert interval.method == f"{BOOTSTRAP}; 10 of 100 resamples without a value; a note"
    values[:60] = np.nan
    assert math.isnan(bootstrap(values).low)
    assert bootstrap(values).method.endswith("no interval")
