"""What is too large or too deep to be true is refused before it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract.limits import MOST_NOTE_BYTES, MOST_NOTE_TABLE_BYTES, MOST_RECORD_BYTES
from extract.notes.reader import read_note_cell, read_note_file
from extract.scan import scan
from feature_cache.errors import Problem, SourceError
from feature_cache.tables import LARGEST_TABLE, read_table
from tests.extract.chimera_tree import write_chimera


def hollow(path: Path, size: int) -> Path:
    """Make a file that says it is so large and takes no room."""
    with path.open("wb") as stream:
        stream.truncate(size)
    return path


def test_a_note_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = hollow(tmp_path / "note.txt", 3 * 2**30)
    with pytest.raises(SourceError) as caught:
        read_note_file(path, "case 1, note n")
    assert str(caught.value) == (
        "case 1, note n: expected at most 16,777,216 bytes in note.txt; got 3,221,225,472. "
        "It is another kind of file: mend the path, or cut it into parts."
    )
    hollow(path, MOST_NOTE_BYTES)
    with pytest.raises(SourceError, match="no word at all"):
        read_note_file(path, "case 1, note n")


def test_nor_is_a_table_of_notes(tmp_path: Path) -> None:
    path = hollow(tmp_path / "notes.csv", MOST_NOTE_TABLE_BYTES + 1)
    with pytest.raises(SourceError, match=r"at most 536,870,912 bytes in notes\.csv; got 536,870,913"):
        read_note_cell(path, "id", "1", "letter", "case 1, note n")


def test_nor_is_a_table_of_a_manifest(tmp_path: Path) -> None:
    problems: list[Problem] = []
    assert read_table(hollow(tmp_path / "slides.csv", LARGEST_TABLE + 1), problems) == ([], [])
    assert [(problem.where, problem.got) for problem in problems] == [
        ("slides.csv", "268,435,457 bytes, more than 268,435,456")
    ]


@pytest.mark.parametrize("kind", ["large", "deep"])
def test_nor_is_a_record_without_measure(tmp_path: Path, kind: str) -> None:
    root = write_chimera(tmp_path / "task1")
    record = root / "clinical_data/0071.json"
    if kind == "large":
        hollow(record, MOST_RECORD_BYTES + 1)
    else:
        record.write_text("[" * 1_000_000, encoding="utf-8")
    report = scan("chimera", root, "mine", tmp_path / "m")
    assert report.fails
    got = "16,777,217" if kind == "large" else "RecursionError"
    assert [p.got for p in report.warnings if p.fails] == [got]
