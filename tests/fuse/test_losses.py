"""The partial likelihood against numbers by hand, scikit-survival and its own invariants."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fuse.losses import (
    negative_log_partial_likelihood,
    partial_log_likelihood,
    partial_log_likelihood_gradient,
)
from fuse.outcomes.outcomes import Survival


def survival(event: list[int], time: list[float]) -> Survival:
    return Survival(event=np.array(event, dtype=bool), time_days=np.array(time, dtype=float))


def test_by_hand_with_a_tie_and_a_case_censored_at_an_event_time():
    risk = np.log([2.0, 3.0, 5.0, 7.0])
    outcome = survival([1, 1, 0, 1], [10, 10, 10, 20])

    # two events at day 10, all four at risk for each (Breslow); at day 20 one case alone
    assert partial_log_likelihood(risk, outcome) == pytest.approx(np.log(2 * 3 / 17**2))


def test_without_events_it_is_empty():
    assert partial_log_likelihood(np.array([1.0, 2.0]), survival([0, 0], [1, 2])) == 0.0


def test_against_scikit_survival():
    from sksurv.linear_model.coxph import CoxPHOptimizer

    rng = np.random.default_rng(0)
    matrix, weights = rng.normal(size=(40, 3)), rng.normal(size=3)
    outcome = survival(list(rng.random(40) < 0.5), list(rng.integers(1, 12, size=40)))
    theirs = CoxPHOptimizer(matrix, outcome.event, outcome.time_days, np.zeros(3), "breslow")
    theirs.update(weights)

    assert partial_log_likelihood(matrix @ weights, outcome) == pytest.approx(
        -40 * theirs.nlog_likelihood(weights)
    )
    gradient = matrix.T @ partial_log_likelihood_gradient(matrix @ weights, outcome)
    assert gradient == pytest.approx(-40 * theirs.gradient)


def cohorts() -> st.SearchStrategy[tuple[np.ndarray, Survival]]:
    case = st.tuples(st.floats(-5, 5), st.booleans(), st.integers(1, 6))
    return st.lists(case, min_size=2, max_size=25).map(
        lambda rows: (np.array([r[0] for r in rows]), survival([r[1] for r in rows], [r[2] for r in rows]))
    )


@given(cohorts(), st.floats(-50, 50), st.randoms())
def test_a_constant_and_the_order_of_cases_change_nothing(drawn, constant, random):
    risk, outcome = drawn
    order = np.array(random.sample(range(len(risk)), len(risk)))
    expected = partial_log_likelihood(risk, outcome)

    assert partial_log_likelihood(risk + constant, outcome) == pytest.approx(expected, abs=1e-9)
    assert partial_log_likelihood(risk[order], outcome.take(order)) == pytest.approx(expected, abs=1e-9)
    assert partial_log_likelihood_gradient(risk, outcome).sum() == pytest.approx(0.0, abs=1e-9)


@given(cohorts())
def test_torch_says_the_same_and_differentiates_the_same(drawn):
    risk, outcome = drawn
    if not outcome.event.any():
        return
    tensor = torch.tensor(risk, dtype=torch.float64, requires_grad=True)

    loss = negative_log_partial_likelihood(tensor, outcome.event, outcome.time_days)
    loss.backward()

    events = outcome.event.sum()
    assert loss.item() * events == pytest.approx(-partial_log_likelihood(risk, outcome), abs=1e-9)
    assert tensor.grad.numpy() * events == pytest.approx(
        -partial_log_likelihood_gradient(risk, outcome), abs=1e-9
    )


def test_extreme_risks_stay_finite():
    risk = np.array([800.0, -800.0, 0.0])
    outcome = survival([1, 1, 1], [1, 2, 3])
    assert np.isfinite(partial_log_likelihood(risk, outcome))
