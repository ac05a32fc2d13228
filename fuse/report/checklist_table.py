"""The two checklists as the page shows them: who fills how many items, and the items section by section.

Enters: rows of tripod.csv and probast.csv. Leaves: a frozen table for each that is there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from fuse.report.documents import Part, Words

#: Statuses in the order of the summary, as the page says them.
STATUSES = {
    "filled by the run": "filled by the run",
    "run and author": "begun by the run, to be completed",
    "author must fill": "left to the author",
    "does not apply": "not asked of this study",
}


class ChecklistRow(Part):
    """One row of tripod.csv or probast.csv: an item, what the run says of it, what is left to people."""

    item: str
    section: Words
    asks: Words
    status: Literal["filled by the run", "run and author", "author must fill", "does not apply"]
    run_says: Words
    author_must: Words


@dataclass(frozen=True, kw_only=True)
class ChecklistTable:
    """One checklist: its name and source, how many items have which status, and its rows by section."""

    name: str
    source: str
    file: str
    counts: tuple[tuple[str, int], ...]
    sections: tuple[tuple[str, tuple[ChecklistRow, ...]], ...]


def build_checklists(
    tripod: tuple[ChecklistRow, ...], probast: tuple[ChecklistRow, ...]
) -> tuple[ChecklistTable, ...]:
    """Return a table for each checklist that the run has."""
    published = (
        ("TRIPOD+AI", "Collins et al. 2024, BMJ 385:e078378", "tripod.csv", tripod),
        ("PROBAST+AI", "Moons et al. 2025, BMJ 388:e082505", "probast.csv", probast),
    )
    return tuple(_table(name, source, file, rows) for name, source, file, rows in published if rows)


def _table(name: str, source: str, file: str, rows: tuple[ChecklistRow, ...]) -> ChecklistTable:
    counted: Counter[str] = Counter(row.status for row in rows)
    sections = dict.fromkeys(row.section for row in rows)
    return ChecklistTable(
        name=name,
        source=source,
        file=file,
        counts=tuple((words, counted[status]) for status, words in STATUSES.items() if counted[status]),
        sections=tuple((each, tuple(row for row in rows if row.section == each)) for each in sections),
    )
