from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from extract.check import check, refusals
from extract.scan import scan
from feature_cache.cohort import read_cohort
from feature_cache.errors import Problem
from tests.extract.chimera_tree import FULL, write_mask, write_mha, write_record, write_slide

pytestmark = pytest.mark.usefixtures("in_this_process")


def _failures(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.where, problem.got) for problem in problems if problem.fails]


def _edit_card(cohort: Path, edit: Callable[[dict], None]) -> None:
    document = yaml.safe_load((cohort / "cohort.yaml").read_text(encoding="utf-8"))
    edit(document)
    (cohort / "cohort.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def _edit_table(path: Path, edit: Callable[[list[list[str]]], None]) -> None:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    edit(rows)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def test_a_sound_download_has_warnings_at_most(cohort: Path, root: Path) -> None:
    problems = check(cohort, root)
    assert [(p.level, p.where) for p in problems] == [("warning", "clinical.csv: case 1003")]
    assert "ISUP disagrees" in problems[0].got


def test_outcomes_are_not_needed_nor_read(cohort: Path, root: Path) -> None:
    before = check(cohort, root)
    (cohort / "outcomes.csv").write_text("nonsense", encoding="utf-8")
    assert check(cohort, root) == before
    (cohort / "outcomes.csv").unlink()
    assert check(cohort, root) == before


def test_every_gap_of_a_draft_is_named(tmp_path: Path) -> None:
    (tmp_path / "raw/A").mkdir(parents=True)
    (tmp_path / "raw/A/letter.txt").write_text("well", encoding="utf-8")
    folder = scan("folder", tmp_path / "raw", "mine", tmp_path).folder
    gaps = {p.where for p in check(folder, tmp_path / "raw") if p.level == "gap"}
    assert {"cohort.yaml: prediction_day", "cohort.yaml: index_event", "cohort.yaml: undated.notes"} <= gaps


class TestSlides:
    where = "slides.csv: case 0071, slide 0071_1"

    def _path(self, root: Path, name: str = "0071_1.tif") -> Path:
        return root / "pathology/images/0071" / name

    def test_absent(self, cohort: Path, root: Path) -> None:
        self._path(root).unlink()
        assert _failures(check(cohort, root)) == [(self.where, "no such file")]

    def test_unreadable(self, cohort: Path, root: Path) -> None:
        self._path(root).write_bytes(b"II*\x00 no slide")
        ((where, _),) = _failures(check(cohort, root))
        assert where == f"{self.where}, 0071_1.tif"

    def test_without_scale_it_is_refused_until_the_manifest_gives_it(self, cohort: Path, root: Path) -> None:
        write_slide(self._path(root), mpp=None)
        assert _failures(check(cohort, root)) == [(f"{self.where}, 0071_1.tif", "none that can be trusted")]
        _edit_table(cohort / "slides.csv", lambda rows: rows[1].__setitem__(4, "0.25"))
        assert _failures(check(cohort, root)) == []

    def test_mask_of_another_slide(self, cohort: Path, root: Path) -> None:
        write_mask(self._path(root, "0071_1_tissue.tif"), (60, 24))
        assert _failures(check(cohort, root)) == [
            (f"{self.where}, mask 0071_1_tissue.tif", "one of 120 x 48 um")
        ]

    def test_mask_without_scale_is_compared_by_shape(self, cohort: Path, root: Path) -> None:
        mask = self._path(root, "0071_1_tissue.tif")
        write_mask(mask, (16, 12), mpp=352.8)
        assert _failures(check(cohort, root)) == []
        write_mask(mask, (12, 16), mpp=352.8)
        assert _failures(check(cohort, root)) == [
            (f"{self.where}, mask {mask.name}", "another shape, and no resolution")
        ]

    def test_mask_that_is_a_picture(self, cohort: Path, root: Path) -> None:
        write_slide(self._path(root, "0071_1_tissue.tif"))
        ((_, got),) = _failures(check(cohort, root))
        assert got == "3 channels of 256 x 192 px"

    def test_path_outside_the_root(self, cohort: Path, root: Path) -> None:
        _edit_table(cohort / "slides.csv", lambda rows: rows[1].__setitem__(2, "../task1/x.tif"))
        assert _failures(check(cohort, root)) == [(self.where, "an absolute path or one with ..")]

    def test_a_link_out_of_the_root(self, cohort: Path, root: Path) -> None:
        outside = root.parent / "outside.tif"
        self._path(root).rename(outside)
        self._path(root).symlink_to(outside)
        assert _failures(check(cohort, root)) == [(self.where, "a link that leads out of it")]

    def test_real_slides(self, shared_data: Path, tmp_path: Path) -> None:
        for case_id, name in {
            "A": "cmu-1-small-region/CMU-1-Small-Region.svs",
            "B": "tcga-no-mpp/tcga-cr-7395-01a-01-ts1.svs",
            "C": "odd/broken.svs",
        }.items():
            (tmp_path / "raw" / case_id).mkdir(parents=True)
            shutil.copy(shared_data / "slides" / name, tmp_path / "raw" / case_id / "slide.svs")
        folder = scan("folder", tmp_path / "raw", "mine", tmp_path).folder
        errors = [p for p in check(folder, tmp_path / "raw") if p.level == "error"]
        assert [p.where for p in errors] == [f"slides.csv: case {c}, slide slide, slide.svs" for c in "BC"]
        _edit_table(folder / "slides.csv", lambda rows: rows[2].__setitem__(4, "0.5"))
        errors = [p for p in check(folder, tmp_path / "raw") if p.level == "error"]
        assert [p.where for p in errors] == ["slides.csv: case C, slide slide, slide.svs"]


class TestVolumes:
    def _path(self, root: Path, what: str) -> Path:
        return root / f"radiology/images/0071/0071_0001_{what}.mha"

    def test_a_series_cut_short(self, cohort: Path, root: Path) -> None:
        write_mha(self._path(root, "adc"), (4, 4, 4), cut=10)
        ((where, got),) = _failures(check(cohort, root))
        assert where == "series.csv: case 0071, 0001/adc, 0071_0001_adc.mha"
        assert got.startswith("a file of ")

    def test_a_series_that_is_none(self, cohort: Path, root: Path) -> None:
        self._path(root, "hbv").write_bytes(b"\x00" * 500)
        where = "series.csv: case 0071, 0001/hbv, 0071_0001_hbv.mha"
        assert _failures(check(cohort, root)) == [(where, "no MetaImage header")]

    def test_a_mask_on_another_grid(self, cohort: Path, root: Path) -> None:
        where = "masks.csv: case 0071, 0001/prostate, 0071_0001_mask.mha"
        write_mha(self._path(root, "mask"), (8, 8, 4), offset=0.2)
        assert _failures(check(cohort, root)) == []  # less than half a voxel of 0.5 mm
        write_mha(self._path(root, "mask"), (8, 8, 4), offset=0.4)
        ((found, got),) = _failures(check(cohort, root))
        assert found == where and "origin 0.4 mm and furthest corner 0.4 mm away" in got
        write_mha(self._path(root, "mask"), (8, 8, 5))
        ((found, got),) = _failures(check(cohort, root))
        assert found == where
        assert got == "8 x 8 x 5 voxels where adc has 4 x 4 x 4, hbv has 4 x 4 x 4, t2w has 8 x 8 x 4"

    def test_two_series_of_one_sequence(self, cohort: Path, root: Path) -> None:
        _edit_table(cohort / "series.csv", lambda rows: rows[1].__setitem__(3, "T2W"))
        assert _failures(check(cohort, root)) == [("series.csv: case 0071, study 0001", "2 of t2w")]

    def test_a_codebook_of_another_form(self, cohort: Path, root: Path) -> None:
        _edit_table(cohort / "masks.csv", lambda rows: rows[1].__setitem__(4, "prostate"))
        ((where, got),) = _failures(check(cohort, root))
        assert where == "masks.csv: case 0071, 0001/prostate" and got.startswith("another form")

    def test_spacing_that_the_header_contradicts(self, cohort: Path, root: Path) -> None:
        _edit_table(cohort / "series.csv", lambda rows: rows[1].__setitem__(6, "1;1;3"))
        ((_, got),) = _failures(check(cohort, root))
        assert got == "1 x 1 x 3 mm"

    def test_what_is_odd_is_summed_up(self, cohort: Path, root: Path) -> None:
        for what in ("t2w", "adc", "hbv", "mask"):
            write_mha(self._path(root, what), (8, 8, 4), spacing_mm="1 1 1")
        ((where, got),) = [
            (p.where, p.got) for p in check(cohort, root) if p.level == "warning" and "series" in p.where
        ]
        assert where == "series.csv: case 0071, 0001/adc and 2 more"
        assert got == "a spacing of 1 x 1 x 1 counts as unknown: nothing in mm"


class TestNotes:
    where = "notes.csv: case 0071, note 0071_1"

    @pytest.mark.parametrize(
        ("data", "got"),
        [
            (b"  \n", "an empty note"),
            (b"\xe2\x80\xa6", "no word at all"),
            (b"left \xff\xff nodule", "bytes that are neither"),
            (None, "no such file"),
        ],
    )
    def test_a_note_that_cannot_be_read(self, cohort: Path, root: Path, data: bytes | None, got: str) -> None:
        path = root / "notes/0071/0071_1.txt"
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        ((where, found),) = _failures(check(cohort, root))
        assert where.startswith(self.where) and found == got
        assert "nodule" not in str(check(cohort, root))

    def test_a_row_that_the_table_lacks(self, shared_data: Path, tmp_path: Path) -> None:
        raw = tmp_path / "raw"
        shutil.copytree(shared_data / "tables/mprtm", raw)
        folder = scan("mprtm", raw, "mine", tmp_path).folder
        assert check(folder, raw) == []
        _edit_table(raw / "data_example.csv", lambda rows: rows.pop(3))
        assert _failures(check(folder, raw)) == [
            ("notes.csv: case 3, note medical_indicator, data_example.csv", "0 rows")
        ]


class TestTables:
    def test_values_and_codes(self, cohort: Path, root: Path, tmp_path: Path) -> None:
        write_record(root, "1010", FULL | {"pT_stage": "5", "pre_operative_PSA": "seven", "ISUP": 3})
        folder = scan("chimera", root, "other", tmp_path / "m").folder
        problems = [p for p in check(folder, root) if p.fails]
        assert {p.where for p in problems} == {
            "clinical.csv: case 1010, column pT_stage",
            "clinical.csv: case 1010, column pre_operative_PSA",
        }
        assert "seven" not in str(problems)

    def test_an_unknown_column(self, cohort: Path, root: Path) -> None:
        _edit_table(cohort / "clinical.csv", lambda rows: [row.append("1") for row in rows])
        assert ("clinical.csv: 1", "an unknown column") in _failures(check(cohort, root))

    def test_a_case_twice(self, cohort: Path, root: Path) -> None:
        _edit_table(cohort / "cases.csv", lambda rows: rows.append(rows[1]))
        assert _failures(check(cohort, root)) == [("cases.csv: case 0071", "2 rows")]

    def test_an_item_of_an_unknown_case(self, cohort: Path, root: Path) -> None:
        _edit_table(cohort / "cases.csv", lambda rows: rows.pop())
        assert _failures(check(cohort, root)) == [("clinical.csv: case 1010", "an unknown case")]

    def test_no_such_root(self, cohort: Path, tmp_path: Path) -> None:
        assert _failures(check(cohort, tmp_path / "nowhere")) == [("root", "no such folder")]


class TestLeaks:
    def test_an_outcome_among_the_columns(self, cohort: Path, root: Path) -> None:
        def edit(rows: list[list[str]]) -> None:
            for row, text in zip(rows, ("BCR_PSA", "0.2", "", ""), strict=True):
                row.append(text)

        _edit_table(cohort / "clinical.csv", edit)
        ((where, got),) = _failures(check(cohort, root))
        assert where == "clinical.csv: BCR_PSA" and "the outcome in disguise" in got

    def test_an_outcome_among_the_features(self, cohort: Path, root: Path) -> None:
        _edit_card(cohort, lambda card: card["variables"].update({"BCR_PSA": {"kind": "numeric"}}))
        assert "cohort.yaml: variables.BCR_PSA" in {where for where, _ in _failures(check(cohort, root))}

    @pytest.mark.parametrize("name", ["BCR", "bcr_months", "Bcr time"])
    def test_a_variable_named_like_an_endpoint(self, cohort: Path, root: Path, name: str) -> None:
        def edit(card: dict) -> None:
            card["excluded"] = {}
            card["variables"][name] = {"kind": "numeric"}

        _edit_card(cohort, edit)
        assert (f"cohort.yaml: variables.{name}", "the name of the endpoint bcr") in _failures(
            check(cohort, root)
        )

    @pytest.mark.parametrize("name", ["time", "event", "Follow-up (days)", "vital status", "days_to_death"])
    def test_a_variable_named_as_outcomes_are(self, cohort: Path, root: Path, name: str) -> None:
        _edit_card(cohort, lambda card: card["variables"].update({name: {"kind": "numeric"}}))
        assert f"cohort.yaml: variables.{name}" in {p.where for p in check(cohort, root) if not p.fails}

    def test_what_forbids_to_extract(self, cohort: Path) -> None:
        assert refusals(read_cohort(cohort)) == []
        _edit_table(cohort / "notes.csv", lambda rows: rows[1].__setitem__(4, "3"))
        assert refusals(read_cohort(cohort)) == []  # one late note is refused alone, when it is built

        def edit(card: dict) -> None:
            card["variables"]["ISUP"]["day"] = 14
            card["variables"]["time"] = {"kind": "numeric"}
            card["excluded"]["smoking"] = "an outcome"
            card["undated"] = {"slides": 30, "notes": 0}

        def add_columns(rows: list[list[str]]) -> None:
            for row, cells in zip(rows, (["smoking", "time"], *[["1", "2"]] * 3), strict=True):
                row.extend(cells)

        _edit_card(cohort, edit)
        _edit_table(cohort / "clinical.csv", add_columns)
        assert [problem.where for problem in refusals(read_cohort(cohort))] == [
            "cohort.yaml: undated.series",
            "cohort.yaml: variables.ISUP.day",
            "cohort.yaml: undated.slides",
            "clinical.csv: smoking",
        ]

    def test_a_variable_after_the_prediction_day(self, cohort: Path, root: Path) -> None:
        _edit_card(cohort, lambda card: card["variables"]["ISUP"].update({"day": 14}))
        assert _failures(check(cohort, root)) == [("cohort.yaml: variables.ISUP.day", "day 14")]

    def test_items_after_the_prediction_day(self, cohort: Path, root: Path) -> None:
        _edit_table(cohort / "notes.csv", lambda rows: rows[1].__setitem__(4, "3"))
        _edit_table(cohort / "series.csv", lambda rows: rows[1].__setitem__(4, "4"))
        (cohort / "measurements.csv").write_text(
            "case_id,variable,day,value,unit\n0071,pre_operative_PSA,5,1,ng/mL\n"
            "0071,pre_operative_PSA,-5,1,ug/L\n0071,weight,0,80,kg\n",
            encoding="utf-8",
        )
        assert _failures(check(cohort, root)) == [
            ("measurements.csv: weight", "an unknown variable"),
            ("notes.csv: case 0071, note 0071_1", "day 3"),
            ("series.csv: case 0071, 0001/adc", "day 4"),
            ("measurements.csv: case 0071, pre_operative_PSA", "day 5"),
            ("measurements.csv: case 0071, pre_operative_PSA on day -5", "another unit"),
        ]

    def test_undated_items_need_a_declared_day(self, cohort: Path, root: Path) -> None:
        _edit_card(cohort, lambda card: card.update(undated={"notes": 40}))
        assert _failures(check(cohort, root)) == [
            ("cohort.yaml: undated.slides", "none"),
            ("cohort.yaml: undated.series", "none"),
            ("cohort.yaml: undated.notes", "day 40"),
        ]
