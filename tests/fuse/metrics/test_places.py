"""Places in folds: equal risks share a stretch, and no fold decides its pairs by where their middle is."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuse.metrics.concordance import concordant_pairs, later_cases, sum_pairs
from fuse.metrics.places import places_in_folds
from fuse.outcomes.outcomes import Survival

some_risks = st.lists(st.integers(0, 3).map(float), min_size=1, max_size=6).map(np.array)


def test_equal_risks_share_a_stretch_and_every_fold_fills_the_whole() -> None:
    places = places_in_folds([np.array([3.0, -1.0, 3.0, 9.0]), np.zeros(5)])
    assert places.low.tolist() == [0.25, 0.0, 0.25, 0.75, *[0.0] * 5]
    assert places.high.tolist() == [0.75, 0.25, 0.75, 1.0, *[1.0] * 5]
    middle = (places.low + places.high) / 2
    assert [middle[:4].mean(), middle[4:].mean()] == [0.5, 0.5]


@given(some_risks, some_risks)
def test_above_is_the_share_of_points_drawn_evenly_from_both_stretches(
    first: np.ndarray, second: np.ndarray
) -> None:
    places = places_in_folds([first, second])
    above = places.above(np.arange(len(first) + len(second)))
    steps = (np.arange(60) + 0.5) / 60
    points = places.low + (places.high - places.low) * steps[:, None]
    drawn = points[:, None, :, None] - points[None, :, None, :]
    share = ((drawn > 1e-12) + 0.5 * (np.abs(drawn) <= 1e-12)).mean(axis=(0, 1))
    assert above == pytest.approx(share, abs=0.01)
    assert above + above.T == pytest.approx(np.ones_like(above), abs=1e-12)


@given(some_risks)
def test_within_a_fold_the_higher_risk_is_above_and_equal_ones_are_half(risk: np.ndarray) -> None:
    above = places_in_folds([risk]).above(np.arange(len(risk)))
    own, other = risk[:, None], risk[None, :]
    assert above == pytest.approx((own > other) + 0.5 * (own == other), abs=1e-12)


def test_a_perfect_order_of_many_cases_is_not_more_than_perfect() -> None:
    risk = np.arange(7001.0)
    above = places_in_folds([risk]).above(np.arange(0, 7001, 97))
    assert above.max() == 1.0
    assert above.min() == 0.0


def test_three_tables_of_rows_by_cases_are_held_at_once() -> None:
    rows, cases = 64, 20_000
    places = places_in_folds([np.arange(cases / 2), np.arange(cases / 2)])
    tracemalloc.start()
    places.above(np.arange(rows))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3.5 * rows * cases * 8


def test_a_fold_that_says_nothing_where_the_other_is_wrong_does_not_lower_the_share() -> None:
    """As of a stack on nothing: what it learns of fold 2 for fold 1 is nothing where fold 2 is wrong."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(2000):
        outcome = Survival(event=np.arange(16) % 4 == 0, time_days=rng.permutation(16) + 1.0)
        second = rng.permutation(8).astype(float)
        concordant, comparable = concordant_pairs(second, outcome.take(np.arange(8, 16)))
        wrong = concordant < comparable / 2
        first = np.zeros(8) if wrong else rng.permutation(8).astype(float)
        places = places_in_folds([first, second])
        middle = (places.low + places.high) / 2
        of_middles = concordant_pairs(middle, outcome)
        right, pairs = sum_pairs(
            places.above, np.flatnonzero(outcome.event), later_cases(outcome), np.ones((1, 16))
        )
        share = right[0] / pairs[0]
        found.append((share - 0.5, of_middles[0] / of_middles[1] - share))
    error = np.std(found, axis=0) / np.sqrt(len(found))
    of_stretches, middles_beside = np.mean(found, axis=0)
    assert abs(of_stretches) < 3 * error[0]
    assert middles_beside < -5 * error[1]
