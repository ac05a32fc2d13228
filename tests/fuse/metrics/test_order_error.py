"""Standard errors of an order: by hand, by their bounds, and against a jackknife that counts again."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fuse.metrics.fold_order import ArmOrder, FoldOrder, order_of
from fuse.metrics.order_error import OrderError, order_error
from fuse.metrics.order_intervals import (
    NADEAU_BENGIO,
    PLAIN,
    PRIMARY,
    PRIMARY_WORDS,
    PUBLISHED,
    WITHOUT_INNER,
    named_intervals,
    primary_interval,
    primary_of,
)
from fuse.metrics.pooled import count_fold_pairs
from fuse.metrics.scored import join

INNER = np.array([[[3.0, 4.0]], [[2.0, 4.0]]])


def fold(number: int, right: float, inner: np.ndarray | None = INNER, repeat: int = 1) -> FoldOrder:
    """Return a fold of two cases and one pair, `right` of it in order, tested by models of six cases."""
    by_case = np.array([[[right, 1.0]], [[right, 1.0]]])
    rows = np.array([2 * number, 2 * number + 1])
    return FoldOrder(repeat=repeat, rows=rows, n_train=6, by_case=by_case, inner=inner)


def arm(*folds: FoldOrder) -> ArmOrder:
    return ArmOrder(n_cases=8, n_rarer=4, folds=folds)


def test_four_folds_by_hand() -> None:
    found = order_error([arm(fold(0, 1), fold(1, 1), fold(2, 0), fold(3, 1))])
    assert found.estimate == 0.75
    # each case of a fold pulls (right - .75) / 4 pairs; fold by fold the pull is 0: one pair has no spread
    pulls = np.repeat(np.array([0.25, 0.25, -0.75, 0.25]) / 4, 2)
    assert found.plain == pytest.approx(math.sqrt(np.square(pulls).sum() * 8 / 7))
    # inner folds: 5 of 8; squares of .625 - (1, 1, 0, 1), brought from 6 to 8 cases
    assert found.nested_variance == pytest.approx(0.75 * np.mean([0.375**2, 0.375**2, 0.625**2, 0.375**2]))
    assert (found.freedom, found.folds_of_repeat) == (3, 4)


def test_the_nested_error_stays_between_its_bounds() -> None:
    error = order_error([arm(fold(0, 1), fold(1, 1), fold(2, 0), fold(3, 1))])
    plain = error.plain
    for times, published, primary in ((0.5, 1, 2), (1.5, 1.5, 2), (2.5, 2.5, 2.5), (3.5, 3.5, 3), (9, 4, 3)):
        moved = replace(error, nested_variance=times * plain**2)
        assert moved.published == pytest.approx(plain * math.sqrt(published))
        assert moved.primary == pytest.approx(plain * math.sqrt(primary))
    assert replace(error, nested_variance=-1.0).primary == pytest.approx(plain * math.sqrt(2))


def test_without_inner_folds_the_lower_bound_stands_and_says_so() -> None:
    whole = arm(fold(0, 1), fold(1, 1), fold(2, 0), fold(3, 1))
    without = arm(*(replace(one, inner=None) for one in whole.folds))
    error = order_error([without])
    assert math.isnan(error.nested_variance) and math.isnan(error.published)
    assert error.primary == pytest.approx(error.plain * math.sqrt(2))
    assert primary_interval([without])[1].method == f"{WITHOUT_INNER}, logit scale, t with 3 df"
    assert primary_interval([whole])[1].method == f"{PRIMARY_WORDS}, logit scale, t with 3 df"
    assert PUBLISHED not in named_intervals(error)
    assert list(named_intervals(order_error([whole]))) == [PRIMARY, PUBLISHED, NADEAU_BENGIO, PLAIN]


def test_inner_folds_without_a_pair_are_as_good_as_unknown() -> None:
    empty = np.zeros((2, 1, 2))
    assert math.isnan(order_error([arm(fold(0, 1), fold(1, 0, empty), fold(2, 1))]).nested_variance)


def test_a_difference_is_of_the_same_cases() -> None:
    first = arm(fold(0, 1), fold(1, 1), fold(2, 0), fold(3, 1))
    second = arm(fold(0, 1), fold(1, 0), fold(2, 0), fold(3, 1))
    found = order_error([first, second])
    assert found.estimate == 0.25
    pulls = np.repeat(np.array([-0.25, 0.75, -0.25, -0.25]) / 4, 2)
    assert found.plain == pytest.approx(math.sqrt(np.square(pulls).sum() * 8 / 7))
    assert found.nested_variance == pytest.approx(0.75 * np.mean([0, 1, 0, 0]))  # no difference inside
    interval = primary_interval([first, second])[1]
    assert (interval.low, interval.high) == (-1, 1)  # a difference cannot be larger
    half = 3.182446305284263 * 0.01  # t of 3 degrees of freedom, 97.5 %
    narrow = primary_of(replace(found, plain=0.005, nested_variance=1e-4))
    assert_allclose([narrow.low, narrow.high], [0.25 - math.sqrt(0.75) * half, 0.25 + math.sqrt(0.75) * half])
    assert math.isnan(primary_interval([first, first])[1].low)


def test_folds_without_a_pair_count_nothing_and_are_told() -> None:
    empty = replace(fold(3, 0), by_case=np.zeros((2, 1, 2)))
    with_empty = primary_interval([arm(fold(0, 1), fold(1, 1), fold(2, 0), empty)])
    assert with_empty[0] == pytest.approx(2 / 3)
    assert with_empty[1].method.endswith("; folds without comparable pairs, left out: 1")
    assert math.isfinite(with_empty[1].low)


def test_the_share_is_the_c_of_the_table_and_pulls_sum_to_nothing(trial) -> None:
    joined = join(trial.predict(trial.hazard), trial.truths)
    order = order_of(joined)
    assert order.share() == pytest.approx(count_fold_pairs(joined).concordance(), abs=1e-12)
    assert_allclose(order.influence().sum(), 0, atol=1e-12)
    assert order.n_rarer == int(trial.outcome.event.sum())


def test_the_plain_error_is_near_the_jackknife_that_leaves_cases_out(trial) -> None:
    joined = join(trial.predict(trial.hazard + np.random.default_rng(0).normal(size=90)), trial.truths)
    order, left_out = order_of(joined), []
    for case in range(90):
        folds = []
        for one in joined.folds:
            keep = np.flatnonzero(one.rows != case)
            said = replace(one.prediction, risk=one.prediction.risk[keep])
            truth = replace(one.truth, test=one.truth.test.take(keep))
            folds.append(replace(one, prediction=said, truth=truth, rows=one.rows[keep]))
        left_out.append(order_of(replace(joined, folds=tuple(folds))).share())
    jackknife = math.sqrt(np.var(left_out) * 89)
    assert order_error([order]).plain == pytest.approx(jackknife, rel=0.05)


def test_intervals_that_hold_together_are_wider_and_say_so() -> None:
    error = order_error([arm(fold(0, 1), fold(1, 1), fold(2, 0), fold(3, 1))])
    for name, alone in named_intervals(error).items():
        together = named_intervals(error, family=3)[name]
        assert together.low < alone.low < alone.high < together.high
        assert "Bonferroni over 3 (simultaneous)" in together.method


def test_a_share_of_one_has_no_interval() -> None:
    interval = primary_interval([arm(fold(0, 1), fold(1, 1))])[1]
    assert math.isnan(interval.low) and interval.method.endswith("none at an estimate of 0 or 1")
    assert isinstance(order_error([arm(fold(0, 1), fold(1, 1))]), OrderError)
