"""The geometry of a Kaplan-Meier plot: steps, pointwise intervals, numbers at risk, horizon.

Enters: curves.json. Leaves: SVG paths and positions for the template. Day 0 is the index event: survival is
1 there. Where the file has no interval the band is left out, not drawn as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from fuse.report.documents import CurveGroup, Curves
from fuse.report.numerals import whole_months

WIDTH, PLOT_LEFT, PLOT_RIGHT, PLOT_TOP, PLOT_BOTTOM = 940.0, 200.0, 740.0, 18.0, 348.0
#: Rows of the table of numbers at risk, and the least distance between the labels at the ends of two curves.
RISK_TOP, RISK_ROW, LABEL_GAP = 418.0, 20.0, 38.0
MOST_TICKS = 13


@dataclass(frozen=True, kw_only=True)
class CurveDrawing:
    """One curve: paths of the steps and of the interval band, and where its label stands."""

    group: CurveGroup
    place: int
    steps: str
    bands: tuple[str, ...]
    label_y: float
    end_y: float
    at_risk: tuple[tuple[float, str], ...]
    risk_y: float


@dataclass(frozen=True, kw_only=True)
class SurvivalPlot:
    """A Kaplan-Meier plot placed; `ticks` pair position and text in `time_unit`."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    curves: tuple[CurveDrawing, ...]
    ticks: tuple[tuple[float, str], ...]
    time_unit: str
    horizon_x: float | None


def place_survival(curves: Curves, horizon_days: float | None) -> SurvivalPlot | None:
    """Return the positions of the plot, or `None` where the run has no curves."""
    if not curves.groups:
        return None
    days = sorted({mark.day for group in curves.groups for mark in group.at_risk})
    days = [0.0, *days] if days and days[0] > 0 else days
    last_seen = max((time for group in curves.groups for time in group.time_days), default=0.0)
    end = max([last_seen if len(days) < 2 else days[-1], horizon_days or 0.0, 1.0])
    days = _thin(days) if len(days) > 1 else [0.0, end / 2, end]

    unit, texts = _write_days(days)
    ends = [_last_survival(group, end) for group in curves.groups]
    drawings = tuple(
        CurveDrawing(
            group=group,
            place=place,
            steps=_steps(group, end),
            bands=_bands(group, end),
            label_y=label_y,
            end_y=to_y(last),
            at_risk=tuple((to_x(mark.day, end), str(mark.n)) for mark in group.at_risk if mark.day in days),
            risk_y=RISK_TOP + place * RISK_ROW,
        )
        for place, (group, last, label_y) in enumerate(
            zip(curves.groups, ends, spread([to_y(last) for last in ends], LABEL_GAP), strict=True)
        )
    )
    return SurvivalPlot(
        width=WIDTH,
        height=RISK_TOP + len(drawings) * RISK_ROW + 4,
        left=PLOT_LEFT,
        right=PLOT_RIGHT,
        top=PLOT_TOP,
        bottom=PLOT_BOTTOM,
        curves=drawings,
        ticks=tuple((to_x(day, end), text) for day, text in zip(days, texts, strict=True)),
        time_unit=unit,
        horizon_x=None if horizon_days is None else to_x(horizon_days, end),
    )


def to_y(survival: float) -> float:
    """Return the height of a survival probability: 1 at the top of the plot, 0 at its bottom."""
    return PLOT_BOTTOM - survival * (PLOT_BOTTOM - PLOT_TOP)


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return heights pushed apart so that neighbours are at least `gap` apart, their order and mean kept.

    >>> spread([100.0, 110.0], 20.0)
    [95.0, 115.0]
    """
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    moved = [heights[place] for place in order]
    for place in range(1, len(moved)):
        moved[place] = max(moved[place], moved[place - 1] + gap)
    shift = (sum(moved) - sum(heights)) / max(len(moved), 1)
    placed = dict(zip(order, (height - shift for height in moved), strict=True))
    return [placed[place] for place in range(len(heights))]


def _intervals(
    group: CurveGroup, end: float
) -> list[tuple[float, float, float | None, float | None, float | None]]:
    """Return (from day, to day, survival, low, high) for each step up to `end`."""
    points = list(zip(group.time_days, group.survival, group.low, group.high, strict=True))
    if not points or points[0][0] > 0:
        points.insert(0, (0.0, 1.0, 1.0, 1.0))
    days = [point[0] for point in points]
    # A curve ends where nobody is left to follow, not where the axis ends.
    followed = max((mark.day for mark in group.at_risk if mark.n > 0), default=days[-1])
    stops = [*days[1:], max(days[-1], followed)]
    return [
        (day, min(stop, end), survival, low, high)
        for (day, survival, low, high), stop in zip(points, stops, strict=True)
        if day <= end
    ]


def to_x(day: float, end: float) -> float:
    """Return the position of a day on an axis from 0 to `end`."""
    return PLOT_LEFT + min(day / end, 1.0) * (PLOT_RIGHT - PLOT_LEFT)


def _steps(group: CurveGroup, end: float) -> str:
    known = [
        (day, stop, survival) for day, stop, survival, _, _ in _intervals(group, end) if survival is not None
    ]
    moves = [f"V{to_y(survival):.1f}H{to_x(stop, end):.1f}" for _, stop, survival in known]
    return f"M{to_x(0.0, end):.1f} {to_y(1.0):.1f}" + "".join(moves)


def _bands(group: CurveGroup, end: float) -> tuple[str, ...]:
    bands = []
    for drawn, run in groupby(
        _intervals(group, end), key=lambda part: part[3] is not None and part[4] is not None
    ):
        if not drawn:
            continue
        parts = [
            (to_x(day, end), to_x(stop, end), low, high)
            for day, stop, _, low, high in run
            if low is not None and high is not None
        ]
        upper = "".join(f"V{to_y(high):.1f}H{stop:.1f}" for _, stop, _, high in parts)
        lower = "".join(f"V{to_y(low):.1f}H{start:.1f}" for start, _, low, _ in reversed(parts))
        bands.append(f"M{parts[0][0]:.1f} {to_y(parts[0][3]):.1f}{upper}{lower}Z")
    return tuple(bands)


def _last_survival(group: CurveGroup, end: float) -> float:
    known = [survival for _, _, survival, _, _ in _intervals(group, end) if survival is not None]
    return known[-1] if known else 1.0


def _thin(days: list[float]) -> list[float]:
    every = -(-len(days) // MOST_TICKS)
    return days[::every]


def _write_days(days: Sequence[float]) -> tuple[str, list[str]]:
    months = [whole_months(day) for day in days]
    if None in months:
        return "days", [f"{day:.0f}" for day in days]
    return "months", [str(month) for month in months]
