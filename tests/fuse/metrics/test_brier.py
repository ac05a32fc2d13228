from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fuse.metrics.brier import brier_by_case, event_free_at, integrate, train_curve
from fuse.metrics.censoring import weigh
from fuse.outcomes.outcomes import Survival

DAYS = np.array([100.0, 300.0, 500.0, 800.0])


def test_score_and_integral_agree_with_scikit_survival(trial, as_sksurv) -> None:
    from sksurv.metrics import brier_score, integrated_brier_score

    train = trial.outcome
    inside = train.time_days < train.time_days.max()
    test, hazard = train.take(np.flatnonzero(inside)), trial.hazard[inside]
    event_free = np.exp(-np.exp(hazard)[:, None] * DAYS[None, :] / 2000)
    weights = weigh(train, test, DAYS)
    assert not weights.capped.any()
    by_case = brier_by_case(event_free, weights)
    given = as_sksurv(train), as_sksurv(test), event_free, DAYS
    assert_allclose(by_case.mean(axis=0), brier_score(*given)[1], atol=1e-10)
    assert integrate(by_case, DAYS).mean() == pytest.approx(integrated_brier_score(*given), abs=1e-10)


def test_certain_and_right_is_zero_and_certain_and_wrong_is_one() -> None:
    outcome = Survival(event=np.array([True, False]), time_days=np.array([1.0, 9.0]))
    weights = weigh(outcome, outcome, np.array([5.0]))
    assert brier_by_case(np.array([[0.0], [1.0]]), weights).tolist() == [[0.0], [0.0]]
    assert brier_by_case(np.array([[1.0], [0.0]]), weights).tolist() == [[1.0], [1.0]]


def test_a_case_censored_before_the_day_adds_nothing() -> None:
    outcome = Survival(event=np.array([False, True, False]), time_days=np.array([2.0, 4.0, 9.0]))
    by_case = brier_by_case(np.full((3, 1), 0.3), weigh(outcome, outcome, np.array([5.0])))
    assert by_case[0, 0] == 0
    assert (by_case[1:, 0] > 0).all()


def test_curves_are_read_in_straight_lines_between_the_predicted_days() -> None:
    predicted = np.array([[0.8, 0.4]])
    days = np.array([0.0, 5.0, 10.0, 15.0, 20.0, 30.0])
    read = event_free_at(predicted, np.array([10.0, 20.0]), days)
    assert read[0] == pytest.approx([1.0, 0.9, 0.8, 0.6, 0.4, 0.4], abs=1e-15)
    assert read[0, 2] == 0.8 and read[0, 4] == 0.4
    from_day_0 = event_free_at(np.array([[1.0, 0.4]]), np.array([0.0, 20.0]), np.array([0.0, 10.0]))
    assert from_day_0.tolist() == [[1.0, 0.7]]


def test_train_curve_is_the_same_for_everybody() -> None:
    train = Survival(event=np.array([True, True]), time_days=np.array([2.0, 5.0]))
    assert train_curve(train, 3, np.array([1.0, 3.0])).tolist() == [[1.0, 0.5]] * 3
