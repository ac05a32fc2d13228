"""A whole run on a small cohort: what it writes, in which order, and what decides its bytes."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import fuse.benchmark as benchmark_module
from feature_cache.canonical import sha256_of_file
from feature_cache.errors import OutcomeError
from fuse.__main__ import app
from fuse.benchmark import compute_run, prediction_times, run_benchmark
from fuse.inspection.inspection import RunInputs
from fuse.models.registry import MODEL_CARDS
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.protocol import read_protocol
from fuse.run.predictions import read_predictions
from fuse.run.run_record import hash_outputs
from tests.fuse.tiny_cohort import Tiny

ARMS = [
    "null__none",
    "ridge_cox__clinical",
    "ridge_cox__slides",
    "ridge_cox__notes",
    "early__clinical+slides+notes",
    "late__clinical+slides+notes",
    "selected_single__clinical+slides+notes",
]


def inputs_of(tiny: Tiny) -> RunInputs:
    return RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=read_protocol(str(tiny.protocol)))


@pytest.fixture(scope="module")
def run(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, during which every opening of a test part is watched: all arms are sealed on disk by then."""
    out = tmp_path_factory.mktemp("runs") / "run"
    opened: list[int] = []
    evaluation = OutcomeDoor.evaluation

    def watch(door: OutcomeDoor, case_ids: tuple[str, ...], sealed: dict[Path, str]) -> object:
        both = {*ARMS, "subset_predictions"}
        assert {path.stem for path in sealed} in (set(ARMS), {"subset_predictions"}, both)
        assert all(sha256_of_file(path) == sha256 for path, sha256 in sealed.items())
        opened.append(len(case_ids))
        return evaluation(door, case_ids, sealed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OutcomeDoor, "evaluation", watch)
        run_benchmark(inputs_of(tiny), out, jobs=1)
    assert sum(opened) == 3 * 59  # the arms, the subsets of modalities, and what both add
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_folder_holds_what_the_contract_says(run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    assert [arm["name"] for arm in record["arms"]] == ARMS
    assert {arm["status"] for arm in record["arms"]} == {"done"}
    assert record["comparators"] == {
        "clinical": "ridge_cox__clinical",
        "selected_single": "selected_single__clinical+slides+notes",
        "published_score": None,
    }
    assert record["outputs"] == hash_outputs(run)
    assert set(record["outputs"]) == {
        *(f"predictions/{arm}.csv" for arm in ARMS),
        *("protocol.yaml", "folds.csv", "entries.csv", "metrics.csv", "comparisons.csv", "weights.csv"),
        *("subset_predictions.csv", "subsets.csv", "shapley.csv", "attention_weights.csv", "cuts.csv"),
        *("added_value.csv", "decision_curves.csv", "lint.csv"),
        *("stack.csv", "chosen.csv", "curves.json", "attention.json", "volumes.json", "verdict.json"),
        *("intervals.csv", "inner_pairs.csv", "tripod.csv", "probast.csv"),
    }
    assert record["left_out"] == []
    assert record["endpoint"]["horizon_used_days"] == 1000.0
    assert record["folds"]["sha256"] == sha256_of_file(run / "folds.csv")
    assert not Path(record["cache"]).is_absolute()
    assert (run / record["cache"]).resolve().is_dir()
    assert (run / "report.html").stat().st_size > 1000
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_cases_without_a_modality_stay_in(run: Path) -> None:
    flow = {step["step"]: step["cases"] for step in json.loads((run / "run.json").read_text())["flow"]}
    assert flow["without an outcome, left out"] == 1
    assert flow["evaluated"] == 59
    assert flow["evaluated, with slides"] < 59
    tested = {row["case_id"] for row in rows_of(run / "predictions" / "ridge_cox__slides.csv")}
    assert len(tested) == 59
    assert "0003" not in tested
    of_case = {row["modality"]: row for row in rows_of(run / "weights.csv") if row["case_id"] == "0004"}
    assert of_case["slides"]["contribution"] == of_case["slides"]["share"] == ""
    assert float(of_case["clinical"]["share"]) == 1.0


def test_absent_modalities_get_the_mean_risk(run: Path) -> None:
    risks = {row["case_id"]: float(row["risk"]) for row in rows_of(run / "predictions/ridge_cox__slides.csv")}
    assert risks["0004"] == risks["0010"] == 0.0
    assert len(set(risks.values())) > 40


def test_predictions_are_what_the_files_say(run: Path) -> None:
    folds = read_predictions(run / "predictions" / f"{ARMS[5]}.csv")
    assert len(folds) == 3
    assert folds[0].times_days[-1] == 1000.0
    for fold in folds:
        assert np.all((fold.event_free >= 0) & (fold.event_free <= 1))
        assert np.all(np.diff(fold.event_free, axis=1) <= 0)
        assert list(fold.case_ids) == sorted(fold.case_ids)


def test_the_selected_single_is_one_of_the_single_arms_in_each_fold(run: Path) -> None:
    chosen = read_predictions(run / "predictions" / f"{ARMS[6]}.csv")
    singles = [read_predictions(run / "predictions" / f"{arm}.csv") for arm in ARMS[1:4]]
    names = [row["chosen"] for row in rows_of(run / "chosen.csv") if row["arm"] == ARMS[6]]
    assert len(names) == len(chosen)
    for number, (fold, name) in enumerate(zip(chosen, names, strict=True)):
        single = singles[ARMS[1:4].index(name)]
        assert np.array_equal(fold.risk, single[number].risk)


def test_what_each_arm_chose_is_kept(run: Path) -> None:
    rows = rows_of(run / "chosen.csv")
    assert [row["arm"] for row in rows] == ARMS * 3
    said = {row["arm"]: row["chosen"] for row in rows}
    assert said["null__none"] == "nothing to choose"
    assert said["ridge_cox__clinical"].startswith("alpha=")
    assert said[ARMS[5]].startswith("level=")


def test_every_test_case_is_in_one_group_of_the_curves(run: Path) -> None:
    curves = json.loads((run / "curves.json").read_text())
    assert curves["arm"] == ARMS[5]
    assert sum(group["n"] for group in curves["groups"]) == 59
    assert "median" in curves["rule"]


def test_without_attention_there_is_a_reason(run: Path) -> None:
    assert "reason" in json.loads((run / "attention.json").read_text())


def test_two_workers_give_the_same_bytes_as_one(tiny: Tiny, run: Path, tmp_path: Path) -> None:
    run_benchmark(inputs_of(tiny), tmp_path / "run", jobs=2)
    assert hash_outputs(tmp_path / "run") == hash_outputs(run)


def test_a_case_s_own_outcome_does_not_touch_its_prediction(
    own_tiny: Tiny, run: Path, tmp_path: Path
) -> None:
    """Nothing of a test part's outcomes can reach a fit: the folds being the same, so are the bytes."""
    path = own_tiny.cohort / "outcomes.csv"
    lines = [
        "0007,bcr,1.0,0.5,," if line.startswith("0007,") else line for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")
    inputs = replace(inputs_of(own_tiny), folds_file=run / "folds.csv")
    compute_run(inputs, tmp_path / "work" / "run", 1, tmp_path / "kept")
    (tested,) = {
        row["fold"]
        for row in rows_of(run / "folds.csv")
        if row["case_id"] == "0007" and row["part"] == "test"
    }
    for arm in ARMS:
        before, after = (
            rows_of(folder / "predictions" / f"{arm}.csv") for folder in (run, tmp_path / "work/run")
        )
        same = [row for row in before if row["fold"] == tested]
        assert same == [row for row in after if row["fold"] == tested]
        assert before != after


def test_a_failure_leaves_nothing_behind(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OutcomeError("here", expected="a", got="b", remedy="c")

    monkeypatch.setattr(benchmark_module, "fit_folds", fail)
    with pytest.raises(OutcomeError, match="here"):
        run_benchmark(inputs_of(tiny), tmp_path / "runs" / "run", jobs=1)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_folder_that_holds_something_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("x")
    with pytest.raises(OutcomeError, match="one that holds something"):
        run_benchmark(inputs_of(tiny), tmp_path / "run", jobs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_command_names_an_arm_that_could_not_run(
    own_tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = MODEL_CARDS["attention_mil"]
    monkeypatch.setitem(MODEL_CARDS, "attention_mil", type(card)(**{**vars(card), "needs": ("no_such",)}))
    more = ("attention_mil, modalities: [slides]", "xgboost_cox, modalities: [volumes]")
    more += ("xgboost_cox, modalities: [notes]",)
    arms = "".join(f"- {{model: {arm}}}\n" for arm in more)
    text = own_tiny.protocol.read_text().replace("arms:\n", f"arms:\n{arms}")
    shutil.rmtree(own_tiny.cache / "tiny" / "notes")
    own_tiny.protocol.write_text(text)
    words = ["benchmark", str(own_tiny.cohort), "--cache", str(own_tiny.cache), "--jobs", "1"]
    done = CliRunner().invoke(
        app, [*words, "--out", str(tmp_path / "run"), "--protocol", str(own_tiny.protocol), "--seed", "4"]
    )
    assert done.exit_code == 1, done.output
    assert "attention_mil__slides" in done.stdout
    assert "not run: no_such is not installed" in done.stdout
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["seed"] == 4
    assert [row["what"] for row in record["failures"]] == [
        "arm attention_mil__slides",
        "arm xgboost_cox__notes",
    ]
    assert record["failures"][1]["got"] == "the cache has no feature set of notes"
    (left_out,) = record["left_out"]
    assert left_out == {"arm": "xgboost_cox__volumes", "reason": "the cohort's card does not list volumes"}
    assert not (tmp_path / "run" / "predictions" / "attention_mil__slides.csv").exists()


def test_predicted_days_reach_the_horizon() -> None:
    days = prediction_times(1826.25)
    assert len(days) == 24
    assert days[-1] == 1826.25
    assert np.all(np.diff(days) > 0)
    assert prediction_times(3.0).tolist() == [1.0, 2.0, 3.0]
