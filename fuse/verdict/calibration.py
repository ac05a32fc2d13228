"""Are the predicted probabilities right? Answered by observed against expected events and by the slope.

Enters: both numbers with their intervals at the horizon, how many events there were, and whether the arm
tells patients apart at all. Leaves: yes, no or cannot tell. Few events can show that probabilities are wrong
on average, and no more: the slope is judged from 100 events on, and "yes" needs both intervals within the
bounds. Of an arm that is not better than chance it is not judged: it says how far apart predictions should
be, and where they are all but equal it is any number, while every one of them may be right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from fuse.verdict.needed import POWER_IN_WORDS, Needed, Size, scale_size
from fuse.verdict.question import Answered
from fuse.verdict.words import Answer, Measured, limits

EVENTS_FOR_CALIBRATION = 100
#: Ratios that are near enough to 1: a predicted 20 % that is truly between 16 and 25 %.
LOWEST, HIGHEST = 0.8, 1.25
IDENTITY = ("calibration", "Are the predicted probabilities right (calibration)?")
METRICS = ("observed_expected", "calibration_slope")

#: Squared ratio of normal quantiles, (97.5 % + 91.3 %) to 97.5 %. Where the truth is 1, an interval that is
#: narrower by its root than one that just reaches 0.8 clears that bound in 91 of 100 cohorts, and 1.25 in 99:
#: the intervals of both numbers lie within the bounds in 80.
BOTH_WITHIN_FACTOR = ((1.959964 + 1.359463) / 1.959964) ** 2

_BOUNDS = f"{LOWEST:.2f} to {HIGHEST:.2f}"


def calibration_rule(*, has_horizon: bool) -> str:
    """Return when probabilities are said to be right."""
    where = " at the horizon" if has_horizon else ""
    return (
        f"yes if the intervals of observed / expected events{where} and of the calibration slope both lie "
        f"within {_BOUNDS}; no if either lies wholly outside; otherwise cannot tell. The slope counts from "
        f"{EVENTS_FOR_CALIBRATION} events on, and of predictions that are shown to be better than chance"
    )


@dataclass(frozen=True, kw_only=True)
class Probabilities:
    """What is known of predicted probabilities: both numbers, and whether they tell patients apart."""

    in_the_large: Measured
    slope: Measured
    beats_chance: bool
    has_horizon: bool


def judge_calibration(said: Probabilities, size: Size) -> Answered:
    """Answer the question."""
    in_the_large, slope, events = said.in_the_large, said.slope, size.events or 0
    enough = events >= EVENTS_FOR_CALIBRATION and said.beats_chance
    answer: Answer = "cannot tell"
    if _outside(in_the_large) or (enough and _outside(slope)):
        answer = "no"
    elif enough and _inside(in_the_large) and _inside(slope):
        answer = "yes"
    return Answered(
        answer=answer,
        measured=in_the_large,
        rule=calibration_rule(has_horizon=said.has_horizon),
        words=_describe(said, events),
        needed=_needed(said, size),
    )


def _outside(measured: Measured) -> bool:
    return measured.low > HIGHEST or measured.high < LOWEST


def _inside(measured: Measured) -> bool:
    return measured.low >= LOWEST and measured.high <= HIGHEST


def _describe(said: Probabilities, events: int) -> str:
    in_the_large, slope = said.in_the_large, said.slope
    if not math.isfinite(in_the_large.estimate):
        return "Observed and expected numbers of events were not compared in this run."
    by_horizon = " by the horizon" if said.has_horizon else ""
    words = (
        f"Events{by_horizon}: {in_the_large.estimate:.2f} observed for each one predicted "
        f"({limits(in_the_large, 1.0, '.2f')})."
    )
    if not math.isfinite(slope.estimate):
        words += (
            " That is calibration in the large: it does not show whether the probabilities are right for "
            "patients at low and at high risk."
        )
    elif not said.beats_chance:
        words += (
            f" {_write_slope(slope)}, which judges nothing here: the predictions are not shown to be better "
            "than chance."
        )
    else:
        spread = "too far apart" if slope.estimate < 1 else "too close together"
        off = f" (predictions are {spread})" if not LOWEST <= slope.estimate <= HIGHEST else ""
        words += f" {_write_slope(slope)}, 1 is right{off}."
    if events < EVENTS_FOR_CALIBRATION:
        words += (
            f" {events} events cannot show that probabilities are right; that takes "
            f"{EVENTS_FOR_CALIBRATION} or more."
        )
    return words


def _write_slope(slope: Measured) -> str:
    estimate = f"{slope.estimate:.2f}".replace("-", "−")
    return f"Calibration slope {estimate} ({limits(slope, 1.0, '.2f')})"


def _needed(said: Probabilities, size: Size) -> Needed:
    """Return the size at which both intervals would lie within the bounds if the probabilities were right.

    The width of observed / expected is taken to be in proportion to it, that of the slope to stay, and both
    to be as wide as the wider. The slope of predictions that are not better than chance says nothing here
    either.
    """
    in_the_large, slope = said.in_the_large, said.slope
    if not size.events:
        return Needed(words="It would take events: there is none.")
    halves = [_half(in_the_large) / max(in_the_large.estimate, 1e-9)]
    if said.beats_chance:
        halves.append(_half(slope))
    if not all(map(math.isfinite, halves)):
        return Needed(words="Without both intervals it cannot be said what would decide it.")
    factor = BOTH_WITHIN_FACTOR * (max(halves) / (1 - LOWEST)) ** 2
    likely = scale_size(size, max(factor, EVENTS_FOR_CALIBRATION / size.events))
    shown = f"it would take about {likely.words} to show it ({POWER_IN_WORDS})"
    words = f"If the probabilities are right, {shown}."
    if not said.beats_chance:
        better = "predictions that are shown to be better than chance"
        words = f"It would take {better}, and then at least {likely.words}."
    return replace(likely, words=words)


def _half(measured: Measured) -> float:
    """Return the longer side of an interval."""
    return max(measured.high - measured.estimate, measured.estimate - measured.low)
