"""Files of a RUN folder: text that is there whole or not at all, the same bytes for the same content.

Enters: text, rows or JSON. Leaves: a file, written beside and moved into place. Numbers are written as the
shortest text that gives back the same bits; a number that does not exist is blank in CSV and null in JSON. A
text that a spreadsheet would run as a formula gets a `'` in front; `parse_csv` takes it away again.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from feature_cache.csv_lines import as_given, csv_line, guarded

Cell = str | int | float | bool | None


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends; never leaves half a file under this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    with beside.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table; floats by `repr`, NaN and None blank, booleans as true and false."""
    write_text(path, csv_text(columns, rows))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table as `write_csv` writes it, the same text from every version of Python."""
    return "".join(csv_line(map(_text, row)) for row in (columns, *rows))


def read_csv(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read what `write_csv` wrote; see `parse_csv`."""
    with path.open(newline="", encoding="utf-8") as stream:
        return parse_csv(stream.read())


def parse_csv(text: str) -> tuple[list[str], list[dict[str, str]]]:
    """Return the header and the rows of what `csv_text` returned, every text as it was given to it.

    A cell that a short row lacks is "".
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    rows = [{name: as_given(cell) for name, cell in row.items() if name is not None} for row in reader]
    return list(reader.fieldnames or ()), rows


def write_json(path: Path, value: object) -> None:
    """Write JSON to be read by people too; NaN becomes null."""
    text = json.dumps(_without_nan(value), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def file_stem(name: str) -> str:
    """Return a name as every file system takes it; `urllib.parse.unquote` gives the name back.

    >>> file_stem("late__clinical+slides"), file_stem("ridge_cox__slides:uni")
    ('late__clinical+slides', 'ridge_cox__slides%3Auni')
    """
    return quote(name, safe="+")


def _text(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return repr(float(cell))
    return guarded(cell) if isinstance(cell, str) else str(cell)


def _without_nan(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(inner) for inner in value]
    return value
