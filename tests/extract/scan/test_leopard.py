from __future__ import annotations

from pathlib import Path

import pytest

from extract.scan import scan
from feature_cache.cohort import inspect_cohort
from feature_cache.errors import ManifestError
from tests.extract.chimera_tree import write_slide


def test_the_demo_tables(shared_data: Path, tmp_path: Path) -> None:
    report = scan("leopard", shared_data / "tables/leopard_demo", "demo", tmp_path)
    cohort, problems = inspect_cohort(report.folder)
    assert problems == [] and cohort.case_ids == ("1", "2", "3", "4", "5")
    assert set(cohort.card.variables) == {"isup", "capra_s_score"}
    outcomes = (report.folder / "outcomes.csv").read_text(encoding="utf-8").splitlines()
    assert outcomes[3] == "3,bcr,0,0.090,,"  # the text of the table, not a number made of it
    assert [row.got for row in report.warnings] == ["a second one", "5 cases without"]


def test_labels_alone_make_a_cohort_of_slides_alone(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    root.mkdir()
    (root / "training_labels.csv").write_text("case_id,event,follow_up_years\n007,1,2.5\n", encoding="utf-8")
    write_slide(root / "images/007.tif")
    write_slide(root / "masks/007_tissue.tif")
    write_slide(root / "images/008.tif")
    report = scan("leopard", root, "mine", tmp_path)
    cohort, problems = inspect_cohort(report.folder)
    assert problems == [] and cohort.card.modalities == ("slides",) and not cohort.clinical
    assert [(row.case_id, row.mask_path) for row in cohort.slides] == [("007", "masks/007_tissue.tif")]
    assert [row.where for row in report.warnings] == ["1 TIFF files"]


def test_no_table_of_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="a CSV with case_id, event and follow_up_years"):
        scan("leopard", tmp_path, "mine", tmp_path)


def test_a_mask_named_like_its_slide_is_known_by_its_folder(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    root.mkdir()
    (root / "training_labels.csv").write_text("case_id,event,follow_up_years\n007,1,2.5\n", encoding="utf-8")
    write_slide(root / "images/007.TIF")
    write_slide(root / "Masks/007.tif")
    (slide,) = inspect_cohort(scan("leopard", root, "mine", tmp_path).folder)[0].slides
    assert (slide.path, slide.mask_path) == ("images/007.TIF", "Masks/007.tif")
