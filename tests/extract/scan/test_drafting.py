from __future__ import annotations

from pathlib import Path

import pytest

from extract.scan import scan
from feature_cache.card import read_card
from feature_cache.errors import ManifestError
from tests.extract.chimera_tree import write_chimera


def test_scanning_again_changes_nothing_and_says_nothing(tmp_path: Path) -> None:
    root = write_chimera(tmp_path / "task1")
    folder = scan("chimera", root, "mine", tmp_path).folder
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert scan("chimera", root, "mine", tmp_path).warnings == ()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_a_person_wrote_is_kept(tmp_path: Path) -> None:
    root = write_chimera(tmp_path / "task1")
    folder = scan("chimera", root, "mine", tmp_path).folder
    by_hand = (folder / "slides.csv").read_text(encoding="utf-8").replace("_tissue.tif,", "_tissue.tif,0.25")
    (folder / "slides.csv").write_text(by_hand, encoding="utf-8")
    card = (folder / "cohort.yaml").read_text(encoding="utf-8").replace("day: 0", "day: 30", 1)
    (folder / "cohort.yaml").write_text(card, encoding="utf-8")
    for path in (root / "notes").rglob("*.txt"):
        path.unlink()
    report = scan("chimera", root, "mine", tmp_path)
    assert (folder / "slides.csv.before").read_text(encoding="utf-8") == by_hand
    assert (folder / "cohort.yaml").read_text(encoding="utf-8") == card
    assert not (folder / "notes.csv").exists() and (folder / "notes.csv.before").exists()
    assert [row.where for row in report.warnings] == ["slides.csv", "notes.csv", "cohort.yaml"]
    assert "kept" in report.describe()


@pytest.mark.parametrize("layout", ["chimera", "mprtm", "leopard"])
def test_shipped_cards_have_no_gap(repository: Path, layout: str) -> None:
    card = read_card(repository / "data_manifests" / layout / "cohort.yaml")
    assert card.name == layout and list(card.gaps()) == []
    assert card.endpoints and card.excluded and not set(card.excluded) & set(card.variables)


@pytest.mark.parametrize("name", ["../elsewhere", "_tmp", ".hidden", "a/b"])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    root = write_chimera(tmp_path / "task1")
    with pytest.raises(ManifestError, match="a name that is one folder"):
        scan("chimera", root, name, tmp_path / "m")


def test_an_unknown_layout_and_an_absent_root_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="expected one of chimera, mprtm, leopard, folder; got picai"):
        scan("picai", tmp_path, "mine", tmp_path)
    with pytest.raises(ManifestError, match="got no folder nowhere"):
        scan("chimera", tmp_path / "nowhere", "mine", tmp_path)
