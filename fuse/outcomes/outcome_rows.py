"""Rows of outcomes.csv, one a case and endpoint, before their kind gives them a meaning.

Enters: the table as it came (verbatim texts) and the name of an endpoint. Leaves: the rows of that endpoint,
each of a known case and once, with a problem for every other; and cells read as yes, no, or a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, table_error
from feature_cache.tables import ABSENT, NULL, read_table, table_state

YES_TEXTS = {"1": True, "1.0": True, "true": True, "yes": True}
NO_TEXTS = {"0": False, "0.0": False, "false": False, "no": False}
YES_NO = YES_TEXTS | NO_TEXTS
YES_NO_WORDS = "1, 1.0, true, yes or 0, 0.0, false, no"


@dataclass(frozen=True)
class OutcomeRow:
    """One row; blank stands for a cell that is empty, absent or null."""

    case_id: str
    endpoint: str
    cells: dict[str, str]

    @property
    def where(self) -> str:
        """The row in a problem."""
        return f"outcomes.csv: case {self.case_id}, endpoint {self.endpoint}"

    def __getitem__(self, column: str) -> str:
        """Return a cell, "" where there is none."""
        text = self.cells.get(column, "").strip()
        return "" if text in (ABSENT, NULL) else text

    def fault(self, expected: str, got: str, remedy: str) -> Problem:
        """Return the problem of this row."""
        return table_error(self.where, expected, got, remedy)


def rows_of_endpoint(
    cohort: Cohort, endpoint: str, needed: Sequence[str], problems: list[Problem]
) -> Iterator[OutcomeRow]:
    """Yield the rows of an endpoint; what stands against the table or a row goes to `problems`."""
    path = cohort.folder / "outcomes.csv"
    columns, rows = read_table(path, problems)
    lacking = [name for name in ("case_id", "endpoint", *needed) if name not in columns]
    if lacking:
        got = f"no column {', '.join(lacking)}" if columns else table_state(path)
        problems.append(
            table_error(
                "outcomes.csv",
                "columns case_id, endpoint, event, time, cause, value",
                got,
                "`python -m extract scan` writes this table.",
            )
        )
        return
    known, seen = set(cohort.case_ids), set()
    for cells in rows:
        if cells["endpoint"] != endpoint:
            continue
        row = OutcomeRow(cells["case_id"], endpoint, cells)
        if row.case_id not in known:
            problems.append(row.fault("a case of cases.csv", "an unknown case", "Add or remove it."))
        elif row.case_id in seen:
            problems.append(row.fault("one row a case and endpoint", "a second row", "Keep one."))
        else:
            seen.add(row.case_id)
            yield row


def time_fault(text: str, *, event: bool) -> str | None:
    """Return what is wrong with the text of a time, None for a finite one above 0."""
    if not text:
        return "an event without time" if event else "a censored case without time"
    try:
        time = float(text)
    except ValueError:
        return "a text that is no number"
    if not math.isfinite(time):
        return "NaN" if math.isnan(time) else "an infinite time"
    if time < 0:
        return f"a negative time ({text})"
    return "time 0" if time == 0 else None
