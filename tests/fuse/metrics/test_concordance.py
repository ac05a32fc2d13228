from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuse.metrics.concordance import ROWS_AT_ONCE, concordant_pairs, resampled_pairs
from fuse.outcomes.outcomes import Survival

rows_with_ties = st.lists(
    st.tuples(st.booleans(), st.integers(1, 8), st.integers(-3, 3)), min_size=2, max_size=25
)


def split(rows: list[tuple[bool, int, int]]) -> tuple[np.ndarray, Survival]:
    event, time, risk = (np.array(column) for column in zip(*rows, strict=True))
    return risk.astype(float), Survival(event=event.astype(bool), time_days=time.astype(float))


def test_hand_counted_pairs() -> None:
    outcome = Survival(
        event=np.array([True, True, False, True, False]), time_days=np.array([1.0, 2.0, 2.0, 3.0, 4.0])
    )
    risk = np.array([5.0, 1.0, 1.0, 2.0, 0.0])
    # 1: beats 2, 3, 4, 5. 2: tied with 3 (censored the same day), loses to 4, beats 5. 4: beats 5.
    assert concordant_pairs(risk, outcome) == (4 + 0.5 + 0 + 1 + 1, 8.0)


@settings(max_examples=60, deadline=None)
@given(rows_with_ties)
def test_agrees_with_scikit_survival_under_ties(rows: list[tuple[bool, int, int]]) -> None:
    from sksurv.metrics import concordance_index_censored

    risk, outcome = split(rows)
    concordant, comparable = concordant_pairs(risk, outcome)
    if comparable:
        theirs = concordance_index_censored(outcome.event, outcome.time_days, risk)[0]
        assert concordant / comparable == pytest.approx(theirs, abs=1e-10)


@settings(max_examples=200, deadline=None)
@given(rows_with_ties)
def test_counts_are_those_of_the_pair_matrix(rows: list[tuple[bool, int, int]]) -> None:
    risk, outcome = split(rows)
    matrix = resampled_pairs(risk, outcome, np.ones((1, len(risk))))
    assert concordant_pairs(risk, outcome) == (matrix[0][0], matrix[1][0])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 63, 64, 65, 1537])
@pytest.mark.parametrize("decimals", [0, 9])
def test_counts_are_those_of_the_pair_matrix_at_every_size(n: int, decimals: int) -> None:
    generator = np.random.default_rng(n)
    time = np.ceil(generator.exponential(200, n))
    outcome = Survival(event=generator.random(n) < 0.4, time_days=time)
    risk = np.round(generator.normal(size=n), decimals)
    risk[::7] = [-np.inf, np.inf, np.nan][n % 3]
    matrix = resampled_pairs(risk, outcome, np.ones((1, n)))
    assert concordant_pairs(risk, outcome) == (matrix[0][0], matrix[1][0])


def test_agrees_with_scikit_survival_beyond_one_block() -> None:
    from sksurv.metrics import concordance_index_censored

    generator = np.random.default_rng(1)
    n = 3 * ROWS_AT_ONCE
    outcome = Survival(event=generator.random(n) < 0.7, time_days=generator.integers(1, 400, n).astype(float))
    risk = np.round(generator.normal(size=n), 1)
    assert outcome.event.sum() > ROWS_AT_ONCE
    theirs = concordance_index_censored(outcome.event, outcome.time_days, risk)[0]
    concordant, comparable = concordant_pairs(risk, outcome)
    assert concordant / comparable == pytest.approx(theirs, abs=1e-10)


@given(rows_with_ties)
def test_reversed_risk_gives_the_complement_and_ties_stay_half(rows: list[tuple[bool, int, int]]) -> None:
    risk, outcome = split(rows)
    forward, comparable = concordant_pairs(risk, outcome)
    assert forward + concordant_pairs(-risk, outcome)[0] == comparable


@given(rows_with_ties)
def test_only_the_order_of_risks_counts(rows: list[tuple[bool, int, int]]) -> None:
    risk, outcome = split(rows)
    assert concordant_pairs(risk, outcome) == concordant_pairs(np.exp(3 * risk) - 7, outcome)


@given(rows_with_ties, st.randoms(use_true_random=False))
def test_the_order_of_cases_does_not_count(rows: list[tuple[bool, int, int]], random) -> None:
    shuffled = random.sample(rows, len(rows))
    assert concordant_pairs(*split(rows)) == concordant_pairs(*split(shuffled))


@given(rows_with_ties, st.integers(0, 1000))
def test_resampling_equals_counting_in_the_repeated_rows(
    rows: list[tuple[bool, int, int]], seed: int
) -> None:
    risk, outcome = split(rows)
    n = len(risk)
    drawn = np.random.default_rng(seed).integers(0, n, size=(3, n))
    counts = np.array([np.bincount(draw, minlength=n) for draw in drawn], dtype=float)
    concordant, comparable = resampled_pairs(risk, outcome, counts)
    for row, draw in enumerate(drawn):
        assert (concordant[row], comparable[row]) == concordant_pairs(risk[draw], outcome.take(draw))


def test_a_late_event_and_an_early_censoring_make_no_pair() -> None:
    outcome = Survival(event=np.array([False, True]), time_days=np.array([1.0, 2.0]))
    assert concordant_pairs(np.array([0.0, 1.0]), outcome) == (0, 0)
