from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.aalen_johansen import resampled_incidence
from fuse.metrics.calibration_groups import calibration_curve, wilson
from fuse.metrics.kaplan_meier import estimate_survival
from fuse.outcomes.outcomes import Classes, Competing, Survival


def test_each_group_is_compared_with_its_own_kaplan_meier(make_trial) -> None:
    outcome, day = make_trial(300, 3).outcome, 700.0
    said = np.random.default_rng(0).random(300)
    found = calibration_curve("arm", said, outcome, day)
    events = int((outcome.event & (outcome.time_days <= day)).sum())
    assert found["events"] == events
    assert len(found["points"]) == events // 15
    assert sum(point["n"] for point in found["points"]) == 300
    order = np.argsort(said)
    first = found["points"][0]
    rows = order[: first["n"]]
    curve = estimate_survival(outcome.take(rows))
    assert first["predicted"] == pytest.approx(said[rows].mean())
    assert first["observed"] == pytest.approx(1 - curve.at(np.array([day]))[0], abs=1e-12)
    assert all(point["low"] <= point["observed"] <= point["high"] for point in found["points"])
    assert [point["predicted"] for point in found["points"]] == sorted(
        p["predicted"] for p in found["points"]
    )
    assert found["method"].startswith("Kaplan")


def test_true_probabilities_lie_on_the_diagonal() -> None:
    rng = np.random.default_rng(2)
    said = rng.beta(2, 4, size=6000)
    outcome = Classes(label=(rng.random(6000) < said).astype(int), names=("no", "yes"))
    points = calibration_curve("arm", said, outcome, None)["points"]
    assert len(points) == 10
    assert sum(point["low"] <= point["predicted"] <= point["high"] for point in points) >= 8
    assert max(abs(point["observed"] - point["predicted"]) for point in points) < 0.05
    extreme = calibration_curve("arm", np.clip(2 * said - 0.3, 0, 1), outcome, None)["points"]
    assert extreme[0]["low"] > extreme[0]["predicted"] and extreme[-1]["high"] < extreme[-1]["predicted"]


def test_other_causes_are_no_censoring() -> None:
    rng = np.random.default_rng(5)
    n = 200
    cause = rng.integers(0, 3, size=n)
    outcome = Competing(
        event=cause == 1, time_days=rng.permutation(n) + 1.0, cause=cause, causes=("one", "two")
    )
    found = calibration_curve("arm", np.linspace(0, 1, n), outcome, 150.0)
    first = found["points"][0]
    own = outcome.take(np.arange(first["n"]))
    expected = resampled_incidence(own, np.array([150.0]), np.ones((1, first["n"])))[0, 0]
    assert first["observed"] == pytest.approx(expected, abs=1e-12)
    assert "Johansen" in found["method"]


def test_too_few_events_or_one_prediction_give_no_points_and_a_reason(trial) -> None:
    n = len(trial.outcome)
    nobody = replace(trial.outcome, event=np.arange(n) < 9)
    assert calibration_curve("arm", np.linspace(0, 1, n), nobody, 4000.0)["reason"].startswith("9 events")
    flat = calibration_curve("arm", np.full(n, 0.3), trial.outcome, 700.0)
    assert flat["points"] == [] and flat["reason"] == "the same was predicted for everybody"


def test_a_group_that_nobody_followed_to_the_day_has_no_observed_share() -> None:
    time = np.concatenate([np.full(20, 10.0), np.full(20, 100.0)])
    event = np.concatenate([np.arange(20) < 6, np.arange(20) < 6])
    time[event] = 5.0
    outcome = Survival(event=event, time_days=time)
    low, high = calibration_curve("arm", np.linspace(0, 1, 40), outcome, 50.0)["points"]
    assert (low["observed"], low["low"], low["high"]) == (None, None, None)
    assert high["observed"] == pytest.approx(0.3)


def test_wilson_s_limits_by_hand() -> None:
    """R: prop.test(8, 10, correct = FALSE)$conf.int, prop.test(0, 10, correct = FALSE)$conf.int."""
    assert wilson(8, 10) == pytest.approx((0.490162471536642, 0.943317848545625), abs=1e-12)
    assert wilson(0, 10) == pytest.approx((0.0, 0.277532799862889), abs=1e-12)
