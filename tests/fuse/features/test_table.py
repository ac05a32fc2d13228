"""The cache as cases: what becomes of values, notes and states, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort, read_cohort
from feature_cache.entry import OBSERVED
from feature_cache.errors import CacheError, DamagedEntryError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from feature_cache.tables import CaseRow, SlideRow
from fuse.features.cases_file import load_cases, save_cases
from fuse.features.feature_sets import choose_feature_sets
from fuse.features.table import read_cases
from tests.fuse.tiny_cohort import CARD, CLINICAL, SLIDES, VARIABLES, Tiny, draft, flip_one_bit

IDS = ("0001", "0005", "0004", "0000")


def test_clinical_values_keep_scale_bound_and_state(tiny: Tiny, tmp_path: Path) -> None:
    cache, cohort = FeatureCache.open(tiny.cache), read_cohort(tiny.cohort)
    chosen, problems = choose_feature_sets(cache, cohort, "auto")
    assert problems == []
    clinical = read_cases(cache, chosen, IDS, tmp_path).modalities["clinical"]
    key = next(r.key for r in cache.records("tiny", "clinical") if r.case_id == "0001")
    raw = cache.read(key).arrays["values"]
    np.testing.assert_array_equal(clinical.values[0], [np.log(raw[0]), raw[1]])
    # ">100" keeps its bound on the log scale; a missing age is NaN, never 0
    np.testing.assert_array_equal(clinical.values[1], [np.log(100.0), np.nan])
    assert clinical.present.all()
    assert clinical.columns == ("psa", "age")


def test_notes_are_the_mean_of_all_chunks_and_absent_ones_are_nan(tiny: Tiny, tmp_path: Path) -> None:
    cache, cohort = FeatureCache.open(tiny.cache), read_cohort(tiny.cohort)
    chosen, _ = choose_feature_sets(cache, cohort, "auto")
    notes = read_cases(cache, chosen, IDS, tmp_path).modalities["notes"]
    assert notes.present.tolist() == [True, True, False, False]
    assert np.isnan(notes.values[2:]).all()
    assert not notes.scale_columns
    key = next(r.key for r in cache.records("tiny", "notes") if r.case_id == "0001")
    expected = cache.read(key).arrays["embeddings"].astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(notes.values[0], expected, rtol=1e-12)


def test_workers_see_the_same_cases(tiny: Tiny, tmp_path: Path) -> None:
    cache, cohort = FeatureCache.open(tiny.cache), read_cohort(tiny.cohort)
    chosen, _ = choose_feature_sets(cache, cohort, "auto")
    cases = read_cases(cache, chosen, IDS, tmp_path)
    save_cases(cases, tmp_path)
    again = load_cases(tmp_path)
    assert again.case_ids == cases.case_ids
    for name, modality in cases.modalities.items():
        np.testing.assert_array_equal(again.modalities[name].values, modality.values)
        np.testing.assert_array_equal(again.modalities[name].present, modality.present)
        assert again.modalities[name].columns == modality.columns
        assert again.modalities[name].scale_columns == modality.scale_columns
    assert again.modalities["slides"].bags is not None
    np.testing.assert_array_equal(
        again.modalities["slides"].bags.tiles, cases.modalities["slides"].bags.tiles
    )
    np.testing.assert_array_equal(
        again.modalities["slides"].bags.order, cases.modalities["slides"].bags.order
    )


def test_a_flipped_bit_is_refused_when_the_entry_is_read(own_tiny: Tiny, tmp_path: Path) -> None:
    cache, cohort = FeatureCache.open(own_tiny.cache), read_cohort(own_tiny.cohort)
    flip_one_bit(own_tiny.cache, "slides", "0007")
    chosen, _ = choose_feature_sets(cache, cohort, "auto")
    with pytest.raises(DamagedEntryError, match="0007"):
        read_cases(cache, chosen, cohort.case_ids, tmp_path)


def small(tmp_path: Path) -> tuple[FeatureCache, Cohort]:
    card = CohortCard.model_validate(CARD)
    cases = tuple(CaseRow(case_id=case) for case in ("0000", "0001"))
    return FeatureCache.create(tmp_path / "cache"), Cohort(
        folder=tmp_path,
        card=card,
        cases=cases,
        slides=(SlideRow(case_id="0000", slide_id="a", path="a.svs"),),
        clinical={case.case_id: {} for case in cases},
    )


def vector(case: str, item: str, psa: float, variables: list[dict[str, object]] = VARIABLES) -> object:
    arrays = {"values": np.array([psa, 60.0]), "state": np.full(2, OBSERVED, dtype=np.uint8)}
    return draft(CLINICAL, case, item, "vector", arrays=arrays, attrs={"variables": variables})


def test_zero_on_a_log_scale_is_refused(tmp_path: Path) -> None:
    cache, cohort = small(tmp_path)
    cache.commit(vector("0000", "clinical", 0.0))
    chosen, _ = choose_feature_sets(cache, cohort, "auto")
    with pytest.raises(CacheError, match="psa above 0"):
        read_cases(cache, chosen, cohort.case_ids, tmp_path)


def test_two_vectors_of_a_case_are_refused(tmp_path: Path) -> None:
    cache, cohort = small(tmp_path)
    cache.commit(vector("0000", "clinical", 1.0))
    cache.commit(vector("0000", "clinical2", 1.0))
    chosen, _ = choose_feature_sets(cache, cohort, "auto")
    with pytest.raises(CacheError, match="one entry a case"):
        read_cases(cache, chosen, cohort.case_ids, tmp_path)


def test_several_feature_sets_ask_for_a_choice(tmp_path: Path) -> None:
    cache, cohort = small(tmp_path)
    other = ResolvedRecipe(name="other", modality="slides", settings={"encoder": "another"})
    for recipe in (SLIDES, other):
        arrays = {"embeddings": np.ones((2, 3), np.float32), "valid": np.ones(2, np.bool_)}
        arrays["xy_px0"] = np.zeros((2, 2), np.int32)
        cache.commit(draft(recipe, "0000", "a", "bag", arrays=arrays))
    cache.commit(vector("0000", "clinical", 1.0))
    _, (problem,) = choose_feature_sets(cache, cohort, "auto")
    assert problem.fails
    assert other.folder in problem.got
    assert SLIDES.folder in problem.got
    mapping = f"{{clinical: {CLINICAL.folder}, slides: {other.folder}}}"
    assert mapping in problem.remedy
    chosen, (problem,) = choose_feature_sets(cache, cohort, "auto", "warning")
    assert not problem.fails
    assert set(chosen) == {"clinical", "slides"}
    chosen, problems = choose_feature_sets(cache, cohort, {"slides": SLIDES.folder})
    assert problems == []
    assert chosen["slides"].name == SLIDES.folder
    (problem, *_) = choose_feature_sets(cache, cohort, {"slides": "gone"})[1]
    assert problem.got == "gone"


def test_entries_of_other_cases_are_a_warning(tmp_path: Path) -> None:
    cache, cohort = small(tmp_path)
    for case in ("0000", "9999"):
        cache.commit(vector(case, "clinical", 1.0))
    chosen, (problem,) = choose_feature_sets(cache, cohort, "auto")
    assert len(chosen["clinical"].records) == 1
    assert not problem.fails
    assert "case" in problem.got
    assert "9999" in problem.got


def test_an_empty_cache_says_what_to_do(tmp_path: Path) -> None:
    cache, cohort = small(tmp_path)
    chosen, (problem,) = choose_feature_sets(cache, cohort, "auto")
    assert chosen == {}
    assert problem.fails
    assert "extract run" in problem.remedy
