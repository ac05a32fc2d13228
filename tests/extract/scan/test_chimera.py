from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from extract.scan import scan
from feature_cache.cohort import inspect_cohort, read_cohort
from feature_cache.errors import ManifestError
from feature_cache.tables import ABSENT, NULL
from tests.extract.chimera_tree import FULL, write_chimera, write_mha, write_record, write_slide


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_chimera(tmp_path / "task1")


def _outcomes(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "outcomes.csv").open(encoding="utf-8") as stream:
        return {row["case_id"]: row for row in csv.DictReader(stream)}


def test_a_download_becomes_a_manifest_without_a_problem(root: Path, tmp_path: Path) -> None:
    report = scan("chimera", root, "mine", tmp_path / "m")
    cohort, problems = inspect_cohort(report.folder)
    assert problems == [] and not report.fails
    assert cohort.name == "mine" and cohort.case_ids == ("0071", "1003", "1010")
    assert [row.slide_id for row in cohort.slides] == ["0071_1", "0071_2"]
    assert cohort.slides[1].mask_path == "pathology/images/0071/0071_2_tissue.tif"
    assert [row.sequence for row in cohort.series] == ["adc", "hbv", "t2w"]
    assert [(row.region, row.study_id) for row in cohort.masks] == [("prostate", "0001")]
    assert [row.note_id for row in cohort.notes] == ["0071_1", "0071_2"]
    assert cohort.cases[0].site == "Radboudumc"


def test_absent_null_and_blank_stay_three_things(root: Path, tmp_path: Path) -> None:
    clinical = read_cohort(scan("chimera", root, "mine", tmp_path).folder).clinical
    assert clinical["0071"]["tertiary_gleason"] == ""
    assert clinical["1003"]["tertiary_gleason"] == ABSENT
    assert clinical["1003"]["lymphovascular_invasion"] == NULL
    assert clinical["0071"]["positive_surgical_margins"] == "2"
    assert clinical["0071"]["capsular_penetration"] == "1.0"


def test_outcomes_are_verbatim_and_in_no_other_table(root: Path, tmp_path: Path) -> None:
    folder = scan("chimera", root, "mine", tmp_path).folder
    outcomes = _outcomes(folder)
    assert outcomes["0071"] == {
        "case_id": "0071", "endpoint": "bcr", "event": "1.0", "time": "12.5", "cause": "", "value": "0.21"
    }  # fmt: skip
    assert outcomes["1003"]["value"] == ABSENT and outcomes["1010"]["event"] == "1"
    header = (folder / "clinical.csv").read_text(encoding="utf-8").splitlines()[0]
    assert not {"BCR", "BCR_PSA", "time_to_follow-up/BCR"} & set(header.split(","))


def test_flat_folders_and_the_repack_give_the_same_items(root: Path, tmp_path: Path) -> None:
    flat, repack = tmp_path / "flat", tmp_path / "repack"
    flat.mkdir()
    for path in (p for p in root.rglob("*") if p.is_file() and p.suffix != ".txt"):
        shutil.copy(path, flat / path.name)
    shutil.copytree(root, repack)
    (repack / "radiology/images/0071").rename(repack / "radiology/mpMRI")
    (repack / "radiology/prostate_mask_t2w").mkdir()
    (repack / "radiology/mpMRI/0071_0001_mask.mha").rename(
        repack / "radiology/prostate_mask_t2w/0071_0001_mask.mha"
    )
    (repack / "data_split_5fold.csv").write_text("fold\n", encoding="utf-8")
    wanted = scan("chimera", root, "a", tmp_path / "m").counts
    assert scan("chimera", flat, "b", tmp_path / "m").counts == wanted | {"notes": 0}
    report = scan("chimera", repack, "c", tmp_path / "m")
    assert report.counts == wanted
    assert [row.where for row in report.warnings] == ["data_split_5fold.csv"]


def test_of_several_studies_the_first_is_taken_and_said(root: Path, tmp_path: Path) -> None:
    write_mha(root / "radiology/images/0071/0071_0002_t2w.mha", (8, 8, 4))
    report = scan("chimera", root, "mine", tmp_path)
    assert [row.got for row in report.warnings] == ["2 studies"]
    assert {row.study_id for row in read_cohort(report.folder).series} == {"0001"}


def test_a_slide_without_mask_and_a_mask_without_slide_are_named(root: Path, tmp_path: Path) -> None:
    write_slide(root / "pathology/images/1003/1003_1.tif")
    (root / "pathology/images/0071/0071_1.tif").unlink()
    warnings = scan("chimera", root, "mine", tmp_path).warnings
    assert [row.where for row in warnings] == ["case 1003, slide 1003_1", "mask 0071_1_tissue.tif"]


@pytest.mark.parametrize("text", ["{not json", json.dumps([FULL, FULL]), '{"BCR": {"a": 1}}'])
def test_a_bad_record_fails_and_loses_no_other_case(root: Path, tmp_path: Path, text: str) -> None:
    (root / "clinical_data/0071.json").write_text(text, encoding="utf-8")
    report = scan("chimera", root, "mine", tmp_path)
    assert report.fails and report.counts["clinical"] == 2 and report.counts["cases"] == 3
    assert report.warnings[0].where == "case 0071, 0071.json"


def test_the_same_case_twice_is_left_for_check_to_refuse(root: Path, tmp_path: Path) -> None:
    write_record(root / "again", "1010", FULL)
    _, problems = inspect_cohort(scan("chimera", root, "mine", tmp_path).folder)
    assert [(p.where, p.got) for p in problems] == [("clinical.csv: case 1010", "a second row")]


def test_scan_reads_no_outcome_value(root: Path, tmp_path: Path) -> None:
    write_record(root, "0071", FULL | {"BCR": "perhaps", "time_to_follow-up/BCR": -3})
    report = scan("chimera", root, "mine", tmp_path)
    assert report.warnings == ()
    assert _outcomes(report.folder)["0071"]["event"] == "perhaps"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match="scan chimera: expected at least one case"):
        scan("chimera", tmp_path / "empty", "mine", tmp_path)


def test_suffixes_in_upper_case_are_taken_too(root: Path, tmp_path: Path) -> None:
    wanted = scan("chimera", root, "a", tmp_path / "m").counts
    for path in [path for path in root.rglob("*") if path.is_file()]:
        path.rename(path.with_suffix(path.suffix.upper()))
    report = scan("chimera", root, "b", tmp_path / "m")
    assert report.counts == wanted and report.warnings == ()


def test_what_is_not_of_the_download_is_counted_and_no_patient(root: Path, tmp_path: Path) -> None:
    (root / "2024.json").write_text('{"version": 3}', encoding="utf-8")
    (root / "readme.PDF").write_bytes(b"")
    (root / "radiology/0071_0001_dce.mha").write_bytes(b"")
    (root / "pathology/0071_1.pt").write_bytes(b"")  # features of others belong to the download
    report = scan("chimera", root, "mine", tmp_path)
    assert read_cohort(report.folder).case_ids == ("0071", "1003", "1010") and not report.fails
    assert [row.where for row in report.warnings] == ["1 files *.json", "1 files *.mha", "1 files *.pdf"]
