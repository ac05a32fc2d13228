"""The suite of studies: some of them alone, one that breaks down, and what is written down."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests import measurement
from tests.measurement import Measured
from tests.published import __main__ as suite


def _found() -> list[Measured]:
    return [Measured(name="fuse/made_up", value=1.0, unit="C", bar=">= .8", met=True, input="nothing")]


def _broken() -> list[Measured]:
    raise KeyError("a slip of the study itself")


@pytest.fixture(autouse=True)
def two_studies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(suite, "STUDIES", {"volumes/broken": _broken, "fuse/found": _found})
    monkeypatch.setattr(measurement, "ROOT", tmp_path)
    monkeypatch.setattr(measurement, "commit", lambda: "0" * 40)


def test_a_study_that_breaks_down_is_a_miss_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["published"])
    assert suite.main() == 1
    broken, found = json.loads((tmp_path / "results/published.json").read_text(encoding="utf-8"))
    assert (broken["name"], broken["met"]) == ("volumes/broken_not_finished", False)
    assert broken["input"] == "python -m tests.published --only volumes/broken ended with KeyError"
    assert (found["name"], found["met"], found["commit"]) == ("fuse/made_up", True, "0" * 40)
    told = capsys.readouterr().err
    assert "a slip of the study itself" in told
    assert "fuse/found: 0 of 1 bars missed" in told


def test_some_studies_alone_are_printed_and_not_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["published", "--only", "fuse/found"])
    assert suite.main() == 0
    assert not (tmp_path / "results").exists()
    assert capsys.readouterr().out.startswith("fuse/made_up")
