"""fuse check: every likely mistake is one row with its place, and fails."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from feature_cache.errors import OutcomeError, Problem
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from fuse.__main__ import app
from fuse.inspection.checked import check_inputs
from fuse.inspection.inspection import Inspection, RunInputs, inspect_inputs
from fuse.metrics.censoring import Horizon
from fuse.protocol import read_protocol
from tests.fuse.tiny_cohort import CLINICAL, NOTES, PROTOCOL, SLIDES, Tiny, draft, flip_one_bit


def inspect(tiny: Tiny, *, only_check: bool = False) -> Inspection:
    inputs = RunInputs(
        cohort_folder=tiny.cohort, cache=tiny.cache, protocol=read_protocol(str(tiny.protocol))
    )
    return inspect_inputs(inputs, only_check=only_check)


def failing(inspection: Inspection) -> list[Problem]:
    return [problem for problem in inspection.problems if problem.fails]


def replace_outcome(tiny: Tiny, case: str, row: str) -> None:
    path = tiny.cohort / "outcomes.csv"
    lines = [row if line.startswith(f"{case},") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")


def test_a_good_cohort_has_warnings_only(tiny: Tiny) -> None:
    inspection = inspect(tiny, only_check=True)
    assert failing(inspection) == []
    assert [problem.where.split("/")[0] for problem in inspection.problems] == [
        "cache: notes",
        "cache: slides",
    ]
    assert "got none for 7" not in str(inspection.problems[0])
    assert inspection.protocol.endpoint == "bcr"
    assert inspection.protocol.feature_sets == {
        modality: feature_set.name for modality, feature_set in inspection.chosen.items()
    }
    facts = list(inspection.facts())
    assert "without an outcome, left out: 1 case" in facts
    assert facts[0].startswith("endpoint bcr: 59 cases, ")


def test_an_event_without_time(own_tiny: Tiny) -> None:
    replace_outcome(own_tiny, "0007", "0007,bcr,1,,,")
    inspection = inspect(own_tiny)
    (problem,) = failing(inspection)
    assert problem.where == "outcomes.csv: case 0007, endpoint bcr"
    assert problem.got == "an event without time"
    with pytest.raises(OutcomeError, match="an event without time"):
        inspection.refuse_errors()


def test_fewer_than_ten_events(own_tiny: Tiny) -> None:
    path = own_tiny.cohort / "outcomes.csv"
    head, *rows = path.read_text().splitlines()
    censored = [row if index < 9 else row.replace("bcr,1.0", "bcr,0.0") for index, row in enumerate(rows)]
    path.write_text("\n".join([head, *censored]) + "\n")
    events = sum("bcr,1.0" in row for row in censored)
    (problem,) = failing(inspect(own_tiny))
    assert problem.got == f"too few: {events} events in 59 cases"


def test_a_fold_file_that_splits_a_case(own_tiny: Tiny) -> None:
    ids = [f"{number:04d}" for number in range(60)]
    rows = [
        f"1,{fold},{case},{'test' if index % 2 == fold else 'train'}"
        for fold in (0, 1)
        for index, case in enumerate(ids)
    ]
    path = own_tiny.cohort / "folds.csv"
    path.write_text("\n".join(["repeat,fold,case_id,part", *rows]) + "\n")
    inspection = inspect(own_tiny)
    assert failing(inspection) == []
    assert inspection.refuse_errors().source == "file"
    path.write_text("\n".join(["repeat,fold,case_id,part", *rows, "1,0,0001,test"]) + "\n")
    (problem,) = failing(inspect(own_tiny))
    assert "splits this case" in problem.got
    path.write_text("\n".join(["repeat,fold,case_id,part", *rows, "1,0,9999,test"]) + "\n")
    (problem,) = failing(inspect(own_tiny))
    assert problem.where == "folds.csv: case 9999"


def test_mixed_recipes_within_a_feature_set(own_tiny: Tiny) -> None:
    """An entry that was moved into the folder of another recipe does not belong there."""
    cache = FeatureCache.open(own_tiny.cache)
    other = ResolvedRecipe(name="tiny", modality="notes", settings={"encoder": "another"})
    arrays = {"embeddings": np.ones((1, 8), np.float32), "char_span": np.zeros((1, 2), np.int32)}
    cache.commit(draft(other, "0000", "0000_note", "note", arrays=arrays))
    moved = own_tiny.cache / "tiny" / "notes" / other.folder
    (moved / "0000").rename(own_tiny.cache / "tiny" / "notes" / NOTES.folder / "0000")
    moved.rmdir()
    (problem,) = failing(inspect(own_tiny))
    assert "0000" in problem.where and "another recipe" in problem.where
    assert (problem.expected, problem.got) == (f"recipe {NOTES.hash[:12]}", f"recipe {other.hash[:12]}")


def test_two_feature_sets_are_normal_for_a_check_and_a_choice_for_a_benchmark(own_tiny: Tiny) -> None:
    other = ResolvedRecipe(name="other", modality="notes", settings={"encoder": "another"})
    arrays = {"embeddings": np.ones((1, 8), np.float32), "char_span": np.zeros((1, 2), np.int32)}
    FeatureCache.open(own_tiny.cache).commit(draft(other, "0001", "0001_note", "note", arrays=arrays))
    inspection = inspect(own_tiny, only_check=True)
    assert failing(inspection) == []
    (problem,) = [one for one in inspection.problems if "feature_sets" in one.where]
    assert NOTES.folder in problem.got
    assert other.folder in problem.got
    mapping = f"feature_sets: {{clinical: {CLINICAL.folder}, notes: {other.folder}, slides: {SLIDES.folder}}}"
    assert f"`{mapping}`" in problem.remedy
    (problem,) = failing(inspect(own_tiny))
    assert "feature_sets.notes" in problem.where
    own_tiny.protocol.write_text(f"{own_tiny.protocol.read_text()}\n{mapping}\n")
    assert failing(inspect(own_tiny)) == []


def test_follow_up_that_ends_before_the_horizon_is_said(own_tiny: Tiny) -> None:
    """Months that are declared as days end long before any horizon."""
    path = own_tiny.cohort / "cohort.yaml"
    path.write_text(path.read_text().replace("time_unit: months", "time_unit: days"))
    inspection = inspect(own_tiny)
    assert failing(inspection) == []
    (problem,) = [one for one in inspection.problems if one.where == "outcomes.csv: endpoint bcr"]
    assert problem.expected == "follow-up to the declared horizon, day 1000"
    assert inspection.horizon is not None
    assert inspection.horizon.days < 60
    assert f"follow-up to day {inspection.horizon.days:g}" in problem.got
    assert "time_unit (days)" in problem.remedy
    path.write_text(path.read_text().replace("horizon_days: 1000.0", "horizon_days: 20.0"))
    assert inspect(own_tiny).horizon == Horizon(days=20.0, reason="")


def test_further_days_that_the_evaluation_does_not_reach_are_said(own_tiny: Tiny) -> None:
    path = own_tiny.cohort / "cohort.yaml"
    card = path.read_text()
    for days, beyond in (("[365, 1000]", None), ("[365, 1200, 2000]", "day 1200 and day 2000")):
        path.write_text(
            card.replace("horizon_days: 1000.0", f"horizon_days: 1000.0\n    horizons_days: {days}")
        )
        found = [one for one in inspect(own_tiny).problems if "horizons_days" in one.where]
        assert [(one.level, one.got) for one in found] == ([("warning", beyond)] if beyond else [])


def test_a_table_of_outcomes_without_a_byte_is_there(own_tiny: Tiny) -> None:
    path = own_tiny.cohort / "outcomes.csv"
    for make, got in ((path.touch, "no header"), (path.unlink, "no such file")):
        path.unlink(missing_ok=True)
        path.touch()
        make()
        (problem,) = failing(inspect(own_tiny))
        assert (problem.where, problem.got) == ("outcomes.csv", got)


def test_an_arm_on_a_modality_that_is_not_there_is_named(own_tiny: Tiny) -> None:
    shutil.rmtree(own_tiny.cache / "tiny" / "notes")
    arms = "".join(f"- {{model: xgboost_cox, modalities: [{name}]}}\n" for name in ("notes", "omics"))
    own_tiny.protocol.write_text(own_tiny.protocol.read_text().replace("arms:\n", f"arms:\n{arms}"))
    facts = list(inspect(own_tiny).facts())
    assert "not run: xgboost_cox__notes, the cache has no feature set of notes" in facts
    assert "left out: xgboost_cox__omics, the cohort's card does not list omics" in facts


def test_a_protocol_without_an_arm_that_can_run_is_refused(own_tiny: Tiny) -> None:
    lone = {**PROTOCOL, "arms": [{"model": "ridge_cox", "modalities": ["omics"]}], "fusion": []}
    own_tiny.protocol.write_text(yaml.safe_dump(lone))
    (problem,) = failing(inspect(own_tiny))
    assert problem.expected.startswith("at least one arm")
    assert "does not list omics" in problem.got


def test_a_damaged_entry_is_named(own_tiny: Tiny) -> None:
    flip_one_bit(own_tiny.cache, "slides", "0007")
    inputs = RunInputs(
        cohort_folder=own_tiny.cohort, cache=own_tiny.cache, protocol=read_protocol(str(own_tiny.protocol))
    )
    (problem,) = (one for one in check_inputs(inputs).problems if one.fails)
    assert "0007" in problem.where


def test_an_unknown_model_is_refused_before_a_fit(own_tiny: Tiny) -> None:
    own_tiny.protocol.write_text(own_tiny.protocol.read_text().replace("ridge_cox", "rigde_cox"))
    (problem,) = failing(inspect(own_tiny))
    assert problem.got == "rigde_cox"


def test_a_gap_that_concerns_the_evaluation_fails(own_tiny: Tiny) -> None:
    path = own_tiny.cohort / "cohort.yaml"
    path.write_text(path.read_text().replace("horizon_days: 1000.0", "horizon_days: null"))
    (problem,) = failing(inspect(own_tiny))
    assert "horizon_days" in problem.where


def test_the_command_prints_json_and_exits_1(own_tiny: Tiny) -> None:
    replace_outcome(own_tiny, "0007", "0007,bcr,1,-4,,")
    words = ["check", str(own_tiny.cohort), "--cache", str(own_tiny.cache)]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert {"level", "where", "expected", "got", "remedy"} == set(said["problems"][0])
    assert any(row["got"] == "a negative time (-4)" for row in said["problems"])
    done = CliRunner().invoke(app, words)
    assert "1 to mend, 2 warning(s)" in done.stdout


def test_json_also_where_nothing_could_be_looked_at(tiny: Tiny, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["check", str(tmp_path), "--cache", str(tiny.cache), "--json"])
    assert done.exit_code == 1
    (problem,) = json.loads(done.stdout)["problems"]
    assert "cohort.yaml" in problem["expected"]


def test_faulty_rows_of_another_endpoint_are_warnings_whatever_its_kind(own_tiny: Tiny) -> None:
    card = own_tiny.cohort / "cohort.yaml"
    told = yaml.safe_load(card.read_text())
    told["endpoints"]["margin"] = {"kind": "binary", "definition": "positive margin"}
    card.write_text(yaml.safe_dump(told))
    with (own_tiny.cohort / "outcomes.csv").open("a") as table:
        table.write("0001,margin,,,,perhaps\n")
    inputs = RunInputs(
        cohort_folder=own_tiny.cohort, cache=own_tiny.cache, protocol=read_protocol(str(own_tiny.protocol))
    )
    found = [one for one in inspect_inputs(inputs).problems if "0001, endpoint margin" in one.where]
    assert [(one.level, one.got) for one in found] == [("warning", "another text")]
