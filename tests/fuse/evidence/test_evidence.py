"""What a run says where a modality is as good as absent, alone, or where less was tested than is there."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

from feature_cache.origin import CHECKOUT
from fuse.benchmark import run_benchmark
from fuse.inspection.inspection import RunInputs
from fuse.protocol import read_protocol
from fuse.report.page import rerun_command
from tests.fuse.tiny_cohort import Tiny


def run_of(tiny: Tiny, out: Path) -> Path:
    protocol = read_protocol(str(tiny.protocol))
    inputs = RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=protocol)
    run_benchmark(inputs, out, jobs=1)
    return out


def read_verdict(run: Path) -> dict:
    return json.loads((run / "verdict.json").read_text(encoding="utf-8"))


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def drop(tiny: Tiny, modality: str, keep: str = "") -> None:
    """Take away every entry of a modality but that of one case, and its rows in the manifest."""
    for entry in (tiny.cache / "tiny" / modality).glob("*/*"):
        if entry.name != keep:
            shutil.rmtree(entry)
    table = tiny.cohort / f"{modality}.csv"
    kept = [row for row in read_rows(table) if row["case_id"] == keep]
    if kept:
        write_rows(table, kept)
        return
    shutil.rmtree(tiny.cache / "tiny" / modality)
    table.unlink()


def test_a_modality_that_one_case_has_is_not_called_useless(own_tiny: Tiny, tmp_path: Path) -> None:
    drop(own_tiny, "notes", keep="0010")
    run = run_of(own_tiny, tmp_path / "run")
    question = {part["id"]: part for part in read_verdict(run)["questions"]}["predicts_notes"]
    assert (question["answer"], question["estimate"], question["low"]) == ("cannot tell", 0.5, None)
    assert question["method"] == "none: same order in every fold"


def test_every_number_of_c_in_the_verdict_is_that_of_the_table(own_tiny: Tiny, tmp_path: Path) -> None:
    run = run_of(own_tiny, tmp_path / "run")
    table = {row["arm"]: row for row in read_rows(run / "metrics.csv") if row["metric"] == "c_index"}
    for question in read_verdict(run)["questions"]:
        if question["id"].startswith("predicts_"):
            row = table[f"ridge_cox__{question['id'].removeprefix('predicts_')}"]
            assert question["estimate"] == pytest.approx(float(row["estimate"]), abs=1e-12)
            assert 0 < question["low"] < float(row["low"]) < float(row["high"]) < question["high"] < 1
            assert "shall hold together" in question["words"]
    compared = read_rows(run / "comparisons.csv")
    assert not any(row["second"].startswith("null") for row in compared)
    assert {row["second"].split("__")[0] for row in compared if row["first"].startswith("early")} == {
        "ridge_cox",
        "selected_single",
    }


def test_notes_alone_are_judged_though_no_comparator_is_there(own_tiny: Tiny, tmp_path: Path) -> None:
    drop(own_tiny, "clinical")
    drop(own_tiny, "slides")
    verdict = read_verdict(run_of(own_tiny, tmp_path / "run"))
    assert verdict["questions"][0]["question"] == "Do the notes alone predict better than chance?"
    assert "Nothing can be said" not in verdict["top"]


def test_sizes_and_horizon_are_those_of_the_cases_that_are_tested(own_tiny: Tiny, tmp_path: Path) -> None:
    card = yaml.safe_load((own_tiny.cohort / "cohort.yaml").read_text(encoding="utf-8"))
    card["endpoints"]["bcr"]["horizon_days"] = 5000.0
    (own_tiny.cohort / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    whole = run_of(own_tiny, tmp_path / "whole")
    rows = read_rows(whole / "folds.csv")
    one_fold = [row for row in rows if (row["repeat"], row["fold"]) == (rows[0]["repeat"], rows[0]["fold"])]
    write_rows(own_tiny.cohort / "folds.csv", one_fold)
    run = run_of(own_tiny, tmp_path / "run")
    tested = {row["case_id"] for row in one_fold if row["part"] == "test"}
    verdict = read_verdict(run)
    assert f"from {len(tested)} cases with" in verdict["top"]
    assert f"of {len(tested)} cases were followed beyond day 5000" in verdict["horizon"]["reason"]
    assert 0 < verdict["horizon"]["days"] < 5000
    metrics = {row["metric"] for row in read_rows(run / "metrics.csv")}
    assert f"auc_{verdict['horizon']['days']:g}" in metrics
    page = (run / "report.html").read_text(encoding="utf-8")
    assert f"up to {verdict['horizon']['days']:g} days" in page
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert (CHECKOUT / record["folder"]).resolve() == run.resolve()
    assert rerun_command(record["folder"]) in page
