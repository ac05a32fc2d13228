"""Two feature sets of slides and one of volumes, chosen by the protocol, through a whole run and its page."""

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

from feature_cache.cohort import read_cohort
from feature_cache.errors import OutcomeError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from fuse.__main__ import app
from fuse.features.feature_sets import choose_feature_sets
from fuse.files import read_csv
from fuse.inspection.inspection import RunInputs, inspect_inputs
from fuse.labels import label_sets
from fuse.protocol import read_protocol
from tests.fuse.tiny_cohort import PROTOCOL, SLIDES, Tiny, draft, write_rows
from tests.fuse.tiny_volumes import VOLUMES, volume

COARSE = ResolvedRecipe(name="coarse", modality="slides", settings={"encoder": "made_up", "mpp": 1.0})
LATE = "late__clinical+slides+slides:coarse+volumes"


@pytest.fixture(scope="module")
def built(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny cohort with a second set of slides, and volumes for two cases of three.

    ADC is there for every other study only.
    """
    own = tmp_path_factory.mktemp("several")
    shutil.copytree(tiny.cohort.parent, own, dirs_exist_ok=True)
    own_tiny = Tiny(cohort=own / "tiny", cache=own / "cache", protocol=own / "protocol.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        add_sets(own_tiny)
    return own_tiny


@pytest.fixture
def several(built: Tiny, tmp_path: Path) -> Tiny:
    """The same with a protocol of its own."""
    return replace(built, protocol=tmp_path / "protocol.yaml")


def add_sets(own_tiny: Tiny) -> None:
    """Add the entries, the rows of series.csv that list them, and the modality to the card."""
    cache, rng = FeatureCache.open(own_tiny.cache), np.random.default_rng(3)
    for record in list(cache.records("tiny", "slides")):
        arrays = cache.read(record.key).arrays
        arrays = arrays | {"embeddings": arrays["embeddings"][:, :2] + rng.normal(size=2).astype("<f4")}
        cache.commit(draft(COARSE, record.case_id, record.item_id, "bag", arrays=arrays, attrs=record.attrs))
    cases = [row.case_id for row in read_cohort(own_tiny.cohort).cases]
    studies = [case for number, case in enumerate(cases) if number % 3]
    for number, case in enumerate(studies):
        rows = {("t2w", "gland"): tuple(rng.normal(size=2)), ("t2w", "crop"): (rng.normal(), np.nan)}
        rows |= {("adc", "gland"): (rng.normal(), np.nan)} if number % 2 else {}
        cache.commit(volume(case, f"{case}_mri", rows))
    write_rows(
        own_tiny.cohort / "series.csv",
        "case_id,study_id,series_id,sequence,day,path,spacing_mm",
        [
            (case, f"{case}_mri", name, name.upper(), "0", "a.mha", "")
            for case in studies
            for name in ("t2w", "adc")
        ],
    )
    card = yaml.safe_load((own_tiny.cohort / "cohort.yaml").read_text())
    card["modalities"] = ["clinical", "slides", "notes", "volumes"]
    (own_tiny.cohort / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")


def write_protocol(tiny: Tiny, **changes: object) -> None:
    first = choose_feature_sets(FeatureCache.open(tiny.cache), read_cohort(tiny.cohort), "auto", "warning")[0]
    sets = {"slides": [SLIDES.folder, COARSE.folder], "volumes": VOLUMES.folder}
    sets |= {label: first[label].name for label in ("clinical", "notes")}
    fusion = [
        {"model": "early"},
        {"model": "late"},
        {"model": "late", "modalities": ["clinical", "slides", "slides:coarse", "volumes"]},
    ]
    text = yaml.safe_dump(PROTOCOL | {"feature_sets": sets, "fusion": fusion} | changes)
    tiny.protocol.write_text(text, encoding="utf-8")


def test_a_run_on_several_sets_is_checked_written_shown_and_repeated(several: Tiny, tmp_path: Path) -> None:
    write_protocol(several)
    run, words = tmp_path / "run", [str(several.cohort), "--cache", str(several.cache)]
    protocol = ["--protocol", str(several.protocol)]
    checked = CliRunner().invoke(app, ["check", *words, *protocol])
    assert checked.exit_code == 0, checked.output
    assert f"slides:coarse: {COARSE.folder}, 83 entries" in checked.stdout
    done = CliRunner().invoke(app, ["benchmark", *words, *protocol, "--out", str(run), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    record = json.loads((run / "run.json").read_text())
    assert [arm["name"] for arm in record["arms"]] == [
        "null__none",
        *(f"ridge_cox__{label}" for label in ("clinical", "slides", "slides:coarse", "notes", "volumes")),
        "early__clinical+slides+notes+volumes",
        "late__clinical+slides+notes+volumes",
        LATE,
        "selected_single__clinical+slides+slides:coarse+notes+volumes",
    ]
    assert {path.name for path in (run / "predictions").iterdir() if "coarse" in path.name} == {
        "ridge_cox__slides%3Acoarse.csv",
        "late__clinical+slides+slides%3Acoarse+volumes.csv",
        "selected_single__clinical+slides+slides%3Acoarse+notes+volumes.csv",
    }
    # the last fusion of the protocol is the one that is judged, and whose weights are told
    assert {row["modality"] for row in read_csv(run / "weights.csv")[1]} == {
        "clinical",
        "slides",
        "slides:coarse",
        "volumes",
    }
    sets = record["feature_sets"]
    assert (sets["volumes"]["encoder"], sets["volumes"]["cases"]) == ("first_order_shape", 40)
    assert sets["volumes"]["entries_with_warnings"] == 20
    assert (sets["volumes"]["readers"], sets["volumes"]["columns"]) == (["braid"], 4)
    assert sets["slides:coarse"]["name"] == COARSE.folder
    verdict = json.loads((run / "verdict.json").read_text())
    asked = {question["id"]: question for question in verdict["questions"]}
    assert asked["predicts_slides:coarse"]["question"] == "Do the slides (coarse) predict alone?"
    assert "slides (coarse)" in verdict["top"].rsplit(". ", 1)[1]
    assert json.loads((run / "volumes.json").read_text())["arm"] == "ridge_cox__volumes"
    assert "One study, slice by slice" in (run / "report.html").read_text(encoding="utf-8")
    again = CliRunner().invoke(app, ["rerun", str(run), "--jobs", "1"])
    assert again.exit_code == 0, again.output
    assert "bitwise the same" in again.stdout


def test_the_choice_of_a_set_is_left_to_the_train_parts(several: Tiny, tmp_path: Path) -> None:
    fusion = [{"model": "late", "modalities": ["clinical", "slides:best"]}]
    write_protocol(several, choose=["slides", "volumes"], fusion=fusion)
    run, words = tmp_path / "run", [str(several.cohort), "--cache", str(several.cache)]
    protocol = ["--protocol", str(several.protocol)]
    checked = CliRunner().invoke(app, ["check", *words, *protocol])
    assert "slides:best: chosen inside each train part among slides, slides:coarse" in checked.stdout
    done = CliRunner().invoke(app, ["benchmark", *words, *protocol, "--out", str(run), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    chosen = {row["arm"]: [] for row in read_csv(run / "chosen.csv")[1]}
    for row in read_csv(run / "chosen.csv")[1]:
        chosen[row["arm"]].append(row["chosen"].split(",")[0])
    assert set(chosen["ridge_cox__slides:best"]) <= {
        "slides:best=slides",
        "slides:best=slides:coarse",
    }
    assert set(chosen["ridge_cox__volumes:best"]) == {"volumes:best=volumes"}
    assert {row["modality"] for row in read_csv(run / "weights.csv")[1]} == {"clinical", "slides:best"}
    again = CliRunner().invoke(app, ["rerun", str(run), "--jobs", "1"])
    assert again.exit_code == 0, again.output


def test_a_choice_that_the_protocol_does_not_leave_is_refused(several: Tiny) -> None:
    write_protocol(several, arms=[{"model": "ridge_cox", "modalities": ["slides:best"]}], fusion=[])
    with pytest.raises(OutcomeError, match=r"one of slides, slides:coarse.*got slides:best"):
        inspect_of(several).refuse_errors()


def test_all_and_unnamed_fusions_take_the_first_set_of_each_modality(several: Tiny) -> None:
    write_protocol(several, arms=[{"model": "ridge_cox"}], fusion=[{"model": "early"}])
    plans = inspect_of(several).plans
    assert [plan.name for plan in plans][-1] == "early__clinical+slides+notes+volumes"


def inspect_of(tiny: Tiny) -> object:
    protocol = read_protocol(str(tiny.protocol))
    return inspect_inputs(RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=protocol))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"arms": [{"model": "ridge_cox", "modalities": ["slides:corse"]}], "fusion": []},
            "expected one of slides, slides:coarse, as `feature_sets` chooses them; got slides:corse",
        ),
        (
            {"fusion": [{"model": "early", "modalities": ["slides", "slide:coarse"]}]},
            "fusion: early: expected modalities among: slides, .*; got slide:coarse",
        ),
    ],
)
def test_a_misspelt_set_is_refused(several: Tiny, changes: dict[str, object], said: str) -> None:
    write_protocol(several, **changes)
    with pytest.raises(OutcomeError, match=said):
        inspect_of(several).refuse_errors()


def test_a_fusion_on_what_was_not_extracted_is_not_run(several: Tiny) -> None:
    fusion = [{"model": "early", "modalities": ["slides:coarse", "omics"]}]
    write_protocol(several, fusion=fusion)
    (absent,) = inspect_of(several).absent
    assert absent.plan.name == "early__slides:coarse+omics"
    assert absent.reason == "the cohort's card does not list omics"


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ({"slides": []}, "feature_sets"),
        ({"slides": ["a-0123456789ab", "a-0123456789ab"]}, "a feature set of slides is named twice"),
    ],
)
def test_a_choice_that_is_none_is_refused(several: Tiny, sets: dict[str, object], said: str) -> None:
    several.protocol.write_text(yaml.safe_dump(PROTOCOL | {"feature_sets": sets}), encoding="utf-8")
    with pytest.raises(OutcomeError, match=said):
        read_protocol(str(several.protocol))


def test_a_name_too_long_for_a_file_is_refused(several: Tiny) -> None:
    write_protocol(several)
    cache, names = FeatureCache.open(several.cache), []
    for number in range(4):
        recipe = ResolvedRecipe(
            name=f"{'long' * 14}{number}", modality="slides", settings={"encoder": "made_up", "mpp": number}
        )
        record = next(iter(cache.records("tiny", "slides", SLIDES.folder)))
        arrays = cache.read(record.key).arrays
        cache.commit(draft(recipe, record.case_id, record.item_id, "bag", arrays=arrays, attrs=record.attrs))
        names.append(recipe.folder)
    write_protocol(several, feature_sets={"slides": [SLIDES.folder, *names]}, fusion=[])
    with pytest.raises(OutcomeError, match=r"arms whose names have 240 characters at most"):
        inspect_of(several).refuse_errors()


def test_sets_of_one_recipe_name_are_told_apart_by_their_hashes() -> None:
    names = ["uni-000000000001", "uni-000000000002", "coarse-000000000003"]
    assert label_sets("slides", names) == {
        "slides": names[0],
        "slides:uni-000000000002": names[1],
        "slides:coarse": names[2],
    }


def test_no_label_holds_what_joins_labels_in_the_name_of_an_arm() -> None:
    names = ["uni-000000000001", "a+b-000000000002", "a_b-000000000003", "c+d-000000000004"]
    assert list(label_sets("slides", names)) == [
        "slides",
        "slides:a_b-000000000002",
        "slides:a_b-000000000003",
        "slides:c_d",
    ]
