"""External validation: fitted on all cases of a run, applied to another cohort; what stands against it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from feature_cache.entry import OBSERVED, Source
from feature_cache.errors import BraidError, CacheError, OutcomeError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from feature_cache.value_names import NAMES, pack_names
from fuse.__main__ import app
from fuse.benchmark import run_benchmark
from fuse.files import read_csv
from fuse.inspection.inspection import RunInputs
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.protocol import read_protocol
from fuse.run.predictions import read_predictions
from fuse.run.run_record import hash_outputs
from fuse.validate import ValidationInputs, run_validation
from tests.fuse.tiny_cohort import CLINICAL, NOTES, SLIDES, VARIABLES, Tiny, draft, write_tiny

FUSION = "late__clinical+slides+notes"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A cohort of other ids, with notes for nobody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        made = write_tiny(tmp_path_factory.mktemp("other"), rename=lambda case: f"x{case}")
    shutil.rmtree(made.cache / "tiny" / "notes")
    return made


@pytest.fixture
def own_other(other: Tiny, tmp_path: Path) -> Tiny:
    """A copy of the other cohort that a test may spoil."""
    own = tmp_path / "own_other"
    shutil.copytree(other.cohort.parent, own)
    return replace(other, cohort=own / "tiny", cache=own / "cache")


@pytest.fixture(scope="module")
def run(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    protocol = read_protocol(str(tiny.protocol))
    run_benchmark(RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=protocol), out, jobs=1)
    return out


@pytest.fixture(scope="module")
def validation(run: Path, other: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validation, by the command; all arms are sealed before an outcome of the other cohort is opened."""
    out = tmp_path_factory.mktemp("validations") / "run2"
    evaluation = OutcomeDoor.evaluation

    def watch(door: OutcomeDoor, case_ids: tuple[str, ...], sealed: dict[Path, str]) -> object:
        arms = {path.stem for path in (run / "predictions").iterdir()}
        subsets = {"subset_predictions"}
        assert {path.stem for path in sealed} in (arms, subsets, arms | subsets)
        assert all(case.startswith("x") for case in case_ids)
        return evaluation(door, case_ids, sealed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OutcomeDoor, "evaluation", watch)
        words = ["validate", str(run), str(other.cohort), "--cache", str(other.cache), "--out", str(out)]
        done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert f"  {FUSION}" in done.stdout
    return out


def validate(run: Path, other: Tiny, out: Path, **changes: Path) -> None:
    inputs = ValidationInputs(run=run, cohort_folder=other.cohort, cache=other.cache, **changes)
    run_validation(inputs, out / "run2")


def test_one_fold_learns_from_one_cohort_and_tests_the_other(run: Path, validation: Path) -> None:
    rows = read_csv(validation / "folds.csv")[1]
    assert {row["case_id"][0] for row in rows if row["part"] == "test"} == {"x"}
    assert {row["case_id"][0] for row in rows if row["part"] == "train"} == {"0"}
    assert {row["inner"] for row in rows if row["part"] == "train"} == {"0", "1"}
    record = json.loads((validation / "run.json").read_text())
    assert record["outputs"] == hash_outputs(validation)
    assert record["validation"]["lacking"] == ["notes"]
    assert record["validation"]["cases"] == 59
    assert (validation / record["validation"]["run"]).resolve() == run
    assert (record["folds"]["repeats"], record["folds"]["folds"]) == (1, 1)
    arms = {arm["name"]: arm["status"] for arm in record["arms"]}
    assert arms == {arm["name"]: arm["status"] for arm in json.loads((run / "run.json").read_text())["arms"]}
    assert {row["case_id"][0] for row in read_csv(validation / "weights.csv")[1]} == {"x"}
    assert {row["entry"].split("/")[3][0] for row in read_csv(validation / "entries.csv")[1]} == {"x"}
    page = (validation / "report.html").read_text(encoding="utf-8")
    assert "all 59 cases of A cohort that was made up, once" in page
    assert "Missing here, and said nothing about: notes." in page
    assert "All numbers are external" in page
    assert "All numbers are internal" not in page


def test_the_checklists_are_those_of_an_evaluation(validation: Path) -> None:
    rows = {row["item"]: row for row in read_csv(validation / "tripod.csv")[1]}
    assert rows["1"]["run_says"].startswith("Evaluation on another cohort")
    assert rows["16"]["run_says"].endswith("Nobody here has: notes.")
    assert rows["12f"]["run_says"] == "Nothing was updated or recalibrated on this cohort."
    assert rows["21"]["run_says"].endswith("Fitted on 59 cases of the other cohort, evaluated on 59.")
    asked = [row for row in rows.values() if row["status"] == "does not apply"]
    assert {row["item"] for row in asked} == {"9a", "12a", "12b", "12c", "15", "22"}
    questions = read_csv(validation / "probast.csv")[1]
    skipped = {row["item"][0] for row in questions if row["status"] == "does not apply"}
    assert skipped == {"D"} and len(questions) == 34


def test_every_arm_is_evaluated_and_a_missing_modality_says_nothing(validation: Path) -> None:
    (notes,) = read_predictions(validation / "predictions" / "ridge_cox__notes.csv")
    assert not notes.risk.any()
    (fusion,) = read_predictions(validation / "predictions" / f"{FUSION}.csv")
    assert len(np.unique(fusion.risk)) > 40
    rows = {(row["arm"], row["metric"]): row for row in read_csv(validation / "metrics.csv")[1]}
    assert rows["ridge_cox__notes", "c_index"]["estimate"] == "0.5"
    assert float(rows[FUSION, "c_index"]["estimate"]) > 0.6
    for arm, metric in ((FUSION, "c_index"), (FUSION, "c_index_pooled"), (FUSION, "ibs")):
        assert float(rows[arm, metric]["low"]) < float(rows[arm, metric]["high"])
    for name, key, there in (
        ("subsets.csv", "modalities", "clinical"),
        ("shapley.csv", "modality", "slides"),
    ):
        (row,) = (row for row in read_csv(validation / name)[1] if row[key] == there)
        assert float(row["low"]) < float(row["estimate"]) < float(row["high"])
        assert "bootstrap" in row["interval"]
    compared = read_csv(validation / "comparisons.csv")[1]
    assert {row["second"] for row in compared} >= {"ridge_cox__clinical"}


def test_what_nobody_has_there_is_not_what_fusion_is_better_than(
    run: Path, own_other: Tiny, tmp_path: Path
) -> None:
    shutil.rmtree(own_other.cache / "tiny" / "clinical")
    validate(run, own_other, tmp_path)
    told = json.loads((tmp_path / "run2" / "verdict.json").read_text())
    asked = {question["id"] for question in told["questions"]}
    assert not {"adds_to_clinical", "predicts_clinical", "predicts_notes"} & asked
    assert "predicts_slides" in asked
    assert "adds to the clinical values" not in told["top"]


def test_the_other_cohort_s_outcomes_touch_no_prediction(
    run: Path, own_other: Tiny, validation: Path, tmp_path: Path
) -> None:
    path = own_other.cohort / "outcomes.csv"
    head, *rows = path.read_text().splitlines()
    changed = [f"{row.rsplit(',', 3)[0]},{number + 1},," for number, row in enumerate(rows)]
    path.write_text("\n".join([head, *changed]) + "\n")
    validate(run, own_other, tmp_path)
    for arm in (validation / "predictions").iterdir():
        assert (tmp_path / "run2" / "predictions" / arm.name).read_bytes() == arm.read_bytes()
    assert (tmp_path / "run2" / "metrics.csv").read_bytes() != (validation / "metrics.csv").read_bytes()


def test_a_validation_is_made_again(validation: Path) -> None:
    done = CliRunner().invoke(app, ["rerun", str(validation), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    assert "bitwise the same" in done.stdout


def test_a_validation_is_made_again_from_where_the_run_s_cache_was_then(
    run: Path, own_tiny: Tiny, other: Tiny, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)  # from here, what the record says of cache and cohort leads nowhere
    validate(copy, other, tmp_path, run_cache=own_tiny.cache, run_cohort=own_tiny.cohort)
    done = CliRunner().invoke(app, ["rerun", str(tmp_path / "run2"), "--jobs", "1"])
    assert done.exit_code == 0, done.output


def test_a_validation_is_not_validated(validation: Path, other: Tiny, tmp_path: Path) -> None:
    with pytest.raises(OutcomeError, match="got that of a validation"):
        validate(validation, other, tmp_path)


def test_a_case_of_both_cohorts_is_refused(run: Path, tiny: Tiny, own_other: Tiny, tmp_path: Path) -> None:
    with pytest.raises(OutcomeError, match=r"case 0000: .* got 59 case\(s\) of both cohorts by their id"):
        validate(run, tiny, tmp_path)
    assert list(tmp_path.iterdir()) == [own_other.cohort.parent]


def test_the_same_file_under_another_id_is_refused(own_tiny: Tiny, own_other: Tiny, tmp_path: Path) -> None:
    shared = Source(role="slide", sha256="5" * 64, bytes=4000)
    for place, case in ((own_tiny, "0001"), (own_other, "x0002")):
        cache = FeatureCache.open(place.cache)
        record = next(one for one in cache.records("tiny", "slides") if one.case_id == case)
        arrays = cache.read(record.key).arrays
        made = draft(SLIDES, case, record.item_id, "bag", arrays=arrays, attrs=record.attrs)
        cache.commit(replace(made, sources=(shared,)))
    protocol = read_protocol(str(own_tiny.protocol))
    inputs = RunInputs(cohort_folder=own_tiny.cohort, cache=own_tiny.cache, protocol=protocol)
    run_benchmark(inputs, tmp_path / "run", jobs=1)
    with pytest.raises(OutcomeError, match=r"case x0002: .* got what case 0001 of the run is made from"):
        validate(tmp_path / "run", own_other, tmp_path)


def test_the_same_values_of_omics_under_another_id_are_refused(
    own_tiny: Tiny, own_other: Tiny, tmp_path: Path
) -> None:
    recipe = ResolvedRecipe(name="genes", modality="omics", settings={"encoder": "values", "day": 0})
    rng = np.random.default_rng(3)
    same, arrays = rng.normal(size=30), {"state": np.full(30, OBSERVED, np.uint8)}
    for place, cases in ((own_tiny, ("0001", "0002")), (own_other, ("x0005", "x0006"))):
        card = place.cohort / "cohort.yaml"
        told = yaml.safe_load(card.read_text())
        card.write_text(yaml.safe_dump(told | {"modalities": [*told["modalities"], "omics"]}))
        cache = FeatureCache.open(place.cache)
        for case, values in zip(cases, (same, rng.normal(size=30)), strict=True):
            own = arrays | {"values": values, NAMES: pack_names([f"g{k}" for k in range(30)])}
            made = draft(recipe, case, "omics", "vector", arrays=own)
            cache.commit(replace(made, sources=(Source(role="table", sha256="6" * 64, bytes=4000),)))
    protocol = read_protocol(str(own_tiny.protocol))
    inputs = RunInputs(cohort_folder=own_tiny.cohort, cache=own_tiny.cache, protocol=protocol)
    run_benchmark(inputs, tmp_path / "run", jobs=1)
    with pytest.raises(OutcomeError, match=r"case x0005: .* got what case 0001 of the run is made from"):
        validate(tmp_path / "run", own_other, tmp_path)


def test_another_recipe_is_refused_by_name(run: Path, own_other: Tiny, tmp_path: Path) -> None:
    shutil.rmtree(own_other.cache / "tiny" / "clinical")
    declared = [{"name": "gleason", "kind": "numeric", "scale": "linear", "levels": []}]
    recipe = ResolvedRecipe(
        name="tiny", modality="clinical", settings=dict(CLINICAL.settings) | {"variables": declared}
    )
    arrays = {"values": np.ones(2), "state": np.full(2, OBSERVED, np.uint8)}
    made = draft(recipe, "x0001", "clinical", "vector", arrays=arrays, attrs={"variables": VARIABLES})
    FeatureCache.open(own_other.cache).commit(made)
    said = rf"clinical: .* {CLINICAL.folder}; got {recipe.folder}; .* differs is variables.psa"
    with pytest.raises(OutcomeError, match=said):
        validate(run, own_other, tmp_path)


@pytest.mark.parametrize(
    ("variables", "said"),
    [(VARIABLES[::-1], None), ([VARIABLES[0], VARIABLES[1] | {"name": "grade"}], "got no age")],
    ids=["in another order", "of another name"],
)
def test_columns_are_matched_by_name(
    run: Path, own_other: Tiny, validation: Path, tmp_path: Path, variables: list[object], said: str | None
) -> None:
    cache = FeatureCache.open(own_other.cache)
    for record in list(cache.records("tiny", "clinical")):
        arrays = cache.read(record.key).arrays
        if said is None:
            arrays = {name: values[::-1].copy() for name, values in arrays.items()}
        told = {"arrays": arrays, "attrs": {"variables": variables}}
        made = draft(CLINICAL, record.case_id, "clinical", "vector", **told)
        cache.commit(replace(made, sources=(Source(role="clinical_row", sha256="1" * 64, bytes=1),)))
    if said is not None:
        card = own_other.cohort / "cohort.yaml"
        told = yaml.safe_load(card.read_text())
        told["variables"]["grade"] = {"kind": "numeric", "unit": "a"}
        table = own_other.cohort / "clinical.csv"
        table.write_text(table.read_text().replace("psa,age", "psa,grade"))
        del told["variables"]["age"]
        card.write_text(yaml.safe_dump(told))
        with pytest.raises(CacheError, match=said):
            validate(run, own_other, tmp_path)
        return
    validate(run, own_other, tmp_path)
    name = f"predictions/{FUSION}.csv"
    assert (tmp_path / "run2" / name).read_bytes() == (validation / name).read_bytes()


def test_a_run_whose_cache_changed_is_refused(run: Path, own_tiny: Tiny, other: Tiny, tmp_path: Path) -> None:
    (folder,) = (own_tiny.cache / "tiny" / "notes" / NOTES.folder).glob("0007")
    shutil.rmtree(folder)
    with pytest.raises(BraidError, match=r"0007.*got no such entry"):
        validate(run, other, tmp_path, run_cache=own_tiny.cache, run_cohort=own_tiny.cohort)


def test_an_endpoint_of_another_kind_and_a_cohort_without_a_set(
    run: Path, own_other: Tiny, tmp_path: Path
) -> None:
    card = own_other.cohort / "cohort.yaml"
    survival = card.read_text()
    card.write_text(survival.replace("kind: survival", "kind: binary"))
    with pytest.raises(OutcomeError, match=r"run predicts: survival; got binary no, yes"):
        validate(run, own_other, tmp_path)
    card.write_text(survival)
    for modality in ("clinical", "slides"):
        shutil.rmtree(own_other.cache / "tiny" / modality)
    with pytest.raises(OutcomeError, match="expected a feature set"):
        validate(run, own_other, tmp_path)
    card.write_text(survival.replace("bcr:", "death:"))
    with pytest.raises(OutcomeError, match="expected one of death; got bcr"):
        validate(run, own_other, tmp_path)
