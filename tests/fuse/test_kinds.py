"""A whole run on each kind of endpoint: sealed, found, judged and told in its own words."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_cache.canonical import sha256_of_file
from feature_cache.errors import OutcomeError
from fuse.__main__ import app
from fuse.benchmark import run_benchmark
from fuse.inspection.inspection import RunInputs, inspect_inputs
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.protocol import Protocol, read_protocol
from fuse.run.class_prediction import read_class_predictions
from fuse.run.rerun import rerun
from tests.fuse.tiny_cohort import Tiny
from tests.fuse.tiny_kinds import add_kinds

ENDPOINTS = ("first", "relapse", "grade", "stay")
PRIMARY = {"first": "c_index", "relapse": "auroc", "grade": "auroc_macro", "stay": "c_index"}
MODELS = {"first": "ridge_cox", "relapse": "ridge_logistic", "grade": "ridge_logistic", "stay": "ridge_cox"}
EARLY = {"ridge_cox": "early", "ridge_logistic": "early_logistic"}


def protocol_of(endpoint: str) -> Protocol:
    model = MODELS[endpoint]
    fusion = [{"model": EARLY[model]}, {"model": "late", "over": model}]
    return Protocol.model_validate(
        {
            "schema_version": 1,
            "name": "kinds",
            "endpoint": endpoint,
            "repeats": 1,
            "folds": 3,
            "inner": 2,
            "arms": [{"model": "null", "modalities": "none"}, {"model": model}],
            "fusion": fusion[:1]
            if model == "ridge_cox"
            else fusion,  # late fusion of times is tested elsewhere
        }
    )


def inputs_of(tiny: Tiny, endpoint: str) -> RunInputs:
    return RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=protocol_of(endpoint))


@pytest.fixture(scope="module")
def runs(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, dict[str, Path]]:
    """A run on each endpoint; whenever a test part is opened, all arms are sealed on disk."""
    import shutil

    folder = tmp_path_factory.mktemp("kinds")
    shutil.copytree(tiny.cohort.parent, folder / "own")
    own = Tiny(cohort=folder / "own/tiny", cache=folder / "own/cache", protocol=folder / "own/protocol.yaml")
    add_kinds(own)
    evaluation = OutcomeDoor.evaluation
    arms: set[str] = set()

    def watch(door: OutcomeDoor, case_ids: tuple[str, ...], sealed: dict[Path, str]) -> object:
        assert all(sha256_of_file(path) == sha256 for path, sha256 in sealed.items())
        names = {path.stem for path in sealed} - {"subset_predictions"}
        assert len(names) in (0, 6 + (not door.has_times))
        arms.update(names)
        return evaluation(door, case_ids, sealed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OutcomeDoor, "evaluation", watch)
        for endpoint in ENDPOINTS:
            run_benchmark(inputs_of(own, endpoint), folder / endpoint, jobs=1)
    assert "late__clinical+slides+notes" in arms
    return own, {endpoint: folder / endpoint for endpoint in ENDPOINTS}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def estimates(run: Path, metric: str) -> dict[str, float]:
    rows = rows_of(run / "metrics.csv")
    return {row["arm"]: float(row["estimate"]) for row in rows if row["metric"] == metric}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_was_planted_is_found(runs: tuple[Tiny, dict[str, Path]], endpoint: str) -> None:
    found = estimates(runs[1][endpoint], PRIMARY[endpoint])
    assert found["null__none"] == 0.5
    assert found[f"{EARLY[MODELS[endpoint]]}__clinical+slides+notes"] > 0.62
    verdict = json.loads((runs[1][endpoint] / "verdict.json").read_text())
    fusion = "early" if MODELS[endpoint] == "ridge_cox" else "late"
    assert verdict["questions"][0]["estimate"] == found[f"{fusion}__clinical+slides+notes"]
    assert verdict["questions"][0]["low"] is not None
    assert {row["metric"] for row in rows_of(runs[1][endpoint] / "comparisons.csv")} >= {PRIMARY[endpoint]}


def test_each_kind_has_its_own_numbers(runs: tuple[Tiny, dict[str, Path]]) -> None:
    metrics = {name: {row["metric"] for row in rows_of(run / "metrics.csv")} for name, run in runs[1].items()}
    at_days = {f"{name}_{day}" for name in ("auc", "brier") for day in (300, 700, 1000)}
    at_days |= {f"{name}_{day}" for name in ("ipa", "observed_expected") for day in (300, 700)}
    assert metrics["first"] == at_days | {
        *("c_index", "c_index_pooled", "auc_500", "ibs", "ipa", "observed_expected"),
        *("calibration_slope", "ici"),
    }
    of_each = {
        f"{name}_of_{one}"
        for name in ("auroc", "sensitivity", "specificity")
        for one in ("low", "middle", "high")
    }
    assert metrics["grade"] == {"auroc_macro", "accuracy", "majority_rate", "brier"} | of_each
    assert metrics["relapse"] >= {"auroc", "accuracy", "majority_rate", "sensitivity", "specificity"}
    assert metrics["relapse"] >= {"calibration_slope", "ici", "sensitivity_at_cut", "specificity_at_cut"}
    assert metrics["stay"] >= {"c_index", "ibs", "median_error_days"}
    errors = estimates(runs[1]["stay"], "median_error_days")
    assert errors["early__clinical+slides+notes"] < errors["null__none"]
    null = estimates(runs[1]["relapse"], "accuracy")["null__none"]
    assert null == estimates(runs[1]["relapse"], "majority_rate")["null__none"]


def test_cuts_are_those_of_the_train_parts(runs: tuple[Tiny, dict[str, Path]]) -> None:
    for endpoint, rule in (("relapse", "Youden"), ("first", "median"), ("stay", "median")):
        rows = rows_of(runs[1][endpoint] / "cuts.csv")
        assert {row["arm"] for row in rows} == set(estimates(runs[1][endpoint], PRIMARY[endpoint]))
        assert all(rule in row["rule"] for row in rows)
        assert len({row["cut"] for row in rows if row["arm"] == f"{MODELS[endpoint]}__clinical"}) == 3
    assert {row["cut"] for row in rows_of(runs[1]["relapse"] / "cuts.csv") if "null" in row["arm"]} == {""}
    assert not (runs[1]["grade"] / "cuts.csv").exists()


def test_files_say_what_each_kind_needs(runs: tuple[Tiny, dict[str, Path]]) -> None:
    heads = {
        name: (run / "predictions" / f"{MODELS[name]}__slides.csv").read_text().splitlines()[0]
        for name, run in runs[1].items()
    }
    assert heads["relapse"] == "repeat,fold,case_id,risk,probability_no,probability_yes"
    assert heads["grade"].startswith("repeat,fold,case_id,risk_low,risk_middle,risk_high,probability_low,")
    assert heads["first"].startswith("repeat,fold,case_id,risk,event_free_")
    for day in (300, 700, 1000):  # the further days of the card are predicted on the day itself
        assert f",event_free_{day}" in heads["first"]
    folds = read_class_predictions(runs[1]["grade"] / "predictions" / "ridge_logistic__slides.csv")
    lacks = {case: row for fold in folds for case, row in zip(fold.case_ids, fold.risk, strict=True)}["0004"]
    assert lacks.tolist() == [0.0, 0.0, 0.0]


def test_the_page_of_classes_has_no_time_in_it(runs: tuple[Tiny, dict[str, Path]]) -> None:
    for endpoint, words in (("relapse", "AUROC within folds"), ("grade", "Mean AUROC within folds")):
        page = (runs[1][endpoint] / "report.html").read_text(encoding="utf-8")
        assert words in page
        assert "Accuracy, majority" in page
        for wrong in ("hazard", "Horizon", "Kaplan", 'id="survival"', "C within folds,"):
            assert wrong not in page.replace("AUROC within", "")
    assert "16 yes" in (runs[1]["relapse"] / "report.html").read_text(encoding="utf-8")
    assert "of 3 classes (25 low, 19 middle, 15 high)" in (runs[1]["grade"] / "report.html").read_text()


def test_the_page_of_causes_draws_incidence(runs: tuple[Tiny, dict[str, Path]]) -> None:
    page = (runs[1]["first"] / "report.html").read_text(encoding="utf-8")
    assert "Aalen–Johansen estimate by predicted risk" in page
    assert "<strong>Kaplan–Meier" not in page
    assert "25 events of cause recurrence, 18 of other causes" in page


def test_a_rerun_has_the_same_bytes(runs: tuple[Tiny, dict[str, Path]]) -> None:
    assert rerun(runs[1]["grade"], None, None, jobs=1).differing == ()


def test_a_case_s_own_class_does_not_touch_its_prediction(
    runs: tuple[Tiny, dict[str, Path]], tmp_path: Path
) -> None:
    own, folders = runs
    folds = rows_of(folders["relapse"] / "folds.csv")
    (tested,) = {row["fold"] for row in folds if (row["case_id"], row["part"]) == ("0007", "test")}
    path = own.cohort / "outcomes.csv"
    before = path.read_text()
    (line,) = [line for line in before.splitlines() if line.startswith("0007,relapse,")]
    other = line.replace(",relapse,1", ",relapse,x").replace(",relapse,0", ",relapse,1")
    path.write_text(before.replace(line, other.replace(",relapse,x", ",relapse,0")))
    try:
        inputs = replace(inputs_of(own, "relapse"), folds_file=folders["relapse"] / "folds.csv")
        run_benchmark(inputs, tmp_path / "run", jobs=1)
    finally:
        path.write_text(before)
    for arm in ("ridge_logistic__slides", "early_logistic__clinical+slides+notes"):
        was, now = (rows_of(run / f"predictions/{arm}.csv") for run in (folders["relapse"], tmp_path / "run"))
        assert [row for row in was if row["fold"] == tested] == [row for row in now if row["fold"] == tested]
        assert was != now


def test_a_protocol_that_learns_no_classes_names_one_that_does(runs: tuple[Tiny, dict[str, Path]]) -> None:
    own, _ = runs
    words = ["check", str(own.cohort), "--cache", str(own.cache), "--endpoint", "relapse"]
    done = CliRunner().invoke(app, [*words, "--protocol", str(own.protocol)])
    assert done.exit_code == 1
    assert "at least one arm that learns a binary endpoint" in done.stdout
    assert "--protocol classes" in done.stdout.replace("\n        ", " ")
    done = CliRunner().invoke(app, [*words, "--protocol", "classes"])
    assert done.exit_code == 0, done.stdout
    assert "endpoint relapse: 59 cases, 43 no, 16 yes" in done.stdout


def test_an_arm_that_cannot_learn_the_kind_is_not_run(runs: tuple[Tiny, dict[str, Path]]) -> None:
    own, _ = runs
    protocol = protocol_of("relapse")
    mixed = protocol.model_copy(update={"arms": (*protocol.arms, *protocol_of("first").arms[1:])})
    inspection = inspect_inputs(replace(inputs_of(own, "relapse"), protocol=mixed))
    assert "not run: ridge_cox__slides, it learns survival, competing, time endpoints, not binary" in set(
        inspection.facts()
    )


def test_further_endpoints_are_refused_where_they_are_not_there(runs: tuple[Tiny, dict[str, Path]]) -> None:
    own, _ = runs
    also = protocol_of("relapse").model_copy(update={"also": ("nothing",)})
    with pytest.raises(OutcomeError, match="also: expected endpoints beside relapse"):
        inspect_inputs(replace(inputs_of(own, "relapse"), protocol=also))
    assert read_protocol("classes").also == ()
