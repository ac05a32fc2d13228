"""Observed against predicted on the page: positions, what is left out, and the words beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fuse.report.calibration_plot import LEFT, SIDE, TOP, place_calibration
from fuse.report.documents import CalibrationPart, CalibrationPoint
from fuse.report.page import render
from fuse.report.run_folder import read_run


def point(
    predicted: float, observed: float | None, low: float | None, high: float | None
) -> CalibrationPoint:
    return CalibrationPoint(n=20, events=5, predicted=predicted, observed=observed, low=low, high=high)


def part(*points: CalibrationPoint, **words: object) -> CalibrationPart:
    return CalibrationPart(points=points, method="Kaplan–Meier", events=60, day=1826.25, **words)


def test_agreement_is_the_diagonal_and_both_axes_have_one_scale() -> None:
    plot = place_calibration(part(point(0.1, 0.1, 0.05, 0.2), point(0.4, 0.5, 0.4, 0.55)))
    first, second = plot.points
    assert first.x - LEFT == pytest.approx(TOP + SIDE - first.y)
    assert second.x - LEFT < TOP + SIDE - second.y  # more came than were predicted: above the line
    assert first.high_y < first.y < first.low_y
    assert plot.ticks[0][2] == "0 %" and plot.ticks[-1][2] == "60 %"
    assert second.x == pytest.approx(LEFT + SIDE * 0.4 / 0.6)


def test_groups_without_an_observation_are_left_out_and_counted() -> None:
    plot = place_calibration(part(point(0.1, None, None, None), point(0.4, 0.5, None, None)))
    assert (len(plot.points), plot.unobserved) == (1, 1)
    assert plot.points[0].low_y == plot.points[0].y == plot.points[0].high_y
    assert place_calibration(part(point(0.1, None, None, None))) is None
    assert place_calibration(part()) is None
    assert place_calibration(None) is None


AT = {"estimate": 0.25, "low": 0.15, "high": 0.4, "method": "Kaplan–Meier, limits on the log(−log) scale"}
SUMMARY = {
    "name": "all cases",
    "n": 95,
    "events": 27,
    "event_probability": [
        AT | {"day": 730.5},
        {
            "day": 1826.25,
            "estimate": None,
            "low": None,
            "high": None,
            "method": "none: follow-up ends on day 900",
        },
    ],
    "restricted_mean_days": {
        "day": 1826.25,
        "estimate": 1502.4,
        "low": 1400.2,
        "high": 1600.9,
        "method": "area",
    },
}


def with_curves(run_folder: Path, **parts: object) -> str:
    path = run_folder / "curves.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | parts), encoding="utf-8")
    return render(read_run(run_folder))


def test_the_page_says_what_cases_may_expect_and_where_nothing_is_known(run_folder: Path) -> None:
    page = with_curves(run_folder, whole=SUMMARY)
    assert "Event by 24 months" in page and "Event by 60 months" in page
    assert "<strong>25 %</strong><small>15 % to 40 %</small>" in page
    assert "follow-up ends on day 900" in page
    assert "<strong>1502</strong><small>1400 to 1601</small>" in page
    assert "Kaplan–Meier, limits on the log(−log) scale; area" in page


def test_the_page_draws_calibration_and_says_what_few_events_do_not_show(run_folder: Path) -> None:
    points = [
        {"n": 47, "events": 6, "predicted": 0.12, "observed": 0.1, "low": 0.05, "high": 0.2},
        {"n": 48, "events": 21, "predicted": 0.45, "observed": 0.5, "low": 0.4, "high": 0.6},
    ]
    drawn = {"arm": "late__x", "day": 1826.25, "points": points, "events": 27, "method": "KM", "reason": ""}
    page = with_curves(run_folder, calibration=drawn)
    assert 'id="calibration"' in page and 'href="#calibration"' in page
    assert "47 cases: predicted 12 %, observed 10 %; 48 cases: predicted 45 %, observed 50 %" in page
    assert "27 events do not show the shape of a calibration curve" in page
    many = with_curves(run_folder, calibration=drawn | {"events": 120})
    assert "do not show the shape" not in many


def test_a_reason_stands_in_the_place_of_a_plot(run_folder: Path) -> None:
    assert 'id="calibration"' not in render(read_run(run_folder))  # a run of before has none
    drawn = {
        "arm": "a",
        "day": None,
        "points": [],
        "events": 3,
        "method": "",
        "reason": "3 events are too few",
    }
    assert "There is no calibration plot in this run: 3 events are too few." in with_curves(
        run_folder, calibration=drawn
    )
