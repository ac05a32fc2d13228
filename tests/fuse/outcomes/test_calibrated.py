"""Probabilities of every kind: what nothing is known of has the train part's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.aalen_johansen import resampled_incidence
from fuse.outcomes.calibrated import ClassBaseline, CompetingBaseline, fit_calibration, held_out_gain
from fuse.outcomes.outcomes import Classes, Competing

DAYS = np.array([50.0, 200.0, 400.0, 900.0])


@pytest.fixture
def causes() -> tuple[np.ndarray, Competing]:
    rng = np.random.default_rng(3)
    risk = rng.normal(size=300)
    one, two = rng.exponential(400 * np.exp(-risk)), rng.exponential(600, size=300)
    end = rng.uniform(100, 1000, size=300)
    time = np.minimum(np.minimum(one, two), end)
    cause = np.where(time == one, 1, np.where(time == two, 2, 0))
    return risk, Competing(event=cause == 1, time_days=time, cause=cause, causes=("one", "two"))


def test_without_a_risk_the_incidence_is_that_of_the_train_part(causes: tuple[np.ndarray, Competing]) -> None:
    risk, outcome = causes
    baseline = fit_calibration(np.zeros_like(risk), outcome)
    assert isinstance(baseline, CompetingBaseline)
    own = resampled_incidence(outcome, DAYS, np.ones((1, 300)))[0]
    said = 1 - baseline.probability(np.zeros(1), DAYS)[0]
    assert said == pytest.approx(own, abs=0.01)  # Nelson-Aalen steps against product steps


def test_others_keep_the_probability_below_one(causes: tuple[np.ndarray, Competing]) -> None:
    risk, outcome = causes
    baseline = fit_calibration(risk, outcome)
    said = baseline.probability(np.array([-2.0, 0.0, 2.0]), np.array([0.0, 1e6]))
    assert said[:, 0].tolist() == [1.0, 1.0, 1.0]
    assert 1 > said[0, 1] > said[1, 1] > said[2, 1] > 0
    alone = baseline.probability(np.array([2.0]), np.array([0.0, 1e6]))
    assert alone.tobytes() == said[2:].tobytes()


def test_two_steps_by_hand() -> None:
    outcome = Competing(
        event=np.array([True, False, False, True]),
        time_days=np.array([1.0, 2.0, 3.0, 4.0]),
        cause=np.array([1, 2, 0, 1]),
        causes=("one", "two"),
    )
    baseline = fit_calibration(np.zeros(4), outcome)
    first = 1 - np.exp(-1 / 4)
    last = np.exp(-1 / 4 - 1 / 3) * (1 - np.exp(-1.0))
    said = baseline.probability(np.zeros(1), np.array([0.5, 1.0, 3.9, 4.0]))[0]
    assert said == pytest.approx([1.0, 1 - first, 1 - first, 1 - first - last])


def test_two_causes_on_one_day_share_what_is_lost() -> None:
    outcome = Competing(
        event=np.array([True, False, False, False]),
        time_days=np.array([1.0, 1.0, 2.0, 2.0]),
        cause=np.array([1, 2, 0, 0]),
        causes=("one", "two"),
    )
    swapped = replace(outcome, event=outcome.cause == 2, cause=np.array([2, 1, 0, 0]))
    had = [
        1 - fit_calibration(np.zeros(4), own).probability(np.zeros(1), np.array([1.0]))[0, 0]
        for own in (outcome, swapped)
    ]
    # neither came before the other: as likely, and together all that the hazards of a quarter each take
    assert had == pytest.approx([(1 - np.exp(-0.5)) / 2] * 2, abs=1e-15)


def test_classes_without_a_score_have_the_shares_of_the_train_part() -> None:
    outcome = Classes(label=np.array([0, 0, 0, 1, 1, 2]), names=("a", "b", "c"))
    baseline = fit_calibration(np.zeros((6, 3)), outcome)
    assert isinstance(baseline, ClassBaseline)
    assert baseline.probability(np.zeros((1, 3)), np.zeros(0))[0] == pytest.approx([1 / 2, 1 / 3, 1 / 6])


def test_probabilities_of_yes_sum_to_the_yes_that_there_are() -> None:
    rng = np.random.default_rng(5)
    risk = rng.normal(size=120)
    outcome = Classes(label=(risk + rng.normal(size=120) > 1).astype(int), names=("no", "yes"))
    said = fit_calibration(risk, outcome).probability(risk, np.zeros(0))
    assert said[:, 1].sum() == pytest.approx(outcome.label.sum(), abs=1e-6)
    assert np.allclose(said.sum(axis=1), 1)
    assert np.all(np.diff(said[np.argsort(risk), 1]) > 0)
    assert held_out_gain(risk, outcome) > 5
    assert held_out_gain(-risk, outcome) == 0.0
    assert held_out_gain(100 * risk, outcome) == pytest.approx(held_out_gain(risk, outcome))
