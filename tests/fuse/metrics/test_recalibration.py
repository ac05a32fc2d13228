"""The slope and its sandwich against R's glm, and what a wrong prediction does to it.

x <- c(-2, ...); y <- ...; w <- ...; id <- rep(1:6, 2)
m <- glm(y ~ x, family = quasibinomial, weights = w, control = list(epsilon = 1e-14))
X <- model.matrix(m); p <- fitted(m); U <- rowsum(X * (w * (y - p)), id)
B <- solve(t(X) %*% (X * (w * p * (1 - p)))); B %*% crossprod(U) %*% B * 6/5
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.known_status import KnownStatus
from fuse.metrics.recalibration import calibration_slope, fit_logistic, log_odds

X = np.array([-2, -1.5, -1, -0.7, -0.3, 0, 0.2, 0.6, 1, 1.4, 1.9, 2.3])
Y = np.array([0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1], dtype=bool)
W = np.array([1, 1.2, 1, 2, 1.5, 1, 3, 1, 1.1, 1, 1, 2])


def known(x: np.ndarray, y: np.ndarray, w: np.ndarray, row: np.ndarray) -> KnownStatus:
    said = 1 / (1 + np.exp(-x))
    part = np.zeros(len(row), dtype=int)
    return KnownStatus(row=row, part=part, probability=said, happened=y, weight=w, constant=False, note="")


def test_agrees_with_r() -> None:
    columns = np.column_stack([np.ones(12), X])
    assert fit_logistic(columns, Y, W) == pytest.approx([-0.669366991679722, 1.197961720529970], abs=1e-10)
    slope, interval = calibration_slope(known(X, Y, W, np.tile(np.arange(6), 2)))
    assert slope == pytest.approx(1.197961720529970, abs=1e-10)
    # each case has two observations; 4 of 6 are known with the event, 4 without: 3 df, t = 3.182446
    half = 3.182446305284263 * np.sqrt(0.238104608514811)
    assert interval.high - slope == pytest.approx(half, abs=1e-8)
    assert slope - interval.low == pytest.approx(half, abs=1e-8)
    assert "sandwich by case" in interval.method and "3 df" in interval.method


def test_agrees_with_scikit_learn_without_a_penalty() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(4)
    x, weight = rng.normal(size=(300, 2)), rng.uniform(0.5, 3, size=300)
    y = rng.random(300) < 1 / (1 + np.exp(-x[:, 0]))
    theirs = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(x, y, weight)
    ours = fit_logistic(np.column_stack([np.ones(300), x]), y, weight)
    assert ours == pytest.approx([theirs.intercept_[0], *theirs.coef_[0]], abs=1e-6)


def test_true_probabilities_have_slope_one_and_extreme_ones_a_half() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    y = rng.random(4000) < 1 / (1 + np.exp(-x))
    of_all = np.arange(4000)
    slope, interval = calibration_slope(known(x, y, np.ones(4000), of_all))
    assert interval.low < 1 < interval.high
    twice, _ = calibration_slope(known(2 * x, y, np.ones(4000), of_all))
    assert twice == pytest.approx(slope / 2, rel=1e-6)


def test_what_parts_predict_higher_or_lower_as_a_whole_is_no_slope() -> None:
    """A test part with more events leaves fewer to learn from: its predictions are lower as a whole."""
    rng, part = np.random.default_rng(2), np.repeat(np.arange(20), 200)
    x = rng.normal(size=4000)
    y = rng.random(4000) < 1 / (1 + np.exp(-x))
    shift = -2 * np.array([y[part == one].mean() for one in range(20)])[part]
    weight = rng.uniform(0.5, 2, size=4000)
    of_all = replace(known(x + 10 * shift, y, weight, np.arange(4000)), part=part)
    slope, interval = calibration_slope(of_all)
    assert interval.low < 1 < interval.high
    as_one, _ = calibration_slope(replace(of_all, part=np.zeros(4000, dtype=int)))
    assert as_one < slope - 0.2


def test_the_interval_holds_one_as_often_as_it_should() -> None:
    """27 events among 95 cases, three repeats of each: nominally 95 %."""
    rng, held, runs = np.random.default_rng(1), 0, 300
    for _ in range(runs):
        x = rng.normal(-1, 1, size=95)
        y = rng.random(95) < 1 / (1 + np.exp(-x))
        tripled = known(np.tile(x, 3), np.tile(y, 3), np.ones(285), np.tile(np.arange(95), 3))
        _, interval = calibration_slope(tripled)
        held += interval.low < 1 < interval.high
    assert 0.92 <= held / runs <= 0.985


def test_no_slope_says_why() -> None:
    one = known(X, Y, W, np.arange(12))
    for changed, reason in (
        (replace(one, constant=True), "the same prediction for everybody"),
        (replace(one, happened=np.arange(12) == 3), "fewer than two cases"),
        (replace(one, happened=X > 0.1), "no finite slope fits"),
    ):
        slope, interval = calibration_slope(changed)
        assert np.isnan([slope, interval.low, interval.high]).all()
        assert interval.method.startswith(f"none: {reason}")


def test_certainty_has_finite_log_odds() -> None:
    assert log_odds(np.array([0.0, 0.5, 1.0])) == pytest.approx([-13.815510, 0, 13.815510], abs=1e-5)
