"""The forest plot puts estimates where their values are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuse.report.forest import (
    AXIS_END,
    AXIS_START,
    ForestAxis,
    ForestEntry,
    place_forest,
    shorten,
    tick_digits,
)
from fuse.report.ticks import round_ticks

AXIS = ForestAxis(title="C", reference=0.5)


def entry(estimate: float | None, low: float | None = None, high: float | None = None) -> ForestEntry:
    return ForestEntry(
        label="an arm", group="g", mark="circle", estimate=estimate, low=low, high=high, reason="x"
    )


def test_positions_are_linear_in_the_value() -> None:
    forest = place_forest([entry(0.6, 0.5, 0.7)], AXIS)
    row = forest.rows[0]
    assert row.low_x == pytest.approx(forest.reference_x)
    assert row.estimate_x is not None and row.low_x is not None and row.high_x is not None
    assert row.estimate_x - row.low_x == pytest.approx(row.high_x - row.estimate_x)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12))
def test_everything_lies_on_the_axis(numbers: list[tuple[float, float, float]]) -> None:
    entries = [entry(middle, low, high) for low, middle, high in map(sorted, numbers)]
    forest = place_forest(entries, ForestAxis(title="C", reference=0.5, guide=0.6))
    placed = [forest.reference_x, forest.guide_x]
    placed += [x for row in forest.rows for x in (row.estimate_x, row.low_x, row.high_x)]
    assert all(x is not None and AXIS_START - 1e-6 <= x <= AXIS_END + 1e-6 for x in placed)


def test_an_arm_without_an_estimate_has_a_reason_and_no_mark() -> None:
    row = place_forest([entry(0.6), entry(None)], AXIS).rows[1]
    assert (row.estimate_x, row.estimate, row.reason) == (None, "", "x")


def test_rows_do_not_overlap_and_lie_above_the_axis() -> None:
    forest = place_forest([entry(0.6), entry(0.7), entry(None)], AXIS)
    heights = [row.y for row in forest.rows]
    assert all(after - before >= 20 for before, after in pairwise(heights))
    assert heights[-1] < forest.axis_y < forest.height


@given(st.floats(-1, 1), st.floats(0, 2))
def test_ticks_cover_the_range_in_equal_steps(low: float, width: float) -> None:
    ticks = round_ticks(low, low + width)
    steps = {round(after - before, 9) for before, after in pairwise(ticks)}
    assert ticks[0] <= low + 1e-6 and ticks[-1] >= low + width - 1e-6
    assert len(ticks) <= 9
    assert max(steps) - min(steps) < 1e-8
    assert len({f"{tick:.{tick_digits(ticks)}f}" for tick in ticks}) == len(ticks)


def test_shortening_says_so() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"
