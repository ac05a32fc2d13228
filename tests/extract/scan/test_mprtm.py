from __future__ import annotations

import csv
from pathlib import Path

import pytest

from extract.clinical.stage import ClinicalStage
from extract.encoders.weights import WeightsSource
from extract.notes.stage import NoteStage
from extract.scan import scan
from feature_cache.canonical import sha256_of_file
from feature_cache.card import Endpoint
from feature_cache.cohort import inspect_cohort, read_cohort
from feature_cache.entry import MISSING, OBSERVED
from feature_cache.errors import ManifestError

HEADER = "ID,CMR_ID,Age,BNP,medical_indicator,Death,MACCES Event,MACCES Cause"


def _write(root: Path, header: str, *rows: str, encoding: str = "utf-8") -> Path:
    root.mkdir(exist_ok=True)
    (root / "table.csv").write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return root


def _outcomes(folder: Path) -> list[dict[str, str]]:
    with (folder / "outcomes.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_real_table(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "tables/mprtm"
    report = scan("mprtm", root, "real", tmp_path)
    cohort, problems = inspect_cohort(report.folder)
    assert problems == [] and report.warnings == () and report.encodings == {"data_example.csv": "utf-8"}
    assert len(cohort.cases) == 10 and len(cohort.card.variables) == 87
    assert {e.kind for e in cohort.card.endpoints.values()} == {"binary"}  # no time column: no survival
    assert report.counts["outcomes"] == 50
    assert not {"Death", "MACCES Cause", "medical_indicator"} & set(cohort.clinical["1"])

    clinical = ClinicalStage()
    resolved = clinical.resolve("weightfree", {}, cohort, WeightsSource())
    missing = 0
    for item in clinical.items(cohort, root, resolved):
        state = clinical.build(item, ()).arrays["state"]
        assert set(state) <= {OBSERVED, MISSING}
        missing += int((state == MISSING).sum())
    assert missing == 21

    notes = NoteStage()
    items = notes.items(cohort, root, notes.resolve("weightfree", {}, cohort, WeightsSource()))
    drafts = [notes.build(item, notes.sources(item, sha256_of_file)) for item in items]
    assert {draft.used["encoding"] for draft in drafts} == {"utf-8"}
    assert drafts[0].attrs["characters"] == 762  # one beta is one character only if it was read as UTF-8


def test_labels_and_causes_go_to_the_outcomes(tmp_path: Path) -> None:
    root = _write(tmp_path / "raw", HEADER, "0071,8,50,nan,Aspirin,1,1,4")
    outcomes = _outcomes(scan("mprtm", root, "mine", tmp_path).folder)
    assert [(row["endpoint"], row["event"], row["time"], row["cause"]) for row in outcomes] == [
        ("death", "1", "", ""),
        ("macces", "1", "", "4"),
    ]


def test_an_endpoint_with_days_becomes_survival_and_comes_first(tmp_path: Path) -> None:
    root = _write(tmp_path / "raw", HEADER + ",MACCES Event_days", "1,8,50,nan,Aspirin,1,0,0,311")
    folder = scan("mprtm", root, "mine", tmp_path).folder
    endpoints = _endpoints(folder)
    assert next(iter(endpoints)) == "macces"
    assert endpoints["macces"].kind == "survival" and endpoints["macces"].time_unit == "days"
    assert endpoints["death"].kind == "binary"
    assert _outcomes(folder)[1]["time"] == "311"
    assert "MACCES Event_days" not in (folder / "clinical.csv").read_text(encoding="utf-8")


def test_readmission_with_death_competing_needs_the_days_of_both(tmp_path: Path) -> None:
    header = "ID,CMR_ID,Age,Death,Rehospitalization,Rehospitalization_days"
    root = _write(tmp_path / "raw", header, "1,8,50,0,1,311")
    assert "readmission" not in _endpoints(scan("mprtm", root, "one", tmp_path).folder)
    root = _write(tmp_path / "raw", header + ",Death_days", "1,8,50,0,1,311,400")
    folder = scan("mprtm", root, "both", tmp_path).folder
    endpoints = _endpoints(folder)
    readmission = endpoints["readmission"]
    assert readmission.kind == "competing" and readmission.horizons_days == (30, 90, 365)
    assert {endpoints[source].kind for source in readmission.first_of.values()} == {"survival"}
    # which came first is not looked at here: the rows are the table's own
    assert {row["endpoint"] for row in _outcomes(folder)} == {"death", "rehospitalization"}


def _endpoints(folder: Path) -> dict[str, Endpoint]:
    return inspect_cohort(folder)[0].card.endpoints


def test_gb18030_is_taken_only_where_utf8_fails_and_recorded(tmp_path: Path) -> None:
    root = _write(tmp_path / "raw", HEADER, "1,8,50,nan,阿司匹林,0,0,0", encoding="gb18030")
    report = scan("mprtm", root, "mine", tmp_path)
    assert report.encodings == {"table.csv": "gb18030"}
    assert "gb18030" in report.describe()


def test_volumes_are_found_by_the_image_key(tmp_path: Path) -> None:
    root = _write(tmp_path / "raw", HEADER, "1,579,50,nan,Aspirin,0,0,0", "579,2,50,nan,Aspirin,0,0,0")
    for name in ("579enhancement_img.nii.gz", "579enhancement_gt.nii.gz", "3enhancement_img.nii.gz"):
        (root / name).touch()
    report = scan("mprtm", root, "mine", tmp_path)
    cohort = inspect_cohort(report.folder)[0]
    assert [(row.case_id, row.sequence, row.spacing_mm) for row in cohort.series] == [("1", "lge", None)]
    assert [(row.case_id, row.region) for row in cohort.masks] == [("1", "scar")]
    assert [row.where for row in report.warnings] == ["volumes of 1 CMR_ID"]


def test_slices_and_stacks_are_series_with_a_mask_in_the_same_file(tmp_path: Path) -> None:
    rows = [f"{case},{image},50,nan,Aspirin,0,0,0" for case, image in (("a", 7), ("b", 8), ("c", 9))]
    root = _write(tmp_path / "raw", HEADER, *rows)
    names = ("7enhancement_slice0.npz", "7enhancement_slice10.npz", "8enhancement.npy.h5", "11.npy.h5",
             "9enhancement_img.nii.gz", "9enhancement_slice0.npz")  # fmt: skip
    for name in names:
        (root / name).touch()
    report = scan("mprtm", root, "mine", tmp_path)
    cohort, problems = inspect_cohort(report.folder)
    assert not [one for one in problems if one.where.startswith(("series", "masks"))]
    listed = {(row.case_id, row.study_id, row.sequence, row.path) for row in cohort.series}
    assert listed == {
        ("a", "slice0", "lge", "7enhancement_slice0.npz"),
        ("a", "slice10", "lge", "7enhancement_slice10.npz"),
        ("b", "lge", "lge", "8enhancement.npy.h5"),
        ("c", "lge", "lge", "9enhancement_img.nii.gz"),  # and not its slice as well
    }
    assert {(row.path, row.region, row.codebook) for row in cohort.masks} == {
        (path, "scar", "1=scar") for *_, path in listed if not path.endswith("nii.gz")
    }
    assert [(row.where, row.got) for row in report.warnings] == [
        ("volumes of 1 CMR_ID", "none"),
        ("volumes of 1 CMR_ID", "several"),
    ]


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("ID,Age", "1,50", "expected one CSV in UTF-8 or GB18030 with the columns ID and CMR_ID; got none"),
        (HEADER, "1,8,50", "other lines \\[2\\]"),
        ("ID,CMR_ID,Age,Age", "1,8,50,50", "doubled columns \\['Age'\\]"),
    ],
)
def test_a_table_that_is_not_this_one_is_refused(tmp_path: Path, header: str, row: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        scan("mprtm", _write(tmp_path / "raw", header, row), "mine", tmp_path)


def test_a_column_that_the_card_does_not_know_is_named(tmp_path: Path) -> None:
    root = _write(tmp_path / "raw", HEADER + ",Shoe size", "1,8,50,nan,Aspirin,0,0,0,43")
    problems = inspect_cohort(scan("mprtm", root, "mine", tmp_path).folder)[1]
    assert ("clinical.csv: Shoe size", "an unknown column") in [(p.where, p.got) for p in problems]
    with pytest.raises(ManifestError, match="Shoe size"):
        read_cohort(tmp_path / "mine")
