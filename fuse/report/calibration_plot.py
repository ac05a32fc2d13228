"""The geometry of a calibration plot: observed against predicted, with intervals, and the line of agreement.

Enters: the calibration part of curves.json. Leaves: positions for the template. Both axes have one scale, so
that agreement is the diagonal; a group of which nothing was observed is left out and counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from fuse.report.documents import CalibrationPart
from fuse.report.numerals import percent
from fuse.report.ticks import round_ticks

WIDTH, SIDE, LEFT, TOP = 640.0, 400.0, 84.0, 14.0
HEIGHT = TOP + SIDE + 54.0


@dataclass(frozen=True, kw_only=True)
class PlacedPoint:
    """One group; its whisker runs from `low_y` to `high_y`, and `text` says what it is."""

    x: float
    y: float
    low_y: float
    high_y: float
    text: str


@dataclass(frozen=True, kw_only=True)
class CalibrationPlot:
    """A calibration plot placed; `ticks` are (position on x, position on y, text)."""

    points: tuple[PlacedPoint, ...]
    ticks: tuple[tuple[float, float, str], ...]
    unobserved: int
    left: float = LEFT
    right: float = LEFT + SIDE
    top: float = TOP
    bottom: float = TOP + SIDE
    width: float = WIDTH
    height: float = HEIGHT


def place_calibration(part: CalibrationPart | None) -> CalibrationPlot | None:
    """Return the positions of the plot, `None` where nothing can be drawn."""
    if part is None:
        return None
    seen = [point for point in part.points if point.observed is not None]
    if not seen:
        return None
    highest = max(max(point.predicted, point.high or point.observed or 0.0) for point in seen)
    marks = round_ticks(0.0, min(1.0, highest), at_most=7)
    end = marks[-1]

    def along(share: float) -> float:
        return SIDE * min(share / end, 1.0)

    points = tuple(
        PlacedPoint(
            x=LEFT + along(point.predicted),
            y=TOP + SIDE - along(point.observed or 0.0),
            low_y=TOP + SIDE - along(point.observed or 0.0 if point.low is None else point.low),
            high_y=TOP + SIDE - along(point.observed or 0.0 if point.high is None else point.high),
            text=(
                f"{point.n} cases: predicted {percent(point.predicted)}, "
                f"observed {percent(point.observed or 0.0)}"
            ),
        )
        for point in seen
    )
    return CalibrationPlot(
        points=points,
        ticks=tuple((LEFT + along(mark), TOP + SIDE - along(mark), percent(mark)) for mark in marks),
        unobserved=len(part.points) - len(seen),
    )
