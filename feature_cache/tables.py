"""The tables beside cohort.yaml as typed rows: CSV in UTF-8, every cell text until its column says more.

Enters: one CSV file. Leaves: frozen rows, and a problem for every line or column that is not as declared.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from feature_cache.errors import ManifestError, Problem, table_error

#: How `scan` writes a key that a record did not have, and one that was null; a blank stays blank.
ABSENT, NULL = "<absent>", "<null>"

#: Bytes of a table, which is read whole: a million rows of 250 characters.
LARGEST_TABLE = 2**28
#: Characters of a cell; what is longer is a quote that was not closed.
LONGEST_CELL = 131_072

Optional = BeforeValidator(lambda text: None if text == "" else text)
Text = Annotated[str | None, Optional]
Number = Annotated[Annotated[float, Field(allow_inf_nan=False)] | None, Optional]
Day = Annotated[int | None, Optional]
Frame = Annotated[Annotated[int, Field(ge=1)] | None, Optional]


class Row(BaseModel):
    """One row of a table: frozen, unknown columns refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CaseRow(Row):
    """cases.csv; a case with an `entry_day` is under observation from the end of that day on."""

    case_id: str
    site: Text = None
    entry_day: Day = None


class SlideRow(Row):
    """slides.csv; `mpp` (um per level-0 pixel) is given only where the file does not tell or tells wrong.

    `roi_path` is GeoJSON with polygons in level-0 pixels: tiles are taken inside them only.
    """

    case_id: str
    slide_id: str
    path: str
    mask_path: Text = None
    mpp: Number = None
    roi_path: Text = None
    day: Day = None


class SeriesRow(Row):
    """series.csv; `spacing_mm` as x;y;z where the header does not tell.

    A series over time is one file of four axes, a folder of DICOM, or one row a frame: rows of one sequence,
    numbered by `frame` (from 1, as the scanner counts) and, where it is known, with the `time_s` of each.
    `times_path` is a JSON file with the times of all frames of one file.
    """

    case_id: str
    study_id: str
    series_id: str
    sequence: str
    day: Day = None
    path: str
    spacing_mm: Text = None
    frame: Frame = None
    time_s: Number = None
    times_path: Text = None


class MaskRow(Row):
    """masks.csv; `frame` (from 1) where it was drawn on one frame of a series over time.

    `segmenter` is a JSON file that says which segmenter drew it and what cases that learnt from.
    """

    case_id: str
    study_id: str
    region: str
    path: str
    codebook: Text = None
    frame: Frame = None
    segmenter: Text = None


class NoteRow(Row):
    """notes.csv; with `column` the note is that column of the table at `path`, row `card.note_key` = case."""

    case_id: str
    note_id: str
    path: str
    column: Text = None
    day: Day = None


class MeasurementRow(Row):
    """measurements.csv; `value` stays text until the unit is known."""

    case_id: str
    variable: str
    day: int
    value: str
    unit: Text = None


def read_table(path: Path, problems: list[Problem]) -> tuple[list[str], list[dict[str, str]]]:
    """Read a UTF-8 CSV with every cell as text; lines with too many or too few fields become problems.

    Returns
    -------
    columns, rows
        The header, and one mapping a well-formed line. An absent file, and one that is no table of text,
        gives two empty lists.
    """
    columns, rows = _read_lines(path, problems)
    return columns, [row for _, row in rows]


def _read_lines(path: Path, problems: list[Problem]) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Return the header, and line number and cells of every well-formed row."""
    if not path.is_file():
        return [], []
    try:
        (_, columns), *lines = _parse(path) or [(1, [])]
    except ManifestError as error:
        problems.append(error.as_problem())
        return [], []
    rows = []
    for number, fields in lines:
        if len(fields) == len(columns):
            rows.append((number, dict(zip(columns, fields, strict=True))))
        else:
            problems.append(
                table_error(
                    f"{path.name} line {number}",
                    f"{len(columns)} fields",
                    f"{len(fields)} fields",
                    "Quote the commas of this line.",
                )
            )
    for name, count in Counter(columns).items():
        if count > 1:
            problems.append(
                table_error(
                    f"{path.name}: {name}", "one column of this name", f"{count}", "Rename the others."
                )
            )
    return columns, rows


def _parse(path: Path) -> list[tuple[int, list[str]]]:
    """Return the number of its last line and the fields of every row that is not blank, the header first."""
    if (size := path.stat().st_size) > LARGEST_TABLE:
        got = f"{size:,} bytes, more than {LARGEST_TABLE:,}"
        raise _no_table(path.name, got, "Take out what is no table of this cohort.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _no_table(path.name, "another encoding", "Convert the file to UTF-8.") from None
    if "\0" in text:
        raise _no_table(path.name, "NUL characters", "Export the table again as CSV.")
    reader = csv.reader(io.StringIO(text, newline=""))
    lines = []
    try:
        for fields in reader:
            if (
                max(map(len, fields), default=0) > LONGEST_CELL
            ):  # csv's own limit is one for the whole process
                raise csv.Error
            if fields:
                lines.append((reader.line_num, fields))
    except csv.Error:
        got, remedy = (
            f"a cell of more than {LONGEST_CELL:,} characters",
            "Look for a quote that is not closed.",
        )
        raise _no_table(f"{path.name} line {reader.line_num}", got, remedy) from None
    return lines


def _no_table(where: str, got: str, remedy: str) -> ManifestError:
    return ManifestError(where, expected="a table in UTF-8", got=got, remedy=remedy)


R = TypeVar("R", bound=Row)


def read_rows(path: Path, kind: type[R], problems: list[Problem], *, required: bool = False) -> tuple[R, ...]:
    """Read one table into typed rows; what is wrong with it is appended to `problems`."""
    columns, rows = _read_lines(path, problems)
    if not columns:
        if required:
            problems.append(
                table_error(path.name, "this table", table_state(path), "Write it: case_id,site.")
            )
        return ()
    known = set(kind.model_fields)
    needed = {name for name, field in kind.model_fields.items() if field.is_required()}
    for name in sorted(set(columns) - known):
        problems.append(
            table_error(
                f"{path.name}: {name}", f"columns {', '.join(sorted(known))}", "an unknown column", "Drop it."
            )
        )
    for name in sorted(needed - set(columns)):
        problems.append(table_error(f"{path.name}: {name}", "this column", "no such column", "Add it."))
    if needed - set(columns):
        return ()
    typed = []
    for number, row in rows:
        try:
            typed.append(kind.model_validate({name: row[name] for name in columns if name in known}))
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False):
                where = f"{path.name} line {number}: {'.'.join(map(str, fault['loc']))}"
                problems.append(table_error(where, "a value of its type", fault["msg"], "Mend the cell."))
    return tuple(typed)


def table_state(path: Path) -> str:
    """Return what a table without columns is: a file without a header, or none."""
    return "no header" if path.is_file() else "no such file"


def read_clinical(path: Path, problems: list[Problem]) -> dict[str, dict[str, str]]:
    """Read clinical.csv as case id -> column -> text as it came."""
    columns, rows = read_table(path, problems)
    if columns and "case_id" not in columns:
        problems.append(table_error(f"{path.name}: case_id", "this column", "no such column", "Add it."))
        return {}
    table: dict[str, dict[str, str]] = {}
    for row in rows:
        case_id = row.pop("case_id")
        if case_id in table:
            problems.append(
                table_error(f"{path.name}: case {case_id}", "one row a case", "a second row", "Keep one row.")
            )
        table[case_id] = row
    return table
