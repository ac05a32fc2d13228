"""Whether probabilities are right: what the two numbers allow one to say, and from how many events on."""

from __future__ import annotations

from statistics import NormalDist

import pytest

from fuse.verdict.calibration import Probabilities, calibration_rule, judge_calibration
from fuse.verdict.needed import Size
from fuse.verdict.words import NOT_MEASURED, Measured


def measured(estimate: float, low: float, high: float) -> Measured:
    return Measured(estimate=estimate, low=low, high=high, method="by hand")


RIGHT, WIDE, HALF = measured(1.0, 0.85, 1.2), measured(1.0, 0.7, 1.4), measured(0.5, 0.3, 0.7)
TWICE = measured(2.0, 1.5, 2.6)


def said(in_the_large: Measured, slope: Measured, **other: bool) -> Probabilities:
    known = {"beats_chance": True, "has_horizon": True} | other
    return Probabilities(in_the_large=in_the_large, slope=slope, **known)


@pytest.mark.parametrize(
    ("in_the_large", "slope", "events", "answer"),
    [
        (RIGHT, RIGHT, 100, "yes"),
        (RIGHT, RIGHT, 99, "cannot tell"),
        (RIGHT, WIDE, 200, "cannot tell"),
        (WIDE, RIGHT, 200, "cannot tell"),
        (TWICE, RIGHT, 30, "no"),
        (RIGHT, HALF, 100, "no"),
        (RIGHT, HALF, 99, "cannot tell"),
        (RIGHT, NOT_MEASURED, 500, "cannot tell"),
        (NOT_MEASURED, RIGHT, 500, "cannot tell"),
    ],
)
def test_few_events_show_no_more_than_what_is_wrong_on_average(in_the_large, slope, events, answer) -> None:
    size = Size(cases=1000, events=events)
    assert judge_calibration(said(in_the_large, slope), size).answer == answer


def test_words_name_both_numbers_and_the_horizon() -> None:
    answered = judge_calibration(said(RIGHT, HALF), Size(cases=95, events=27))
    assert answered.words == (
        "Events by the horizon: 1.00 observed for each one predicted (95 % interval 0.85 to 1.20). "
        "Calibration slope 0.50 (95 % interval 0.30 to 0.70), 1 is right (predictions are too far apart). "
        "27 events cannot show that probabilities are right; that takes 100 or more."
    )
    close = judge_calibration(said(RIGHT, TWICE, has_horizon=False), Size(cases=500, events=200)).words
    assert "by the horizon" not in close
    assert close.endswith("1 is right (predictions are too close together).")
    assert "at the horizon" not in calibration_rule(has_horizon=False)
    without = judge_calibration(said(RIGHT, NOT_MEASURED), Size(cases=500, events=200)).words
    assert "calibration in the large" in without


def test_what_would_decide_it_follows_from_the_wider_interval() -> None:
    size = Size(cases=200, events=100)
    needed = judge_calibration(said(WIDE, WIDE), size).needed
    # both numbers are .4 wide on the longer side: both have to lie within the bounds, in 80 of 100 cohorts
    assert needed.cases is not None
    error = 0.4 / 1.959964 * (200 / needed.cases) ** 0.5
    reach = NormalDist()
    inside = reach.cdf((0.25 / error) - 1.959964) - reach.cdf(1.959964 - 0.2 / error)
    assert 0.78 <= inside**2 <= 0.82
    assert needed.words == (
        "If the probabilities are right, it would take about 2,300 cases with 1,200 events to show it "
        "(80 % power)."
    )
    # twice as many events as expected are 40 % apart just as one is
    twice = judge_calibration(said(measured(2.0, 1.4, 2.8), RIGHT), size).needed
    assert twice.cases == needed.cases


def test_without_events_or_intervals_no_number_is_made_up() -> None:
    none = judge_calibration(said(NOT_MEASURED, NOT_MEASURED), Size(cases=50, events=0))
    assert none.needed.cases is None
    one = judge_calibration(said(RIGHT, NOT_MEASURED), Size(cases=50, events=20))
    assert (one.needed.cases, one.needed.words[:7]) == (None, "Without")
    few = judge_calibration(said(RIGHT, RIGHT), Size(cases=50, events=20))
    assert few.needed.events is not None
    assert few.needed.events >= 100


def test_a_slope_that_judges_nothing_says_nothing_of_what_it_would_take() -> None:
    anything = measured(-5.8, -10.0, -1.6)
    for slope in (anything, RIGHT, NOT_MEASURED):
        needed = judge_calibration(said(WIDE, slope, beats_chance=False), Size(cases=200, events=60)).needed
        assert needed.words == (
            "It would take predictions that are shown to be better than chance, and then at least "
            "2,300 cases with 690 events."
        )
        assert (needed.cases, needed.events) == (2300, 690)


@pytest.mark.parametrize(("in_the_large", "answer"), [(RIGHT, "cannot tell"), (TWICE, "no")])
def test_of_predictions_that_are_all_but_equal_only_their_mean_is_judged(in_the_large, answer) -> None:
    for slope in (RIGHT, HALF):
        answered = judge_calibration(
            said(in_the_large, slope, beats_chance=False), Size(cases=900, events=300)
        )
        assert answered.answer == answer
        assert "which judges nothing here" in answered.words
