from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from fuse.metrics.kaplan_meier import count_at_risk, curve_of_group, estimate_observed, estimate_survival
from fuse.outcomes.outcomes import Survival

outcomes = st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=30).map(
    lambda rows: Survival(
        event=np.array([event for event, _ in rows]),
        time_days=np.array([float(time) for _, time in rows]),
    )
)


@settings(max_examples=60, deadline=None)
@given(outcomes)
def test_curve_and_limits_agree_with_scikit_survival(outcome: Survival) -> None:
    from sksurv.nonparametric import kaplan_meier_estimator

    days, survival, limits = kaplan_meier_estimator(outcome.event, outcome.time_days, conf_type="log-log")
    curve = estimate_survival(outcome)
    assert_allclose(curve.time_days, days)
    assert_allclose(curve.value, survival, atol=1e-12)
    assert_allclose(np.stack([curve.low, curve.high]), limits, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(outcomes)
def test_censoring_curve_agrees_with_scikit_survival(outcome: Survival) -> None:
    from sksurv.nonparametric import kaplan_meier_estimator

    days, observed = kaplan_meier_estimator(outcome.event, outcome.time_days, reverse=True)
    curve = estimate_observed(outcome)
    assert_allclose(curve.time_days, days)
    assert_allclose(curve.value, observed, atol=1e-12)


def test_steps_count_from_their_own_day() -> None:
    outcome = Survival(event=np.array([True, True]), time_days=np.array([2.0, 5.0]))
    curve = estimate_survival(outcome)
    assert_allclose(curve.at(np.array([0.0, 1.9, 2.0, 4.9, 5.0, 99.0])), [1, 1, 0.5, 0.5, 0, 0])


def test_numbers_at_risk_include_those_who_leave_on_the_day() -> None:
    outcome = Survival(event=np.array([True, False, True]), time_days=np.array([2.0, 5.0, 5.0]))
    assert count_at_risk(outcome, np.array([0.0, 2.0, 3.0, 5.0, 6.0])).tolist() == [3, 3, 2, 2, 0]


def test_group_is_plain_json_and_starts_at_one() -> None:
    outcome = Survival(event=np.array([True, False, True]), time_days=np.array([2.0, 5.0, 5.0]))
    group = json.loads(json.dumps(curve_of_group("higher predicted risk", outcome, np.array([0.0, 3.0]))))
    assert (group["n"], group["events"]) == (3, 2)
    assert (group["time_days"][0], group["survival"][0]) == (0, 1)
    assert group["at_risk"] == [{"day": 0, "n": 3}, {"day": 3, "n": 2}]
