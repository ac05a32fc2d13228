"""The geometry of a forest plot: one row an arm or a comparison, a mark and its interval on a shared axis.

Enters: labelled estimates with intervals, or the reason why there is none. Leaves: positions in SVG units;
the template draws and escapes them. The reference line (no discrimination, no difference) is always inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fuse.report.numerals import decimal, signed, span
from fuse.report.ticks import round_ticks

WIDTH = 940.0
LABEL_END, AXIS_START, AXIS_END, NUMBER_START = 292.0, 312.0, 764.0, 784.0
TOP, ROW_HEIGHT, TALL_ROW_HEIGHT, HEAD_HEIGHT = 26.0, 25.0, 40.0, 28.0
#: About what fits left of the axis, in a second line there, and inside the axis.
LABEL_CHARACTERS, UNDER_CHARACTERS, REASON_CHARACTERS = 49, 56, 68

Mark = Literal["square", "circle", "diamond"]


@dataclass(frozen=True, kw_only=True)
class ForestEntry:
    """One row to draw; `under` is a second line, and without an estimate `reason` stands in its place."""

    label: str
    under: str = ""
    group: str
    mark: Mark
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ForestRow:
    """One row placed: `y` is its middle, the `*_x` are on the axis (`None`: nothing to draw)."""

    entry: ForestEntry
    y: float
    label: str
    under: str
    reason: str
    estimate_x: float | None
    low_x: float | None
    high_x: float | None
    estimate: str
    interval: str


@dataclass(frozen=True, kw_only=True)
class Forest:
    """A forest plot placed. `ticks` pairs position and text; `heads` pairs height and name of a group."""

    width: float
    height: float
    axis_y: float
    top: float
    rows: tuple[ForestRow, ...]
    heads: tuple[tuple[float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    reference_x: float
    guide_x: float | None
    axis_title: str


@dataclass(frozen=True, kw_only=True)
class ForestAxis:
    """What the axis shows: `reference` is the value of no effect, `guide` a line to beat if there is one."""

    title: str
    reference: float
    guide: float | None = None
    signs: bool = False


def place_forest(entries: Sequence[ForestEntry], axis: ForestAxis) -> Forest:
    """Return the positions of a forest plot, rows in the order given, a heading where the group changes."""
    values = [axis.reference, *([] if axis.guide is None else [axis.guide])]
    for entry in entries:
        values.extend(value for value in (entry.estimate, entry.low, entry.high) if value is not None)
    marks = round_ticks(min(values), max(values))

    def to_x(value: float | None) -> float | None:
        if value is None:
            return None
        return AXIS_START + (value - marks[0]) / (marks[-1] - marks[0]) * (AXIS_END - AXIS_START)

    write = signed if axis.signs else decimal
    rows, heads, y = [], [], TOP
    for place, entry in enumerate(entries):
        if entry.group and (place == 0 or entry.group != entries[place - 1].group):
            heads.append((y + HEAD_HEIGHT / 2, entry.group))
            y += HEAD_HEIGHT
        height = TALL_ROW_HEIGHT if entry.under else ROW_HEIGHT
        rows.append(
            ForestRow(
                entry=entry,
                y=y + height / 2,
                label=shorten(entry.label, LABEL_CHARACTERS),
                under=shorten(entry.under, UNDER_CHARACTERS),
                reason=shorten(entry.reason, REASON_CHARACTERS),
                estimate_x=to_x(entry.estimate),
                low_x=to_x(entry.low),
                high_x=to_x(entry.high),
                estimate="" if entry.estimate is None else write(entry.estimate),
                interval=span(entry.low, entry.high),
            )
        )
        y += height
    return Forest(
        width=WIDTH,
        height=y + 54,
        axis_y=y + 6,
        top=TOP,
        rows=tuple(rows),
        heads=tuple(heads),
        ticks=tuple((to_x(mark) or 0.0, write(mark, tick_digits(marks)) if mark else "0") for mark in marks),
        reference_x=to_x(axis.reference) or 0.0,
        guide_x=to_x(axis.guide),
        axis_title=axis.title,
    )


def tick_digits(marks: Sequence[float]) -> int:
    """Return how many decimals tell all ticks apart."""
    return next(
        digits for digits in range(1, 7) if all(abs(round(mark, digits) - mark) < 1e-9 for mark in marks)
    )


def shorten(text: str, characters: int) -> str:
    """Return `text`, cut to `characters` with an ellipsis; the whole of it stands in the mark's title."""
    return text if len(text) <= characters else f"{text[: characters - 1].rstrip()}…"
