from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from feature_cache.errors import OutcomeError
from fuse.metrics.censoring import WEIGHT_CAP, choose_horizon, weigh
from fuse.outcomes.outcomes import Competing, Survival


def survival(event: list[int], time: list[float]) -> Survival:
    return Survival(event=np.array(event, dtype=bool), time_days=np.array(time))


def test_hand_computed_weights() -> None:
    train = survival([1, 0, 1, 0, 1], [1.0, 2.0, 3.0, 4.0, 5.0])
    test = survival([1, 1, 0, 0], [1.0, 3.0, 2.5, 9.0])
    weights = weigh(train, test, np.array([2.0, 3.0]))
    # Uncensored: 3/4 from day 2 on (4 at risk), 3/8 from day 4 on.
    assert_allclose(weights.had_event, [[1, 1], [0, 4 / 3], [0, 0], [0, 0]])
    assert_allclose(weights.event_free, [[0, 0], [4 / 3, 0], [4 / 3, 0], [4 / 3, 4 / 3]])
    assert not weights.capped.any()


def test_weights_of_events_agree_with_scikit_survival(trial, as_sksurv) -> None:
    from sksurv.nonparametric import CensoringDistributionEstimator

    truth = trial.truths[0]
    inside = np.flatnonzero(truth.test.time_days < truth.train.time_days.max())
    test = truth.test.take(inside)
    theirs = CensoringDistributionEstimator().fit(as_sksurv(truth.train)).predict_ipcw(as_sksurv(test))
    weights = weigh(truth.train, test, np.array([1e9]))
    keep = theirs < WEIGHT_CAP
    assert_allclose(weights.had_event[keep, 0], theirs[keep], atol=1e-12)


def test_rare_cases_are_capped_and_marked() -> None:
    train = survival([0] * 99 + [1], [*np.arange(1.0, 100.0), 200.0])
    weights = weigh(train, survival([1, 1, 0], [10.0, 98.0, 150.0]), np.array([120.0]))
    assert weights.capped.tolist() == [False, True, True]
    assert weights.had_event[1, 0] == WEIGHT_CAP
    assert weights.event_free[2, 0] == WEIGHT_CAP


def test_declared_horizon_stays_while_a_tenth_is_followed_beyond() -> None:
    outcome = survival([0] * 10, [*np.arange(1.0, 10.0), 61.0])
    assert choose_horizon(outcome, 60.0).days == 60.0
    assert choose_horizon(outcome, 60.0).reason == ""


def test_horizon_is_reduced_with_the_reason() -> None:
    outcome = survival([0] * 20, list(np.arange(1.0, 21.0)))
    horizon = choose_horizon(outcome, 60.0)
    assert horizon.days == 18.0
    assert (outcome.time_days > 18.0).sum() == 2
    assert horizon.reason.startswith("only 0 of 20 cases were followed beyond day 60; day 18 is the last")


def test_everyone_censored_on_the_horizon_leaves_the_day_before() -> None:
    assert choose_horizon(survival([0] * 10, [365.0] * 10), 365.0).days == 364.0


@given(st.lists(st.integers(2, 50), min_size=1, max_size=40), st.integers(1, 80))
def test_horizon_is_its_own_fixed_point_and_keeps_a_tenth(times: list[int], declared: int) -> None:
    outcome = survival([0] * len(times), [float(time) for time in times])
    horizon = choose_horizon(outcome, float(declared))
    assert horizon.days <= declared
    assert (outcome.time_days > horizon.days).mean() >= 0.1
    again = choose_horizon(outcome, horizon.days)
    assert (again.days, again.reason) == (horizon.days, "")


def competing(cause: list[int], time: list[float]) -> Competing:
    number = np.array(cause)
    return Competing(event=number == 1, time_days=np.array(time), cause=number, causes=("relapse", "death"))


def test_whoever_died_of_something_else_is_no_reason_to_stop_earlier() -> None:
    """Of 20 cases 15 die, 3 are censored on the way and 1 is followed: 1 of 5 whose fate is open."""
    outcome = competing([2] * 15 + [1, 0, 0, 0, 0], [*np.arange(1.0, 20.0), 99.0])
    assert choose_horizon(outcome, 60.0).days == 60.0
    # as times they are 1 of 20
    times = Survival(event=outcome.event, time_days=outcome.time_days)
    assert choose_horizon(times, 60.0).days == 18.0


def test_nor_are_they_a_reason_to_go_on_where_everybody_else_is_lost() -> None:
    outcome = competing([2] * 10 + [0] * 10, [*np.arange(1.0, 11.0), *np.arange(11.0, 21.0)])
    horizon = choose_horizon(outcome, 60.0)
    assert horizon.days == 19.0
    assert horizon.reason.startswith("only 0 of 10 cases without another cause were followed beyond day 60;")


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(2, 50)), min_size=1, max_size=40),
    st.integers(1, 80),
)
def test_horizon_of_causes_is_the_last_day_with_a_tenth(cases: list[tuple[int, int]], declared: int) -> None:
    outcome = competing([cause for cause, _ in cases], [float(time) for _, time in cases])

    def is_enough(day: float) -> bool:
        followed = sum(time > day for _, time in cases)
        return followed >= max(1, 0.1 * sum(time > day or cause < 2 for cause, time in cases))

    horizon = choose_horizon(outcome, float(declared))
    assert horizon.days == max(day for day in range(1, declared + 1) if is_enough(day))
    assert choose_horizon(outcome, horizon.days).days == horizon.days


def test_who_comes_after_the_day_says_nothing_of_it() -> None:
    outcome = survival([0] * 20, [*np.arange(1.0, 19.0), 99.0, 99.0])
    assert choose_horizon(outcome, 60.0).days == 60.0
    late = replace(outcome, entry_days=np.array([0.0] * 18 + [70.0, 70.0]))
    horizon = choose_horizon(late, 60.0)
    assert horizon.days == 16.0
    assert horizon.reason.startswith("only 0 of 18 cases were followed beyond day 60;")


def test_refuses_follow_up_of_less_than_a_day() -> None:
    with pytest.raises(OutcomeError, match=r"Check the unit of the times"):
        choose_horizon(survival([1, 1], [0.2, 0.9]), 365.0)
