"""Pairs by case add up to the pairs of the fold, for every kind of endpoint."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fuse.metrics.case_pairs import pairs_by_case
from fuse.metrics.ordered import ordered_pairs
from fuse.outcomes.outcomes import Classes, Competing, Survival

RNG = np.random.default_rng(3)
TIMES = RNG.integers(1, 9, size=40).astype(float)  # many ties
CAUSE = RNG.integers(0, 3, size=40)
LABEL = RNG.integers(0, 3, size=40)


@pytest.mark.parametrize(
    "outcome",
    [
        Survival(event=CAUSE == 1, time_days=TIMES),
        Competing(event=CAUSE == 1, time_days=TIMES, cause=CAUSE, causes=("relapse", "death")),
        Classes(label=(LABEL > 0).astype(np.int64), names=("no", "yes")),
        Classes(label=LABEL, names=("low", "middle", "high")),
    ],
)
def test_half_of_the_sum_over_cases_is_what_is_counted_at_once(outcome) -> None:
    several = isinstance(outcome, Classes) and len(outcome.names) > 2
    risk = RNG.integers(0, 6, size=(40, 3) if several else 40).astype(float)  # ties of risk too
    assert_allclose(pairs_by_case(risk, outcome).sum(axis=0) / 2, ordered_pairs(risk, outcome))


def test_three_cases_by_hand() -> None:
    outcome = Survival(event=np.array([True, True, False]), time_days=np.array([1.0, 2.0, 3.0]))
    # pairs (first, second) right, (first, third) a tie, (second, third) wrong
    found = pairs_by_case(np.array([2.0, 1.0, 2.0]), outcome)
    assert found[:, 0].tolist() == [[1.5, 2.0], [1.0, 2.0], [0.5, 2.0]]
