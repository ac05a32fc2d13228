"""The geometry of decision curves: net benefit over the risk at which somebody would act.

Enters: the rows of decision_curves.csv and the declared thresholds. Leaves: SVG paths and positions. Treating
everybody and treating nobody are drawn with them, since a model has to beat both. Below a net benefit of a
few hundredths under zero the plot is cut off: no curve is worth reading there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fuse.report.documents import DecisionRow
from fuse.report.forest import shorten
from fuse.report.numerals import decimal
from fuse.report.ticks import round_ticks

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 940.0, 372.0, 72.0, 690.0, 18.0, 318.0
TREAT_ALL = "treat_all"
#: How far below zero is drawn, as a share of the highest net benefit.
BELOW = 0.2
#: About what fits right of the plot.
KEY_CHARACTERS = 29


@dataclass(frozen=True, kw_only=True)
class DecisionCurve:
    """One curve; `place` decides its colour, None for treating everybody; its key is at `key_y`."""

    words: str
    label: str
    place: int | None
    path: str
    key_y: float


@dataclass(frozen=True, kw_only=True)
class DecisionPlot:
    """Decision curves placed; ticks pair position and text, `guides` are the declared thresholds."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    zero_y: float
    curves: tuple[DecisionCurve, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    guides: tuple[tuple[float, str], ...]
    key_none_y: float


def place_decisions(rows: Sequence[DecisionRow], declared: Sequence[float]) -> DecisionPlot | None:
    """Return the positions of the plot, None where there is no curve."""
    curves: dict[str, list[DecisionRow]] = {}
    for row in rows:
        curves.setdefault(row.curve, []).append(row)
    drawn = [row for row in rows if row.net_benefit is not None]
    if not drawn:
        return None
    highest = max(max(row.net_benefit or 0.0 for row in drawn), 0.02)
    lowest = -BELOW * highest
    end = max(row.threshold for row in drawn)

    def to_x(threshold: float) -> float:
        return LEFT + threshold / end * (RIGHT - LEFT)

    def to_y(benefit: float) -> float:
        return BOTTOM - (max(benefit, lowest) - lowest) / (highest - lowest) * (BOTTOM - TOP)

    placed = []
    for number, (name, points) in enumerate(curves.items()):
        placed.append(
            DecisionCurve(
                words=points[0].words,
                label=_name(points[0].words),
                place=None if name == TREAT_ALL else number,
                path=_path(points, to_x, to_y, lowest),
                key_y=TOP + 16 + 26 * number,
            )
        )
    benefits = [tick for tick in round_ticks(lowest, highest, at_most=7) if lowest <= tick <= highest]
    risks = [tick for tick in round_ticks(0.0, end, at_most=11) if tick <= end + 1e-9]
    return DecisionPlot(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
        zero_y=to_y(0.0),
        curves=tuple(placed),
        x_ticks=tuple((to_x(tick), f"{100 * tick:.0f} %") for tick in risks),
        y_ticks=tuple((to_y(tick), decimal(tick, 2) if tick else "0") for tick in benefits),
        guides=tuple((to_x(risk), f"{100 * risk:g} %") for risk in declared if risk <= end),
        key_none_y=TOP + 16 + 26 * len(placed),
    )


def _name(words: str) -> str:
    """Return what fits into the key: of many modalities, how many they are."""
    parts = words.split(" + ")
    if len(words) > KEY_CHARACTERS and len(parts) > 1:
        return f"{len(parts)} modalities together"
    return shorten(words, KEY_CHARACTERS)


def _path(
    points: Sequence[DecisionRow],
    to_x: Callable[[float], float],
    to_y: Callable[[float], float],
    lowest: float,
) -> str:
    """Return the line through the points, lifted where one is not known, ended where it leaves the plot."""
    moves, lifted = [], True
    for point in points:
        if point.net_benefit is None:
            lifted = True
            continue
        moves.append(f"{'M' if lifted else 'L'}{to_x(point.threshold):.1f} {to_y(point.net_benefit):.1f}")
        lifted = False
        if point.net_benefit < lowest:
            break
    return "".join(moves)
