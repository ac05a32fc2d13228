"""Cases that come under observation late, from cases.csv to the tables of a run."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from fuse.benchmark import run_benchmark
from fuse.inspection.inspection import RunInputs, inspect_inputs
from fuse.outcomes.outcomes import Survival
from fuse.protocol import read_protocol
from tests.fuse.tiny_cohort import Tiny, write_rows


@pytest.fixture(scope="module")
def late(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny cohort, every third case of which came under observation 300 days after the operation."""
    folder = tmp_path_factory.mktemp("late")
    shutil.copytree(tiny.cohort, folder / "tiny")
    shutil.copy(tiny.protocol, folder / "protocol.yaml")
    tiny = Tiny(cohort=folder / "tiny", cache=tiny.cache, protocol=folder / "protocol.yaml")
    days = [(f"{i:04d}", "AB"[i % 2], 300 if i % 3 == 0 else "") for i in range(60)]
    write_rows(tiny.cohort / "cases.csv", "case_id,site,entry_day", days)
    protocol = yaml.safe_load(tiny.protocol.read_text(encoding="utf-8"))
    protocol["arms"].append({"model": "xgboost_cox", "modalities": ["clinical"]})
    tiny.protocol.write_text(yaml.safe_dump(protocol), encoding="utf-8")
    return tiny


def inputs_of(tiny: Tiny) -> RunInputs:
    return RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=read_protocol(str(tiny.protocol)))


@pytest.fixture(scope="module")
def run(late: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    run_benchmark(inputs_of(late), out, jobs=1)
    return out


def test_whoever_had_an_outcome_before_is_left_out(late: Tiny) -> None:
    door = inspect_inputs(inputs_of(late)).door
    outcome = door.strata()
    assert isinstance(outcome, Survival) and outcome.entry_days is not None
    entry = dict(zip(door.case_ids, outcome.entry_days.tolist(), strict=True))
    assert all(days == (300.0 if int(case) % 3 == 0 else 0.0) for case, days in entry.items())
    assert len(door.too_early) > 0 and all(int(case) % 3 == 0 for case in door.too_early)
    assert (outcome.time_days > outcome.entry_days).all()
    (warning,) = (one for one in inspect_inputs(inputs_of(late)).problems if "entry_day" in one.where)
    assert warning.level == "warning" and f"the first is case {door.too_early[0]}" in warning.got
    assert warning.got.startswith(f"{len(door.too_early)} cases ")
    # whoever is there from the start stays, however short the time
    assert outcome.time_days.min() < 300


def test_a_model_that_cannot_honour_it_is_not_run(run: Path) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (arm,) = [arm for arm in record["arms"] if arm["status"] == "not_run"]
    assert arm["name"] == "xgboost_cox__clinical"
    assert arm["reason"] == "cases enter late, and it would count them as at risk from the start"
    assert record["entered_late"] == sum(
        part["cases"] for part in record["flow"] if part["step"] == "evaluated"
    ) - _from_the_start(run)
    in_manifest, without, early, evaluated = (part["cases"] for part in record["flow"][:4])
    assert record["flow"][2]["step"].startswith("outcome by day 0, or before they came under observation")
    assert early > 0 and in_manifest == without + early + evaluated
    told = {failure["what"]: failure["remedy"] for failure in record["failures"]}
    assert "honour entry: null, " in told["arm xgboost_cox__clinical"]
    assert "came under observation after the others" in (run / "report.html").read_text(encoding="utf-8")


def _from_the_start(run: Path) -> int:
    with (run / "folds.csv").open(encoding="utf-8") as stream:
        cases = {row["case_id"] for row in csv.DictReader(stream)}
    return sum(int(case) % 3 != 0 for case in cases)


def test_only_what_is_made_of_risk_sets_has_a_value(run: Path) -> None:
    with (run / "metrics.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    told = {row["metric"] for row in rows if row["estimate"]}
    assert told == {"c_index", "c_index_pooled"}
    (reason,) = {row["method"] for row in rows if row["metric"] not in told}
    assert reason == "none: cases enter late, which no weight for censoring honours"
    with (run / "added_value.csv").open(encoding="utf-8") as stream:
        assert {row["metric"] for row in csv.DictReader(stream) if row["estimate"]} == {"c_index"}
    questions = json.loads((run / "verdict.json").read_text(encoding="utf-8"))["questions"]
    assert {one["answer"] for one in questions if one["id"] == "calibration"} == {"cannot tell"}


def test_an_entry_day_that_all_share_is_a_landmark(late: Tiny, tmp_path: Path) -> None:
    """Everybody from day 60 on: no risk set differs from that of a cohort that is followed from then."""
    folder = tmp_path / "tiny"
    shutil.copytree(late.cohort, folder)
    write_rows(folder / "cases.csv", "case_id,site", [(f"{i:04d}", "A") for i in range(60)])
    card = yaml.safe_load((folder / "cohort.yaml").read_text(encoding="utf-8"))
    (folder / "cohort.yaml").write_text(yaml.safe_dump(card | {"entry_day": 60}), encoding="utf-8")
    outcome = inspect_inputs(replace(inputs_of(late), cohort_folder=folder)).door.strata()
    assert isinstance(outcome, Survival)
    assert outcome.entry_days is None and outcome.time_days.min() > 60
