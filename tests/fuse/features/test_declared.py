"""The manifest has the last word: what it no longer lists or allows does not reach a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from feature_cache.cohort import read_cohort
from feature_cache.errors import Problem
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from fuse.features.feature_sets import ChosenSet, choose_feature_sets
from tests.fuse.tiny_cohort import NOTES, Tiny, draft


def choose(tiny: Tiny) -> tuple[dict[str, ChosenSet], list[Problem]]:
    return choose_feature_sets(FeatureCache.open(tiny.cache), read_cohort(tiny.cohort), "auto")


def change_card(tiny: Tiny, **fields: object) -> None:
    path = tiny.cohort / "cohort.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **fields}))


def drop_lines(path: Path, start: str) -> None:
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(start)]
    assert len(kept) < len(lines)
    path.write_text("".join(kept))


def test_a_manifest_as_it_was_extracted_has_nothing_against_it(tiny: Tiny) -> None:
    assert choose(tiny)[1] == []


def test_a_variable_that_was_excluded_after_extraction_is_refused(own_tiny: Tiny) -> None:
    age = {"age": {"kind": "numeric", "unit": "a"}}
    change_card(own_tiny, variables=age, excluded={"psa": "known only after the operation"})
    (problem,) = choose(own_tiny)[1]
    assert problem.fails
    assert problem.where.endswith(": column psa")
    assert problem.got == "one that is excluded (known only after the operation)"


def test_a_variable_that_is_declared_in_another_way_is_refused(own_tiny: Tiny) -> None:
    age, psa = {"kind": "numeric", "unit": "a"}, {"kind": "numeric", "unit": "ug/L", "scale": "linear"}
    change_card(own_tiny, variables={"age": age, "psa": psa})
    (problem,) = choose(own_tiny)[1]
    assert problem.fails
    assert problem.where.endswith(": column psa")
    assert problem.got == "entries made with another scale"


def test_another_prediction_day_than_the_entries_were_made_for(own_tiny: Tiny) -> None:
    change_card(own_tiny, prediction_day=30)
    problems = choose(own_tiny)[1]
    assert [problem.where.split("/")[1] for problem in problems] == ["clinical", "notes"]
    assert all(problem.fails and "day 30" in problem.expected for problem in problems)
    assert {problem.got for problem in problems} == {"entries made for day 0"}


@pytest.mark.parametrize("undated", [4, -2])
def test_a_note_of_another_day_than_the_manifest_says_now(own_tiny: Tiny, undated: int) -> None:
    change_card(own_tiny, undated={"notes": undated})
    (problem,) = choose(own_tiny)[1]
    assert problem.fails
    assert "0001_note" in problem.where
    assert f"a note of day {undated}" in problem.expected
    assert "day 0 (49 such notes)" in problem.got


@pytest.mark.parametrize(
    ("table", "start", "modality", "item"),
    [
        ("slides.csv", "0007,0007_1,", "slides", "0007_1"),
        ("notes.csv", "0007,", "notes", "0007_note"),
        ("clinical.csv", "0007,", "clinical", "clinical"),
    ],
)
def test_a_row_taken_out_of_the_manifest_is_not_used(
    own_tiny: Tiny, table: str, start: str, modality: str, item: str
) -> None:
    before = choose(own_tiny)[0][modality].records
    drop_lines(own_tiny.cohort / table, start)
    chosen, (problem,) = choose(own_tiny)
    left = {(record.case_id, record.item_id) for record in before} - {
        (record.case_id, record.item_id) for record in chosen[modality].records
    }
    assert left == {("0007", item)}
    assert not problem.fails
    assert problem.expected == f"entries of what {table} lists"
    assert problem.got == f"1 other(s), the first is case 0007, {item}"


def test_of_an_old_and_a_new_set_the_one_that_fits_the_card_is_proposed(own_tiny: Tiny) -> None:
    """Extracting again after a change leaves the old set beside the new one."""
    change_card(own_tiny, prediction_day=30)
    settings = {"encoder": "made_up_notes", "prediction_day": 30}
    new = ResolvedRecipe(name="tiny2", modality="notes", settings=settings)
    assert new.folder > NOTES.folder
    arrays = {"embeddings": np.ones((1, 8), np.float32), "char_span": np.zeros((1, 2), np.int32)}
    entry = draft(new, "0001", "0001_note", "note", arrays=arrays, attrs={"day": 0})
    FeatureCache.open(own_tiny.cache).commit(entry)
    chosen, problems = choose(own_tiny)
    (problem,) = [problem for problem in problems if "feature_sets.notes" in problem.where]
    assert NOTES.folder in problem.got
    assert chosen["notes"].name == new.folder
    assert f"notes: {new.folder}" in problem.remedy
