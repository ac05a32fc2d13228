"""The text of a note: a file of its own, or a column of a table. UTF-8, or else GB18030, and which.

Enters: a path, and for a table the key column, the case and the column. Leaves: the text and the encoding
that decoded it. UTF-8 comes first and strictly: the bytes of a UTF-8 beta are also valid GBK, cp1252 and
latin-1, and decode there to wrong text without an error. No error quotes a note.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from extract.limits import MOST_NOTE_BYTES, MOST_NOTE_TABLE_BYTES, refuse_large_file
from extract.notes.chunks import token_spans
from feature_cache.errors import SourceError

#: Tried in this order; the first that decodes every byte is taken and recorded.
ENCODINGS = ("utf-8", "gb18030")


@dataclass(frozen=True, kw_only=True)
class NoteText:
    """A note as read. Stays inside `extract.notes`: it goes into no entry, log or error."""

    text: str
    encoding: str


def decode(data: bytes) -> tuple[str, str]:
    """Return the text of some bytes and the encoding that gave it.

    Raises
    ------
    UnicodeDecodeError
        The bytes are neither UTF-8 nor GB18030.
    """
    try:
        return data.decode("utf-8-sig"), ENCODINGS[0]
    except UnicodeDecodeError:
        return data.decode("gb18030"), ENCODINGS[1]


def read_note_file(path: Path, where: str) -> NoteText:
    """Read a note that is a file; `where` names case and note in errors.

    Raises
    ------
    SourceError
        The file is absent, too large, in neither encoding, or without a word.
    """
    text, encoding = _decode_file(path, where, MOST_NOTE_BYTES)
    return _with_words(NoteText(text=text, encoding=encoding), where)


def read_note_cell(path: Path, key_column: str, case_id: str, column: str, where: str) -> NoteText:
    """Read a note that is a cell of a CSV table, of the row whose `key_column` is the case.

    Raises
    ------
    SourceError
        The table is absent, too large or in neither encoding, has no such column, no row or several rows of
        this case, or the cell is without a word.
    """
    if not path.is_file():
        raise _absent(path, where)
    about = path.stat()
    cells, encoding = _column(path, key_column, column, (about.st_mtime_ns, about.st_size))
    found = cells.get(case_id, ())
    if len(found) != 1:
        raise SourceError(
            f"{where}, {path.name}",
            expected=f"one row with {key_column} = {case_id}",
            got=f"{len(found)} rows",
            remedy="Mend the table, or take the note out of notes.csv.",
        )
    return _with_words(NoteText(text=found[0], encoding=encoding), where)


@lru_cache(maxsize=4)
def _column(
    path: Path, key_column: str, column: str, version: tuple[int, int]
) -> tuple[dict[str, tuple[str, ...]], str]:
    """Return key -> cells of one column. `version` (mtime, size) makes a changed table another call."""
    del version
    text, encoding = _decode_file(path, path.name, MOST_NOTE_TABLE_BYTES)
    # Python's own limit of 131,072 characters is short of a long record; it is one for all, so only raise it.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    rows = csv.reader(io.StringIO(text, newline=""))
    header = next(rows, [])
    for name in (key_column, column):
        if header.count(name) != 1:
            raise SourceError(
                path.name,
                expected=f"one column {name}",
                got=f"{header.count(name)} of this name",
                remedy="Mend notes.csv, or note_key in cohort.yaml.",
            )
    key_at, column_at = header.index(key_column), header.index(column)
    cells: dict[str, tuple[str, ...]] = {}
    for row in rows:
        if len(row) == len(header):
            cells[row[key_at]] = (*cells.get(row[key_at], ()), row[column_at])
        elif row:
            raise SourceError(
                f"{path.name} line {rows.line_num}",
                expected=f"{len(header)} fields",
                got=f"{len(row)}",
                remedy="Quote the commas of this line.",
            )
    return cells, encoding


def _decode_file(path: Path, where: str, most_bytes: int) -> tuple[str, str]:
    if not path.is_file():
        raise _absent(path, where)
    refuse_large_file(path, where, most_bytes)
    try:
        return decode(path.read_bytes())
    except UnicodeDecodeError:
        # Not chained: the cause carries the bytes of the note.
        raise SourceError(
            f"{where}, {path.name}" if where != path.name else where,
            expected="text in UTF-8 or GB18030",
            got="bytes that are neither",
            remedy="Convert the file to UTF-8.",
        ) from None


def _absent(path: Path, where: str) -> SourceError:
    return SourceError(
        where,
        expected=f"the file {path.name}",
        got="no such file",
        remedy="Mend the path in notes.csv, or the root.",
    )


def _with_words(note: NoteText, where: str) -> NoteText:
    # A literal nan is how tables write a missing note.
    if note.text.strip().casefold() in ("", "nan"):
        raise SourceError(
            where, expected="a text", got="an empty note", remedy="Take the note out of notes.csv."
        )
    if len(token_spans(note.text)) == 0:
        raise SourceError(
            where, expected="words", got="no word at all", remedy="Take the note out of notes.csv."
        )
    return note
