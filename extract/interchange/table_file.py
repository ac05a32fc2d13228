"""A wide table of numbers, read line by line: CSV or TSV, as it is, in a .gz, or as the one member of a .zip.

Enters: a file. Leaves: its header, and its rows as text with their line numbers; a row as numbers. Tables of
omics have thousands of columns, so that only the rows that are wanted are turned into numbers. What is empty,
NA or nan is missing, and never 0.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
from jaxtyping import Float

from extract.interchange.archive_errors import ARCHIVE_ERRORS
from feature_cache.errors import SourceError

#: Characters of a table, unpacked: 10,000 cases of 60,000 genes.
MOST_CHARACTERS = 2**33
#: Characters of a line: a million columns of 60.
LONGEST_LINE = 2**26

_MISSING = frozenset(["", "na", "nan"])
_OF_NUMBERS = frozenset("0123456789+-.eE")
_INFINITE = re.compile("[+-]?inf(inity)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")


@dataclass(frozen=True, kw_only=True)
class OpenTable:
    """A table whose header was read. `rows` yields (line number, cells), each as wide as the header."""

    name: str
    columns: tuple[str, ...]
    separator: str
    rows: Iterator[tuple[int, list[str]]]


class NotNumericError(ValueError):
    """A row with cells that are no numbers; `places` are their indices.

    `decimal_comma` says that each of them would be one with a point in place of its comma.
    """

    def __init__(self, places: list[int], *, decimal_comma: bool) -> None:
        super().__init__("cells that are no numbers")
        self.places = places
        self.decimal_comma = decimal_comma


@contextmanager
def open_table(path: Path) -> Iterator[OpenTable]:
    """Open a table and read its header.

    Columns are parted by tabs in a .tsv, by commas in a .csv, else by tabs if the header has one.

    Raises
    ------
    SourceError
        No such file, no text in UTF-8, a packed file that is damaged or holds more than one table; while rows
        are read: a row of another width, a line or table without measure.
    """
    try:
        with _binary(path) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
            lines = _lines(text, path.name)
            first = next(lines, "")
            separator = _separator(path, first)
            header = next(csv.reader([first], delimiter=separator), [])
            columns = tuple(header)
            if len(columns) < 2:
                semicolons = first.count(";")
                raise _refused(
                    path.name,
                    "a header of several columns, parted by commas or tabs",
                    f"{len(columns)} column(s)" + (f" and {semicolons} semicolon(s)" if semicolons else ""),
                    "Export it with commas between columns and points in numbers."
                    if semicolons
                    else "Export it as CSV, or call it .tsv if tabs part its columns.",
                )
            rows = _rows(lines, columns, separator, path.name)
            yield OpenTable(name=path.name, columns=columns, separator=separator, rows=rows)
    except ARCHIVE_ERRORS as error:
        got = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise _refused(path.name, "a table that can be read", got, "Fetch or export it again.") from error
    except UnicodeDecodeError as error:
        raise _refused(path.name, "a table in UTF-8", "another encoding", "Convert it to UTF-8.") from error


def parse_numbers(cells: list[str]) -> Float[np.ndarray, " column"]:
    """Return a row as numbers, NaN where it is missing.

    Raises
    ------
    NotNumericError
        Some cells are neither numbers nor missing.
    """
    if _OF_NUMBERS.issuperset("".join(cells)):
        try:
            return np.array([float(cell) for cell in cells])
        except ValueError:
            pass  # an empty cell, or one like "1-2": each is looked at below
    values = [_number(cell) for cell in cells]
    wrong = [place for place, value in enumerate(values) if value is None]
    if wrong:
        commas = all(_DECIMAL_COMMA.fullmatch(cells[place].strip()) for place in wrong)
        raise NotNumericError(wrong, decimal_comma=commas)
    return np.array(values, dtype=np.float64)


def _number(cell: str) -> float | None:
    text = cell.strip()
    if text.casefold() in _MISSING:
        return math.nan
    if _INFINITE.fullmatch(text.casefold()):
        return math.inf
    if not _OF_NUMBERS.issuperset(text):
        return None
    try:
        return float(text)
    except ValueError:
        return None


@contextmanager
def _binary(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix.lower() == ".gz":
        with gzip.open(path, "rb") as unpacked:
            yield cast(IO[bytes], unpacked)
    elif path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as packed:
            members = [
                member
                for member in packed.infolist()
                if not (member.is_dir() or member.filename.startswith("__MACOSX/"))
            ]
            if len(members) != 1 or members[0].flag_bits & 1:
                got = f"{len(members)} files" if len(members) != 1 else "one behind a password"
                raise _refused(path.name, "one table in it", got, "Unpack it and name the table.")
            with packed.open(members[0]) as member:
                yield member
    else:
        with path.open("rb") as plain:
            yield plain


def _lines(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    """Yield lines as long as none, and not all together, are without measure."""
    characters = 0
    while line := text.readline(LONGEST_LINE):
        characters += len(line)
        if len(line) == LONGEST_LINE or characters > MOST_CHARACTERS or "\0" in line:
            got = "NUL characters" if "\0" in line else "a line or a table without measure"
            raise _refused(name, "a table of text", got, "Look whether it is one.")
        yield line


def _separator(path: Path, header: str) -> str:
    kind = Path(path.stem if path.suffix.lower() in (".gz", ".zip") else path.name).suffix.lower()
    if kind in (".csv", ".tsv"):
        return "," if kind == ".csv" else "\t"
    return "\t" if "\t" in header else ","


def _rows(
    lines: Iterator[str], columns: tuple[str, ...], separator: str, name: str
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=separator)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            remedy = "Look for a quote that is not closed."
            raise _refused(f"{name} line {reader.line_num + 1}", "cells", str(error), remedy) from error
        if cells is None:
            return
        if cells and len(cells) != len(columns):
            raise _refused(
                f"{name} line {reader.line_num + 1}",
                f"{len(columns)} cells, as in the header",
                f"{len(cells)}",
                "Write the table again: a name for every column, quotes around texts with a separator.",
            )
        if cells:
            yield reader.line_num + 1, cells


def _refused(where: str, expected: str, got: str, remedy: str) -> SourceError:
    return SourceError(where, expected=expected, got=got, remedy=remedy)
