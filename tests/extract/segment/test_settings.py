"""Settings of a fit and the record of one: what is unknown is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract.segment.record import RECORD_NAME, read_record
from extract.segment.settings import FitSettings, read_settings
from feature_cache.errors import RecipeError


def test_an_empty_file_and_no_file_are_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("", encoding="utf-8")
    assert read_settings(tmp_path / "s.yaml") == read_settings(None) == FitSettings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch: 3", "s.yaml: epoch: expected a setting of a fit; got Extra inputs are not permitted"),
        ("side_px: 100", "multiple of 32"),
        ("inplane_mm: 0", "a pixel side from 0.1 to 20 mm"),
        ("network: {width: 3}", "network.width"),
        ("epochs: 1\nepochs: 2", "got none"),
        (None, "got no such file"),
    ],
)
def test_what_is_no_setting_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        read_settings(tmp_path / "s.yaml")


def test_native_pixels_can_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("inplane_mm: native\nsequence: ' T2W'", encoding="utf-8")
    read = read_settings(tmp_path / "s.yaml")
    assert (read.inplane_mm, read.sequence) == ("native", "t2w")


def test_a_record_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="got no such folder"):
        read_record(tmp_path / "away")
    (tmp_path / RECORD_NAME).write_text("schema_version: 2", encoding="utf-8")
    with pytest.raises(RecipeError, match="something else at schema_version"):
        read_record(tmp_path)
