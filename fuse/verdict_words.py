"""The words of a verdict: what an interval of C, or of a difference in C, means to a clinician.

Enters: a number with its interval, the answer it allows, and the size of the cohort. Leaves: sentences that
speak of pairs of patients in the right order and never claim more than the answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Answer = Literal["yes", "no", "cannot tell"]

SMALLEST_GAIN = 0.02
"""Smallest difference in C that would matter: 2 more pairs of patients in 100 in the right order."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number with its interval."""

    estimate: float
    low: float
    high: float
    method: str


NOT_MEASURED = Measured(estimate=math.nan, low=math.nan, high=math.nan, method="none")


def describe_pairs(measured: Measured, answer: Answer, size: str) -> str:
    """Say how many pairs were put in the right order and whether that differs from chance."""
    if not math.isfinite(measured.estimate):
        return "It was not evaluated in this run."
    words = (
        f"Of 100 pairs of patients, {100 * measured.estimate:.0f} were put in the right order "
        f"({limits(measured, 100.0, '.0f')}; chance is 50)."
    )
    if answer == "yes":
        return words
    if answer == "no":
        return f"{words} The interval leaves no room for an order that would be of use."
    return f"{words} {size} are too few to tell this from chance."


def describe_gain(measured: Measured, answer: Answer, size: str) -> str:
    """Say how many more pairs fusion put in the right order, and what that leaves open."""
    if not math.isfinite(measured.estimate):
        return "The two were not compared in this run."
    direction = "more" if measured.estimate >= 0 else "fewer"
    words = (
        f"Of 100 pairs of patients, fusion put {100 * abs(measured.estimate):.1f} {direction} in the right "
        f"order ({limits(measured, 100.0, '+.1f')})."
    )
    if answer == "yes":
        small = measured.high < SMALLEST_GAIN
        return f"{words} The gain is too small to matter." if small else words
    if answer == "no":
        worse = measured.high < 0
        return f"{words} Fusion is worse." if worse else f"{words} A gain of 2 or more is excluded."
    return f"{words} No gain and a gain worth having both fit; {size} cannot decide between them."


def limits(measured: Measured, scale: float, form: str) -> str:
    """Write the limits, scaled and in a number format."""
    if not math.isfinite(measured.low):
        return "no interval"
    return f"95 % interval {scale * measured.low:{form}} to {scale * measured.high:{form}}"
