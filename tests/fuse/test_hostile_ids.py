"""Ids that a spreadsheet would run, or a browser: through a whole run, its tables, its page and its rerun."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_cache.csv_lines import FORMULA_STARTS
from fuse.__main__ import app
from fuse.files import read_csv
from tests.fuse.tiny_cohort import write_tiny

HOSTILE = {
    "0000": "=1+1",
    "0001": "'=1+1",
    "0002": "+A1",
    "0007": "-2",
    "0008": "@SUM(A1:A9)",
    "0009": "\t=1",
    "0011": "\r=1",
    "0012": '=HYPERLINK("http://x";"y")',
    "0013": "<script>alert(1)</script>",
    "0014": '"><img src=x onerror=alert(1)>',
}


def test_a_cohort_of_hostile_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    tiny = write_tiny(tmp_path / "tiny", rename=lambda case: HOSTILE.get(case, case))
    run = tmp_path / "run"
    words = ["benchmark", str(tiny.cohort), "--cache", str(tiny.cache), "--out", str(run), "--jobs", "1"]
    done = CliRunner().invoke(app, [*words, "--protocol", str(tiny.protocol)])
    assert done.exit_code == 0, done.output
    tables = sorted(run.rglob("*.csv"))
    assert len(tables) == 26
    for path in tables:
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.reader(stream):
                assert not any(cell.startswith(FORMULA_STARTS) for cell in row if not is_number(cell))
    of_weights = {row["case_id"] for row in read_csv(run / "weights.csv")[1]}
    assert set(HOSTILE.values()) <= of_weights
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    again = CliRunner().invoke(app, ["rerun", str(run), "--jobs", "1"])
    assert again.exit_code == 0, again.output
    assert "bitwise the same" in again.stdout


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
