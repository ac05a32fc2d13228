"""Probabilities and restricted means against R's survival 3.5.3 and lifelines.

The constants are what R 4.2 printed for TWELVE and its causes:
    f <- survfit(Surv(time, event) ~ 1, conf.type = "log-log"); summary(f, times = c(10, 20, 45))
    survival:::survmean(f, rmean = 20)$matrix; survival:::survmean(f, rmean = 45)$matrix
    g <- survfit(Surv(time, factor(cause, 0:2)) ~ 1, conf.type = "log-log", influence = TRUE)
    s <- summary(g, times = c(10, 20, 45)); s$pstate; s$lower; s$upper; summary(g, rmean = 45)$table
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.aalen_johansen import incidence_of_group
from fuse.metrics.kaplan_meier import NORMAL_975
from fuse.metrics.time_summary import summarise_times
from fuse.outcomes.outcomes import Competing, Survival

TIME = np.array([5.0, 8, 8, 12, 15, 20, 20, 27, 33, 40, 41, 55])
CAUSE = np.array([1, 2, 0, 1, 0, 1, 2, 0, 1, 0, 2, 0])
TWELVE = Survival(event=CAUSE > 0, time_days=TIME)
CAUSES = Competing(event=CAUSE == 1, time_days=TIME, cause=CAUSE, causes=("one", "two"))
DAYS = (10.0, 20.0, 45.0)


def test_probabilities_with_limits_are_those_of_r() -> None:
    of_r = {
        10.0: (0.166666666666667, 0.0444906342719351, 0.518285057804621),
        20.0: (0.470899470899471, 0.225687893850786, 0.794906617436211),
        45.0: (0.801587301587302, 0.450855599807114, 0.987277881931038),
    }
    found = summarise_times("all", TWELVE, DAYS)
    assert (found["n"], found["events"]) == (12, 7)
    for one in found["event_probability"]:
        assert (one["estimate"], one["low"], one["high"]) == pytest.approx(of_r[one["day"]], abs=1e-12)


@pytest.mark.parametrize(
    ("day", "mean", "error"),
    [(20.0, 17.00925925925926, 1.53613889297862), (45.0, 27.8558201058201, 4.4597685396287)],
)
def test_restricted_mean_and_its_error_are_those_of_r(day: float, mean: float, error: float) -> None:
    found = summarise_times("all", TWELVE, [day])["restricted_mean_days"]
    assert found["estimate"] == pytest.approx(mean, abs=1e-12)
    limits = max(0.0, mean - NORMAL_975 * error), min(day, mean + NORMAL_975 * error)
    assert (found["low"], found["high"]) == pytest.approx(limits, abs=1e-10)


def test_restricted_mean_is_that_of_lifelines(trial) -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    outcome = trial.outcome
    fitted = KaplanMeierFitter().fit(outcome.time_days, outcome.event)
    found = summarise_times("all", outcome, [700.0])["restricted_mean_days"]["estimate"]
    assert found == pytest.approx(restricted_mean_survival_time(fitted, t=700.0), abs=1e-8)


def test_causes_with_limits_are_those_of_r() -> None:
    of_r = {
        10.0: (0.0833333333333333, 0.00505283547899073, 0.311070409989987),
        20.0: (0.2817460317460317, 0.06552394389893285, 0.554998257436196),
        45.0: (0.4140211640211640, 0.11950087926743529, 0.693471255120863),
    }
    found = summarise_times("all", CAUSES, DAYS)
    for one in found["event_probability"]:
        assert (one["estimate"], one["low"], one["high"]) == pytest.approx(of_r[one["day"]], abs=1e-12)
        assert one["method"] == "Aalen–Johansen, limits on the log(−log) scale"
    curve = incidence_of_group("all", CAUSES, np.array([0.0, 20.0]))
    step = curve["time_days"].index(20.0)
    drawn = [1 - curve[name][step] for name in ("survival", "high", "low")]
    assert drawn == pytest.approx(of_r[20.0], abs=1e-12)
    assert [mark["n"] for mark in curve["at_risk"]] == [12, 7]


@pytest.mark.parametrize(
    ("day", "lost", "error"),
    [(20.0, 1.99074074074074, 1.332233521313621), (45.0, 10.62169312169312, 4.41903879740346)],
)
def test_time_lost_to_a_cause_and_its_error_are_those_of_r(day: float, lost: float, error: float) -> None:
    found = summarise_times("all", CAUSES, [day])["restricted_mean_days"]
    assert found["estimate"] == pytest.approx(day - lost, abs=1e-12)
    limits = day - lost - NORMAL_975 * error, min(day, day - lost + NORMAL_975 * error)
    assert (found["low"], found["high"]) == pytest.approx(limits, abs=1e-10)


def test_limits_of_causes_hold_the_truth_where_events_are_few() -> None:
    """Of 60 cases about four have the event by the day, others die or are lost: nominally 95 %."""
    rng, held, runs = np.random.default_rng(5), 0, 400
    rates = np.array([0.0009, 0.004, 0.004])
    truth = rates[0] / rates[:2].sum() * (1 - np.exp(-rates[:2].sum() * 100))
    for _ in range(runs):
        times = rng.exponential(1 / rates, size=(60, 3))
        cause = np.array([1, 2, 0])[times.argmin(axis=1)]
        outcome = Competing(event=cause == 1, time_days=times.min(axis=1), cause=cause, causes=("one", "two"))
        one = summarise_times("all", outcome, [100.0])["event_probability"][0]
        held += one["low"] <= truth <= one["high"]
    assert 0.93 <= held / runs <= 0.99


def test_a_day_that_follow_up_does_not_reach_has_no_number() -> None:
    found = summarise_times("all", TWELVE, [10.0, 60.0])
    assert found["event_probability"][0]["estimate"] is not None
    for one in (found["event_probability"][1], found["restricted_mean_days"]):
        assert (one["estimate"], one["low"]) == (None, None)
        assert one["method"] == "none: follow-up ends on day 55"
    ended = Survival(event=np.array([True, True]), time_days=np.array([2.0, 4.0]))
    found = summarise_times("all", ended, [60.0])
    one = found["event_probability"][0]
    assert (one["estimate"], one["low"], one["high"]) == (1.0, None, None)
    assert found["restricted_mean_days"]["estimate"] == 3.0


def test_without_an_event_the_mean_is_the_day_itself() -> None:
    nobody = Survival(event=np.zeros(3, bool), time_days=np.array([50.0, 60.0, 70.0]))
    found = summarise_times("all", nobody, [40.0])
    probability, mean = found["event_probability"][0], found["restricted_mean_days"]
    # R: binom.test(0, 3)$conf.int
    assert (probability["estimate"], probability["low"]) == (0.0, 0.0)
    assert probability["high"] == pytest.approx(0.707598226178713, abs=1e-12)
    assert (mean["estimate"], mean["low"], mean["method"]) == (40.0, None, "no event was seen")
    late = replace(nobody, entry_days=np.array([0.0, 30.0, 30.0]))
    # R: binom.test(0, 1)$conf.int: who came on day 30 had no chance to be seen with the event before
    found = summarise_times("all", late, [40.0])
    assert found["event_probability"][0]["high"] == pytest.approx(0.975, abs=1e-12)
    none_yet = Competing(
        event=nobody.event, time_days=nobody.time_days, cause=np.array([2, 2, 0]), causes=("one", "two")
    )
    found = summarise_times("all", none_yet, [40.0])
    assert found["restricted_mean_days"]["estimate"] == 40.0
    assert found["event_probability"][0]["high"] == pytest.approx(0.707598226178713, abs=1e-12)
