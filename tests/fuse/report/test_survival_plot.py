"""The curves start at 1, fall where the file says, and end where nobody is followed."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from fuse.report.documents import AtRisk, CurveGroup, Curves
from fuse.report.survival_plot import (
    PLOT_LEFT,
    PLOT_RIGHT,
    PLOT_TOP,
    place_survival,
    spread,
    to_y,
)

YEAR = 12 * 30.4375


def group(**changes: object) -> CurveGroup:
    values: dict[str, object] = {
        "name": "higher predicted risk",
        "n": 10,
        "events": 2,
        "time_days": (YEAR, 2 * YEAR),
        "survival": (0.8, 0.6),
        "low": (0.5, 0.3),
        "high": (0.95, 0.85),
        "at_risk": tuple(AtRisk(day=year * YEAR, n=n) for year, n in enumerate((10, 8, 4, 0, 0))),
    }
    return CurveGroup.model_validate(values | changes)


def test_a_curve_is_drawn_step_by_step() -> None:
    plot = place_survival(Curves(arm="a", groups=(group(),)), 4 * YEAR)
    assert plot is not None
    quarter = (PLOT_RIGHT - PLOT_LEFT) / 4
    x1, x2 = PLOT_LEFT + quarter, PLOT_LEFT + 2 * quarter
    start = f"M{PLOT_LEFT:.1f} {PLOT_TOP:.1f}V{PLOT_TOP:.1f}H{x1:.1f}"
    assert plot.curves[0].steps == f"{start}V{to_y(0.8):.1f}H{x2:.1f}V{to_y(0.6):.1f}H{x2:.1f}"


def test_a_curve_ends_with_the_last_day_on_which_somebody_is_followed() -> None:
    followed = tuple(AtRisk(day=year * YEAR, n=n) for year, n in enumerate((10, 8, 4, 1, 0)))
    plot = place_survival(Curves(groups=(group(at_risk=followed),)), 4 * YEAR)
    assert plot is not None
    last = float(re.findall(r"H([\d.]+)", plot.curves[0].steps)[-1])
    assert last == pytest.approx(PLOT_LEFT + 0.75 * (PLOT_RIGHT - PLOT_LEFT), abs=0.1)


def test_where_there_is_no_interval_there_is_no_band() -> None:
    plot = place_survival(Curves(groups=(group(low=(None, 0.3), high=(None, 0.85)),)), 4 * YEAR)
    assert plot is not None
    assert len(plot.curves[0].bands) == 2


def test_time_is_in_months_where_the_days_are_and_in_days_elsewhere() -> None:
    months = place_survival(Curves(groups=(group(),)), 4 * YEAR)
    days = place_survival(
        Curves(groups=(group(at_risk=(AtRisk(day=0, n=10), AtRisk(day=1000, n=2))),)), 1000.0
    )
    assert months is not None and days is not None
    assert (months.time_unit, [text for _, text in months.ticks]) == ("months", ["0", "12", "24", "36", "48"])
    assert (days.time_unit, [text for _, text in days.ticks]) == ("days", ["0", "1000"])


def test_numbers_at_risk_stand_under_their_ticks() -> None:
    plot = place_survival(Curves(groups=(group(),)), 4 * YEAR)
    assert plot is not None
    assert [x for x, _ in plot.curves[0].at_risk] == [x for x, _ in plot.ticks]
    assert [text for _, text in plot.curves[0].at_risk] == ["10", "8", "4", "0", "0"]


def test_no_groups_no_plot() -> None:
    assert place_survival(Curves(reason="too few"), 100.0) is None


def test_labels_keep_their_order_and_distance() -> None:
    placed = spread([120.0, 100.0, 101.0], 20.0)
    assert sorted(range(3), key=lambda place: placed[place]) == [1, 2, 0]
    ordered = sorted(placed)
    assert min(after - before for before, after in pairwise(ordered)) >= 20.0 - 1e-9
