"""The same number with the interval of every method, as the page shows it.

Enters: the rows of intervals.csv. Leaves: a table for each comparison that was named before, and for each arm
in one. Who reads it sees what the choice of the primary method decides. Runs of one fold, and those of
earlier versions, have no such section.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fuse.report.documents import ComparisonRow, Count, Number, Part, Words
from fuse.report.numerals import decimal, signed, span
from fuse.report.run_document import RunDocument


class IntervalTableRow(Part):
    """One row of intervals.csv."""

    first: str
    second: Words
    metric: str
    estimate: Number
    low: Number
    high: Number
    method: Words
    primary: bool
    family: Count


@dataclass(frozen=True, kw_only=True)
class IntervalLine:
    """One method."""

    interval: str
    method: str
    primary: bool


@dataclass(frozen=True, kw_only=True)
class IntervalTable:
    """One number, of an arm or of the first arm less the second, by all methods; the primary one first."""

    what: str
    estimate: str
    lines: tuple[IntervalLine, ...]


def build_intervals(
    rows: Sequence[IntervalTableRow], comparisons: Sequence[ComparisonRow], document: RunDocument
) -> tuple[IntervalTable, ...]:
    """Return the tables of the arms in comparisons named before (of all arms, if none), then of these."""
    named = [(row.first, row.second) for row in comparisons if row.named_before]
    arms = dict.fromkeys(arm for pair in named for arm in pair) or dict.fromkeys(row.first for row in rows)
    wanted = [*((arm, "") for arm in arms), *dict.fromkeys(named)]
    alone = [row for row in rows if row.family == 1]
    tables = [_table([row for row in alone if (row.first, row.second) == pair], document) for pair in wanted]
    return tuple(table for table in tables if table.lines)


def _table(rows: Sequence[IntervalTableRow], document: RunDocument) -> IntervalTable:
    # an arm that orders all folds alike has no interval by any method
    rows = [row for row in rows if row.low is not None]
    if not rows:
        return IntervalTable(what="", estimate="", lines=())
    first, second = (document.labels.get(name, name) for name in (rows[0].first, rows[0].second))
    write = signed if rows[0].second else decimal
    lines = [
        IntervalLine(
            interval=span(row.low, row.high, 3) or "no interval",
            method=row.method[:1].upper() + row.method[1:],
            primary=row.primary,
        )
        for row in rows
    ]
    return IntervalTable(
        what=f"{first} minus {second}" if rows[0].second else first,
        estimate=write(rows[0].estimate),
        lines=tuple(lines),
    )
