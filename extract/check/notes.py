"""Whether every note is there, can be decoded, and says anything.

Enters: notes.csv and the root. Leaves: a problem for every note that stage 1 cannot read or finds no word in
(days are `days.py`'s matter). No text leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from extract.notes.reader import read_note_cell, read_note_file
from extract.paths import find_file
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, SourceError, table_error


def note_problems(cohort: Cohort, root: Path) -> Iterator[Problem]:
    """Yield one row for every note that cannot be read."""
    key_column = cohort.card.note_key
    if key_column is None and any(row.column for row in cohort.notes):
        yield table_error(
            "cohort.yaml: note_key",
            "the column of the notes' table that holds the case id",
            "none",
            "Declare it: notes.csv names a column.",
        )
    for row in cohort.notes:
        where = f"notes.csv: case {row.case_id}, note {row.note_id}"
        try:
            path = find_file(root, row.path, where)
            if row.column is None:
                read_note_file(path, where)
            elif key_column is not None:
                read_note_cell(path, key_column, row.case_id, row.column, where)
        except SourceError as error:
            yield error.as_problem()
