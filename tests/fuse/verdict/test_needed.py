"""What would be needed to know: the sizes clear the bounds that the rules name."""

from __future__ import annotations

import math

import pytest

from fuse.verdict.needed import POWER_FACTOR, Size, needed_for_gain
from fuse.verdict.verdict import decide
from fuse.verdict.words import Measured

SIZE = Size(cases=100, events=30)


@pytest.mark.parametrize("estimate", [-0.03, 0.0, 0.004, 0.011, 0.016, 0.05])
def test_the_likely_size_decides_at_the_estimate_and_one_much_smaller_does_not(estimate: float) -> None:
    measured = Measured(estimate=estimate, low=estimate - 0.08, high=estimate + 0.08, method="")
    assert decide(measured, 0.0) == "cannot tell"
    needed = needed_for_gain(measured, 0.0, SIZE).cases
    assert needed is not None

    def at(cases: float) -> Measured:
        half = 0.08 * math.sqrt(SIZE.cases / cases)
        return Measured(estimate=estimate, low=estimate - half, high=estimate + half, method="")

    assert decide(at(needed), 0.0) != "cannot tell"
    assert decide(at(0.85 * needed / POWER_FACTOR), 0.0) == "cannot tell"


def test_the_sure_size_decides_wherever_the_estimate_falls() -> None:
    measured = Measured(estimate=0.05, low=-0.03, high=0.13, method="")
    words = needed_for_gain(measured, 0.0, SIZE).words
    assert words.endswith("and 6,400 cases whatever the truth is.")
    half = 0.08 * math.sqrt(100 / 6400)
    for estimate in (-0.005, 0.0, 0.005, 0.0099, 0.015, 0.02, 0.03):
        exact = Measured(estimate=estimate, low=estimate - half, high=estimate + half - 1e-9, method="")
        assert decide(exact, 0.0) != "cannot tell"


def test_the_likely_size_is_never_above_the_sure_one() -> None:
    # halfway between nothing and a gain that matters both ends are as far away as they can be
    measured = Measured(estimate=0.01, low=-0.07, high=0.09, method="")
    needed = needed_for_gain(measured, 0.0, SIZE)
    assert needed.words == "It would take about 6,400 cases with 2,000 events, whatever the truth is."
    assert (needed.cases, needed.events) == (6400, 2000)


def test_classes_need_cases_and_no_interval_needs_to_be_there_first() -> None:
    measured = Measured(estimate=0.55, low=0.45, high=0.65, method="")
    of_classes = needed_for_gain(measured, 0.5, Size(cases=100, events=None))
    assert of_classes.events is None
    assert "event" not in of_classes.words
    nothing = needed_for_gain(Measured(estimate=0.5, low=math.nan, high=math.nan, method=""), 0.5, SIZE)
    assert nothing.cases is None
    assert nothing.words == "Without an interval it cannot be said what would decide it."
