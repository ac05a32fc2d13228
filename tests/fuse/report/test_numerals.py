"""Numbers look the same everywhere on the page."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuse.report import attention_picture, numerals, survival_plot, ticks
from fuse.report.numerals import decimal, duration, signed, span, whole_months


@pytest.mark.parametrize("module", [numerals, ticks, attention_picture, survival_plot])
def test_examples_in_docstrings_hold(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.7126, "+.713"), (-0.0004, ".000"), (0.0004, ".000"), (0.0, ".000"), (-1.25, "−1.250"), (None, "—")],
)
def test_signed(value: float | None, text: str) -> None:
    assert signed(value) == text


@given(st.floats(-10, 10))
def test_a_number_can_be_read_back(value: float) -> None:
    assert float(decimal(value).replace("−", "-")) == pytest.approx(value, abs=0.00051)


def test_half_an_interval_is_none() -> None:
    assert span(0.4, None) == ""


def test_durations_are_months_only_where_they_are_whole() -> None:
    assert duration(60 * 30.4375) == "60 months"
    assert duration(913) == "30 months"
    assert duration(1000) == "1000 days"
    assert whole_months(0) == 0
