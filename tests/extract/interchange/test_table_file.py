from __future__ import annotations

import gzip
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.interchange import table_file
from extract.interchange.table_file import NotNumericError, open_table, parse_numbers
from feature_cache.errors import SourceError

TEXT = "case_id,a,b\r\n1,0.5,\r\n\r\n007,-1e3,2\r\n"


def contents(path: Path) -> tuple[tuple[str, ...], list[tuple[int, list[str]]]]:
    with open_table(path) as table:
        return table.columns, list(table.rows)


def packed(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    if name.lower().endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode("utf-8-sig")))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"./{name}", text)
            archive.writestr("__MACOSX/._table.csv", "x")
    else:
        path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    "name", ["t.csv", "t.tsv", "t.txt", "t", "t.csv.gz", "t.tsv.gz", "t.csv.zip", "t.zip", "T.CSV.GZ"]
)
def test_every_form_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    text = TEXT.replace(",", "\t") if "tsv" in name or name == "t" else TEXT
    columns, rows = contents(packed(tmp_path, name, text))
    assert columns == ("case_id", "a", "b")
    assert rows == [(2, ["1", "0.5", ""]), (4, ["007", "-1e3", "2"])]


def test_quoted_names_and_cells(tmp_path: Path) -> None:
    columns, rows = contents(packed(tmp_path, "t.csv", 'case_id,"a,b"\n"x\ny",1\n2,3\n'))
    assert columns == ("case_id", "a,b")
    assert rows == [(3, ["x\ny", "1"]), (4, ["2", "3"])]


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("t.csv", b"case_id,a\n1,2,3\n", "line 2: expected 2 cells, as in the header; got 3"),
        ("t.csv", b"a,b\n1\t2\t3,4,5\n", "line 2: expected 2 cells"),
        ("t.csv", b"case_id\ta\n1\t2\n", "several columns, parted by commas or tabs; got 1"),
        ("t.csv", b"", "got 0 column"),
        ("t.csv", b"case_id;a;b\n1;2,5;3\n", "got 1 column.* and 2 semicolon.* points in numbers"),
        ("t.csv", b"case_id,a\n\xff,1\n", "a table in UTF-8; got another encoding"),
        ("t.csv", b"case_id,a\n1\0,1\n", "a table of text; got NUL characters"),
        ("t.csv", b"case_id,a\n" + b"1" * 200_000 + b",2\n", "field larger than field limit"),
        ("t.csv.gz", b"case_id,a\n1,2\n", "a table that can be read"),
        ("t.csv.gz", gzip.compress(TEXT.encode())[:-6], "a table that can be read; got EOFError"),
        ("t.zip", b"PK", "a table that can be read; got BadZipFile"),
        ("absent.csv", None, "No such file"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, raw: bytes | None, message: str) -> None:
    if raw is not None:
        (tmp_path / name).write_bytes(raw)
    with pytest.raises(SourceError, match=message):
        contents(tmp_path / name)


def test_an_archive_of_several_tables_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    with pytest.raises(SourceError, match="one table in it; got 2 files"):
        contents(tmp_path / "t.zip")


@pytest.mark.parametrize("limit", ["LONGEST_LINE", "MOST_CHARACTERS"])
def test_a_table_without_measure_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(table_file, limit, 20)
    with pytest.raises(SourceError, match="without measure"):
        contents(packed(tmp_path, "t.csv.gz", f"case_id,a\n{'1' * 30},2\n"))


@pytest.mark.parametrize("cell", ["", "NA", "nan", "NaN", "na", " ", " NA "])
def test_missing_is_nan(cell: str) -> None:
    assert math.isnan(parse_numbers([cell, "1"])[0])
    assert parse_numbers([cell, "1"])[1] == 1


@pytest.mark.parametrize(("cell", "value"), [("inf", np.inf), ("-Infinity", np.inf), ("1e999", np.inf)])
def test_infinite_is_infinite(cell: str, value: float) -> None:
    assert abs(parse_numbers([cell])[0]) == value


@pytest.mark.parametrize("cell", ["1_0", "a", "1,5", "0x10", "１", "TRUE", "<0.1", "1-2", "null", "1 2", "e"])
def test_other_texts_are_no_numbers(cell: str) -> None:
    with pytest.raises(NotNumericError) as caught:
        parse_numbers(["1", cell, "", cell])
    assert caught.value.places == [1, 3]
    assert caught.value.decimal_comma == (cell == "1,5")


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))))
def test_numbers_come_back_to_the_last_bit(numbers: list[float | None]) -> None:
    values = parse_numbers(["" if number is None else repr(number) for number in numbers])
    expected = np.array([np.nan if number is None else number for number in numbers])
    np.testing.assert_array_equal(values, expected.astype(float))
