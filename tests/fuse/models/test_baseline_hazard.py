"""Breslow's baseline and the slope against scikit-survival and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.models.baseline_hazard import breslow, fit_baseline
from fuse.outcomes.likelihood import MAX_SLOPE_PER_SD, non_negative_slope
from fuse.outcomes.outcomes import Survival


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, Survival]:
    rng = np.random.default_rng(2)
    risk = rng.normal(size=80)
    time = np.ceil(rng.exponential(np.exp(-0.7 * risk)) * 20)
    return risk, Survival(event=rng.random(80) < 0.6, time_days=time)


def test_against_scikit_survival_with_ties(drawn):
    from sksurv.linear_model.coxph import BreslowEstimator

    risk, outcome = drawn
    theirs = BreslowEstimator().fit(risk, outcome.event, outcome.time_days).cum_baseline_hazard_
    time, cumulative = breslow(risk, outcome)
    assert cumulative == pytest.approx(theirs(time))


def test_slope_is_the_cox_coefficient(drawn):
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    risk, outcome = drawn
    theirs = CoxPHSurvivalAnalysis().fit(risk[:, None], Surv.from_arrays(outcome.event, outcome.time_days))
    assert theirs.coef_[0] > 0
    assert non_negative_slope(risk, outcome) == pytest.approx(theirs.coef_[0], abs=1e-6)
    assert non_negative_slope(3 * risk, outcome) == pytest.approx(theirs.coef_[0] / 3, abs=1e-6)


def test_inverted_constant_and_null_risks_get_no_slope(drawn):
    risk, outcome = drawn
    for nothing in (-risk, np.zeros(80), np.full(80, 3.0)):
        assert non_negative_slope(nothing, outcome) == 0.0


def test_separation_is_capped():
    time = np.arange(1.0, 21.0)
    outcome = Survival(event=np.ones(20, dtype=bool), time_days=time)
    assert non_negative_slope(-time, outcome) == pytest.approx(MAX_SLOPE_PER_SD / time.std())


def test_slope_zero_is_nelson_aalen_for_everybody():
    outcome = Survival(event=np.array([True, False, True, True]), time_days=np.array([5.0, 5.0, 8.0, 8.0]))
    baseline = fit_baseline(np.zeros(4), outcome)

    event_free = baseline.probability(np.array([0.0, 9.0]), np.array([4.9, 5.0, 7.9, 8.0, 99.0]))

    expected = np.exp(-np.array([0.0, 1 / 4, 1 / 4, 1 / 4 + 2 / 2, 1 / 4 + 2 / 2]))
    assert event_free == pytest.approx(np.stack([expected, expected]))


def test_probabilities_fall_with_time_and_with_risk(drawn):
    baseline = fit_baseline(*drawn)
    event_free = baseline.probability(np.linspace(-3, 3, 9), np.arange(0.0, 60.0, 5.0))
    assert (np.diff(event_free, axis=0) <= 0).all() and (np.diff(event_free, axis=1) <= 0).all()
    assert (event_free >= 0).all() and (event_free <= 1).all()
    assert (event_free[:, 0] == 1.0).all()
