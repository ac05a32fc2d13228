from __future__ import annotations

import os
from pathlib import Path

import pytest

from extract.notes.reader import decode, read_note_cell, read_note_file
from feature_cache.errors import SourceError

SECRET = "Dapagliflozin"


def _table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_utf8_comes_first_because_its_bytes_are_also_valid_gb18030() -> None:
    data = "β-blocker".encode()
    assert data.decode("gb18030") != "β-blocker"
    assert decode(data) == ("β-blocker", "utf-8")
    assert decode("阿司匹林".encode("gb18030")) == ("阿司匹林", "gb18030")
    assert decode(b"\xef\xbb\xbfPSA") == ("PSA", "utf-8")


def test_a_cell_is_found_by_its_key_as_text(tmp_path: Path) -> None:
    path = _table(tmp_path, 'ID,note\n0071,"a, b\nc"\n71,other\n')
    note = read_note_cell(path, "ID", "0071", "note", "case 0071, note n")
    assert (note.text, note.encoding) == ("a, b\nc", "utf-8")


def test_a_table_that_changed_is_read_again(tmp_path: Path) -> None:
    path = _table(tmp_path, "ID,note\n1,old\n")
    assert read_note_cell(path, "ID", "1", "note", "n").text == "old"
    path.write_text("ID,note\n1,new\n", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert read_note_cell(path, "ID", "1", "note", "n").text == "new"


def test_a_cell_may_be_longer_than_pythons_limit(tmp_path: Path) -> None:
    path = _table(tmp_path, f"ID,note\n1,{'word ' * 50_000}\n")
    assert len(read_note_cell(path, "ID", "1", "note", "n").text) == 250_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"ID,note\n2,{SECRET}\n", "expected one row with ID = 1; got 0 rows"),
        (f"ID,note\n1,{SECRET}\n1,{SECRET}\n", "expected one row with ID = 1; got 2 rows"),
        (f"ID,text\n1,{SECRET}\n", "expected one column note; got 0 of this name"),
        (f"CASE,note\n1,{SECRET}\n", "expected one column ID; got 0 of this name"),
        (f"ID,note\n1,{SECRET},more\n", "line 2: expected 2 fields; got 3"),
        ("ID,note\n1,  \n", "expected a text; got an empty note"),
        ("ID,note\n1,nan\n", "expected a text; got an empty note"),
    ],
)
def test_a_cell_that_cannot_be_used_is_refused_without_quoting(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read_note_cell(_table(tmp_path, text), "ID", "1", "note", "case 1, note n")
    assert message in str(caught.value) and SECRET not in str(caught.value)


def test_a_file_that_cannot_be_used_is_refused_without_quoting(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    with pytest.raises(SourceError, match=r"case 1, note n: expected the file note\.txt; got no such file"):
        read_note_file(path, "case 1, note n")
    path.write_bytes(SECRET.encode() + b"\xff\xff")
    with pytest.raises(SourceError, match="expected text in UTF-8 or GB18030") as caught:
        read_note_file(path, "case 1, note n")
    # The decoder's own error carries the bytes: it must not travel along.
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    path.write_text("\n \t", encoding="utf-8")
    with pytest.raises(SourceError, match="got an empty note"):
        read_note_file(path, "case 1, note n")
