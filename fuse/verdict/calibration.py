"""Are the predicted probabilities right? Answered by observed against expected events and by the slope.

Enters: both numbers with their intervals at the horizon, and how many events there were. Leaves: yes, no or
cannot tell. Few events can show that probabilities are wrong on average, and no more: the slope is judged
from 100 events on, and "yes" needs both intervals within the bounds.
"""

from __future__ import annotations

import math
from dataclasses import replace

from fuse.verdict.needed import POWER_FACTOR, Needed, Size, say_likely, scale_size
from fuse.verdict.question import Answered
from fuse.verdict.words import Answer, Measured, limits

EVENTS_FOR_CALIBRATION = 100
#: Ratios that are near enough to 1: a predicted 20 % that is truly between 16 and 25 %.
LOWEST, HIGHEST = 0.8, 1.25
NEAREST = 0.05
IDENTITY = ("calibration", "Are the predicted probabilities right (calibration)?")
METRICS = ("observed_expected", "calibration_slope")

_BOUNDS = f"{LOWEST:.2f} to {HIGHEST:.2f}"


def calibration_rule(*, has_horizon: bool) -> str:
    """Return when probabilities are said to be right."""
    where = " at the horizon" if has_horizon else ""
    return (
        f"yes if the intervals of observed / expected events{where} and of the calibration slope both lie "
        f"within {_BOUNDS} and there are {EVENTS_FOR_CALIBRATION} events or more; no if the interval of "
        f"observed / expected (from {EVENTS_FOR_CALIBRATION} events on: or of the slope) lies wholly "
        "outside; otherwise cannot tell"
    )


def judge_calibration(in_the_large: Measured, slope: Measured, size: Size, *, has_horizon: bool) -> Answered:
    """Answer the question; `in_the_large` is observed / expected."""
    events = size.events or 0
    enough = events >= EVENTS_FOR_CALIBRATION
    answer: Answer = "cannot tell"
    if _outside(in_the_large) or (enough and _outside(slope)):
        answer = "no"
    elif enough and _inside(in_the_large) and _inside(slope):
        answer = "yes"
    return Answered(
        answer=answer,
        measured=in_the_large,
        rule=calibration_rule(has_horizon=has_horizon),
        words=_describe(in_the_large, slope, events, has_horizon=has_horizon),
        needed=_needed((in_the_large, slope), size),
    )


def _outside(measured: Measured) -> bool:
    return measured.low > HIGHEST or measured.high < LOWEST


def _inside(measured: Measured) -> bool:
    return measured.low >= LOWEST and measured.high <= HIGHEST


def _describe(in_the_large: Measured, slope: Measured, events: int, *, has_horizon: bool) -> str:
    if not math.isfinite(in_the_large.estimate):
        return "Observed and expected numbers of events were not compared in this run."
    by_horizon = " by the horizon" if has_horizon else ""
    words = (
        f"Events{by_horizon}: {in_the_large.estimate:.2f} observed for each one predicted "
        f"({limits(in_the_large, 1.0, '.2f')})."
    )
    if not math.isfinite(slope.estimate):
        words += (
            " That is calibration in the large: it does not show whether the probabilities are right for "
            "patients at low and at high risk."
        )
    else:
        spread = "too far apart" if slope.estimate < 1 else "too close together"
        off = f" (predictions are {spread})" if not LOWEST <= slope.estimate <= HIGHEST else ""
        words += f" Calibration slope {slope.estimate:.2f} ({limits(slope, 1.0, '.2f')}), 1 is right{off}."
    if events < EVENTS_FOR_CALIBRATION:
        words += (
            f" {events} events cannot show that probabilities are right; that takes "
            f"{EVENTS_FOR_CALIBRATION} or more."
        )
    return words


def _needed(both: tuple[Measured, Measured], size: Size) -> Needed:
    """Return the size at which both intervals would lie within the bounds, or one of them outside."""
    if not size.events:
        return Needed(words="It would take events: there is none.")
    times = [_times(measured) for measured in both]
    if any(time is None for time in times):
        return Needed(words="Without both intervals it cannot be said what would decide it.")
    inside = [time for time, is_inside in filter(None, times) if is_inside]
    outside = [time for time, is_inside in filter(None, times) if not is_inside]
    # one that lies outside is enough for a no; a yes needs both inside
    factor = min(outside) if outside else max(inside)
    likely = scale_size(size, max(POWER_FACTOR * factor, EVENTS_FOR_CALIBRATION / size.events))
    return replace(likely, words=f"{say_likely(likely)}.")


def _times(measured: Measured) -> tuple[float, bool] | None:
    """Return how many times the cases make an interval clear the bounds, and whether it lies inside then.

    On the log scale, where both bounds are as far from 1; a slope of 0 or less has no logarithm and lies
    outside. A truth nearer to a bound than `NEAREST` is taken to be that far.
    """
    if not all(map(math.isfinite, (measured.estimate, measured.low, measured.high))):
        return None
    if measured.estimate <= 0:
        half, room = measured.high - measured.estimate, LOWEST - measured.estimate
        return (half / room) ** 2, False
    half = max(measured.high / measured.estimate - 1, 1 - measured.low / measured.estimate)
    room = math.log(HIGHEST) - abs(math.log(measured.estimate))
    return (half / max(abs(room), NEAREST)) ** 2, room > 0
