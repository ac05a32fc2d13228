"""Files are opened in children: what takes one down is a row, and the check goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract.caps import Caps
from extract.check import check, raw_files
from tests.extract.chimera_tree import write_mask, write_mha, write_slide


def test_problems_of_files_come_back_in_the_order_of_the_tables(cohort: Path, root: Path) -> None:
    (root / "pathology/images/0071/0071_2.tif").write_bytes(b"II*\0 no slide")
    (root / "pathology/images/0071/0071_1.tif").write_bytes(b"II*\0 no slide")
    (root / "notes/0071/0071_2.txt").write_text(" ", encoding="utf-8")
    write_mha(root / "radiology/images/0071/0071_0001_adc.mha", (4, 4, 4), cut=10)
    failures = [problem.where for problem in check(cohort, root) if problem.fails]
    assert failures == [
        "slides.csv: case 0071, slide 0071_1, 0071_1.tif",
        "slides.csv: case 0071, slide 0071_2, 0071_2.tif",
        "series.csv: case 0071, 0001/adc, 0071_0001_adc.mha",
        "notes.csv: case 0071, note 0071_2",
    ]


def test_every_row_whose_child_is_ended_is_named(
    cohort: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_files, "header_caps", lambda workers: Caps(memory_gb=0.01, seconds=600))
    problems = [problem for problem in check(cohort, root) if problem.fails]
    assert [problem.where for problem in problems] == [
        "slides.csv: case 0071, slide 0071_1",
        "slides.csv: case 0071, slide 0071_2",
        "series.csv: case 0071, study 0001",
        "notes.csv: case 0071, note 0071_1",
        "notes.csv: case 0071, note 0071_2",
    ]
    assert {problem.expected for problem in problems} == {"files whose headers can be opened"}
    assert all(problem.got.endswith("and was ended (cap 0.01)") for problem in problems)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_what_is_wrong_with_all_rows_alike_is_said_once(cohort: Path, root: Path) -> None:
    edit(cohort / "notes.csv", ".txt,,", ".txt,letter,")
    edit(cohort / "slides.csv", "_tissue.tif,", "_tissue.tif,0.26")
    for number in (1, 2):
        write_slide(root / f"pathology/images/0071/0071_{number}.tif", mpp=0.5)
        write_mask(root / f"pathology/images/0071/0071_{number}_tissue.tif", mpp=0.26 * 256 / 32)
    problems = [problem for problem in check(cohort, root) if "clinical" not in problem.where]
    assert [(problem.level, problem.where) for problem in problems] == [
        ("warning", "slides.csv: case 0071, slide 0071_1 and 1 more"),
        ("error", "cohort.yaml: note_key"),
    ]
