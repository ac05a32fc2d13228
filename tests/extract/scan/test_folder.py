from __future__ import annotations

from pathlib import Path

import pytest

from extract.scan import scan
from extract.scan.folder_card import endpoint_names, outcome_columns
from feature_cache.cohort import inspect_cohort
from feature_cache.errors import ManifestError, Problem
from tests.extract.chimera_tree import write_mask, write_mha, write_slide

CLINICAL = "case_id,psa,sex,stage,site_of_care,follow_up_months\n0071,4.5,0,2,north,12\nB,<0.1,1,3,south,9\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "raw"
    write_slide(root / "0071/one.tif")
    write_mask(root / "0071/one_mask.tif")
    write_slide(root / "0071/two.svs")
    write_mha(root / "B/mri/B_t2w.mha", (4, 4, 2))
    write_mha(root / "B/mri/B_t2w_seg.mha", (4, 4, 2))
    (root / "B/letter.txt").write_text("well", encoding="utf-8")
    (root / "B/readme.doc").write_text("", encoding="utf-8")
    (root / "clinical.csv").write_text(CLINICAL, encoding="utf-8")
    (root / "outcomes.csv").write_text("case_id,event,time_months\n0071,1,8\nB,0,9\n", encoding="utf-8")
    return root


def test_whatever_is_in_the_folders_is_listed(root: Path, tmp_path: Path) -> None:
    report = scan("folder", root, "mine", tmp_path)
    cohort, _ = inspect_cohort(report.folder)
    assert cohort.case_ids == ("0071", "B")
    assert [(row.slide_id, row.mask_path) for row in cohort.slides] == [
        ("one", "0071/one_mask.tif"),
        ("two", None),
    ]
    assert [(row.study_id, row.series_id) for row in cohort.series] == [("mri", "t2w")]
    assert [(row.study_id, row.region) for row in cohort.masks] == [("mri", "t2w_seg")]
    assert [row.path for row in cohort.notes] == ["B/letter.txt"]
    assert [row.where for row in report.warnings] == ["1 files .doc"]


def test_every_gap_of_the_draft_is_named(root: Path, tmp_path: Path) -> None:
    cohort, problems = inspect_cohort(scan("folder", root, "mine", tmp_path).folder)
    assert {problem.level for problem in problems} == {"gap"}
    assert {problem.where.removeprefix("cohort.yaml: ") for problem in problems} == {
        "title", "citation", "licence", "index_event", "prediction_day",
        "undated.slides", "undated.series", "undated.notes",
        "variables.psa.unit", "variables.stage.kind", "variables.site_of_care.kind",
        "ignored.follow_up_months", "endpoints.outcome.definition", "endpoints.outcome.horizon_days",
    }  # fmt: skip
    assert cohort.card.variables["sex"].kind == "binary"
    assert cohort.card.endpoints["outcome"].time_unit == "months"
    with pytest.raises(ManifestError, match="prediction_day"):
        _ = cohort.card.prediction_day_number


def test_outcomes_are_copied_under_their_names(root: Path, tmp_path: Path) -> None:
    folder = scan("folder", root, "mine", tmp_path).folder
    lines = (folder / "outcomes.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ["case_id,endpoint,event,time,cause,value", "0071,outcome,1,8,,", "B,outcome,0,9,,"]


def test_kinds_of_endpoints_come_from_the_header_alone() -> None:
    problems: list[Problem] = []
    assert outcome_columns(["case_id", "event", "follow_up_years"], problems)[1] == "years"
    assert outcome_columns(["event"], problems) == ({}, None)
    assert outcome_columns(["case_id", "mood"], problems)[0] == {"case_id": "case_id"}
    assert [problem.where for problem in problems] == ["outcomes.csv: case_id", "outcomes.csv: mood"]
    rows = [{"endpoint": "death"}, {"endpoint": "death"}]
    kinds = [
        endpoint_names(rows, columns, None)["death"]["kind"].split(":")[0]
        for columns in ({"event", "time"}, {"event"}, {"event", "time", "cause"})
    ]
    assert kinds == ["survival", "binary", "GAP"]


def test_a_case_twice_in_the_table_is_left_for_check(root: Path, tmp_path: Path) -> None:
    (root / "clinical.csv").write_text(CLINICAL + "B,3,1,3,south,9\n", encoding="utf-8")
    problems = inspect_cohort(scan("folder", root, "mine", tmp_path).folder)[1]
    assert ("clinical.csv: case B", "a second row") in [(p.where, p.got) for p in problems]


def test_a_table_in_another_encoding_is_named(root: Path, tmp_path: Path) -> None:
    (root / "clinical.csv").write_bytes("case_id,Größe\n0071,4\n".encode("latin-1"))
    report = scan("folder", root, "mine", tmp_path)
    assert report.fails
    assert [row.got for row in report.warnings if row.fails] == ["another encoding"]


def test_suffixes_in_upper_case_are_taken_too(root: Path, tmp_path: Path) -> None:
    wanted = scan("folder", root, "a", tmp_path / "m").counts
    for path in [path for path in root.glob("*/**/*") if path.is_file()]:
        path.rename(path.with_suffix(path.suffix.upper()))
    (root / "0071/one_mask.TIF").rename(root / "0071/one_MASK.TIF")
    report = scan("folder", root, "b", tmp_path / "m")
    assert report.counts == wanted
    assert [row.mask_path for row in inspect_cohort(report.folder)[0].slides] == ["0071/one_MASK.TIF", None]


def test_ids_that_differ_in_leading_zeros_are_named(root: Path, tmp_path: Path) -> None:
    (root / "clinical.csv").write_text(CLINICAL.replace("0071", "71") + "C,3,1,3,south,9\n", encoding="utf-8")
    (root / "readme.txt").write_text("", encoding="utf-8")
    warnings = scan("folder", root, "mine", tmp_path).warnings
    assert [(row.where, row.got) for row in warnings] == [
        ("1 files .doc", "another kind"),
        ("case 71", "a folder 0071"),
        ("the tables", "2 cases without"),
    ]


def test_no_name_of_a_person_is_copied_into_the_card(root: Path, tmp_path: Path) -> None:
    """Who a person is stands in columns of telling names, and in columns that hardly repeat a value."""
    people = ["Anna", "Bert", "Carla", "Dora", "Emil", "Fritz"]
    lines = ["case_id,name,contact,Date of birth,mrn,surgeon,ward,stage"]
    for number, person in enumerate(people):
        ward, stage = "north" if number % 2 else "south", 1 + number % 3
        lines.append(f"{number},{person},{person}s mother,19{number}0-01-01,{number},Dr Weiss,{ward},{stage}")
    (root / "clinical.csv").write_text("\n".join(lines), encoding="utf-8")
    folder = scan("folder", root, "mine", tmp_path).folder
    text = (folder / "cohort.yaml").read_text(encoding="utf-8")
    assert not any(word in text for word in (*people, "mother", "1900", "Weiss"))
    variables = inspect_cohort(folder)[0].card.variables
    for column in ("name", "contact", "Date of birth", "mrn", "surgeon"):
        assert "an identifier? put it under ignored" in variables[column].kind
    assert variables["ward"].levels == ("north", "south") and variables["stage"].levels == ("1", "2", "3")
