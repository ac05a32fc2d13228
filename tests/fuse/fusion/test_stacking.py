"""Rules of weights against an oracle, at the optimum, on noise, and how they are averaged."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.fusion.stacking import RIDGE, RULES, free_weights, level_weights, slope_weights, stack_arms
from fuse.losses import partial_log_likelihood_gradient
from fuse.outcomes.likelihood import non_negative_slope
from fuse.outcomes.outcomes import Survival


@pytest.fixture(scope="module")
def stacked() -> tuple[np.ndarray, Survival]:
    rng = np.random.default_rng(4)
    columns = rng.normal(size=(150, 3))
    time = rng.exponential(np.exp(-columns @ [0.8, 0.4, 0.0])) * 100 + 1
    return columns, Survival(event=rng.random(150) < 0.6, time_days=time)


def test_weights_without_a_bound_in_the_way_are_scikit_survivals(stacked):
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    columns, outcome = stacked
    columns = columns[:, :2]
    theirs = CoxPHSurvivalAnalysis(alpha=RIDGE).fit(
        columns, Surv.from_arrays(outcome.event, outcome.time_days)
    )
    assert (theirs.coef_ > 0).all()
    assert free_weights(columns, outcome, 0.0) == pytest.approx(theirs.coef_, abs=1e-4)


def test_weights_meet_the_conditions_of_the_optimum(stacked):
    columns, outcome = stacked
    columns = columns * [1.0, 1.0, -1.0] - np.outer(columns[:, 0], [0, 0, 0.7])
    for likeness in (0.0, 4.0):
        weights = free_weights(columns, outcome, likeness)
        slope = columns.T @ partial_log_likelihood_gradient(columns @ weights, outcome)
        slope -= RIDGE * weights + likeness * (weights - weights.mean())
        assert (weights >= 0).all()
        assert slope[weights > 1e-8] == pytest.approx(0.0, abs=0.02)
        assert (slope[weights <= 1e-8] < 0.02).all()


def test_a_strong_likeness_makes_the_weights_one(stacked):
    weights = free_weights(*stacked, 1e6)
    assert weights == pytest.approx(np.full(3, weights.mean()), abs=1e-3) and weights.mean() > 0.1


def test_arms_that_go_with_later_events_get_exactly_nothing(stacked):
    columns, outcome = stacked
    assert free_weights(-columns[:, :2], outcome, 4.0).tolist() == [0.0, 0.0]


def test_plain_rules_say_what_they_are(stacked):
    columns, outcome = stacked
    columns = columns * [1.0, 1.0, -1.0]
    alone = [non_negative_slope(column, outcome) for column in columns.T]
    assert slope_weights(columns, outcome).tolist() == alone
    assert level_weights(columns, outcome).tolist() == [float(slope > 0) for slope in alone]


def simulate(events: int, seed: int, strengths: list[float]) -> tuple[np.ndarray, Survival, np.ndarray]:
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(events, len(strengths)))
    time = rng.exponential(np.exp(-columns @ strengths)) * 100 + 1
    return columns, Survival(event=np.ones(events, bool), time_days=time), np.arange(events) % 4


def test_noise_costs_a_stack_next_to_nothing():
    shares = []
    for seed in range(20):
        columns, outcome, inner = simulate(60, seed, [0.9, 0.0])
        weights = stack_arms(columns, outcome, inner).weights
        shares.append(weights[1] / weights.sum())
    assert np.mean(shares) < 0.2


def test_with_thousands_of_events_free_weights_are_right_and_count():
    stack = stack_arms(*simulate(4000, 1, [1.0, 0.3, 0.1]))
    assert stack.share["free"] > 0.9
    assert stack.weights == pytest.approx([1.0, 0.3, 0.1], abs=0.08)


def test_shares_are_of_all_rules_and_sum_to_one(stacked):
    columns, outcome = stacked
    stack = stack_arms(columns, outcome, np.arange(150) % 5)
    assert set(stack.share) == set(RULES) and sum(stack.share.values()) == pytest.approx(1.0)


def test_arms_that_say_nothing_give_the_null_model():
    _, outcome, inner = simulate(60, 3, [1.0])
    stack = stack_arms(np.zeros((60, 2)), outcome, inner)
    assert stack.weights.tolist() == [0.0, 0.0] and not stack.oof_risk.any()
