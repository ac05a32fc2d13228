"""Vectors whose values are named in an array: omics beside the others, and what speaks against them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from feature_cache.cohort import read_cohort
from feature_cache.entry import MISSING, OBSERVED, EntryDraft, Source
from feature_cache.errors import CacheError, Problem
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from feature_cache.value_names import pack_names
from fuse.cases import Modality
from fuse.features.feature_sets import ChosenSet, choose_feature_sets
from fuse.features.table import read_cases
from tests.fuse.tiny_cohort import Tiny, draft, flip_one_bit

NAMES = ("TP53_rna", "MYC_rna", "BCR_rna")
SETTINGS = {"origin": "table", "encoder": "values", "day": 0}
RNA = ResolvedRecipe(name="rna", modality="omics", settings=SETTINGS)
CASES = ("0001", "0002", "0004")


def omics(case: str, values: list[float], recipe: ResolvedRecipe = RNA, **parts: object) -> EntryDraft:
    names = parts.pop("names", NAMES)
    table = Source(role="table", sha256=str(parts.pop("table", "0")) * 64, bytes=1)
    state = np.where(np.isnan(values), MISSING, OBSERVED).astype(np.uint8)
    arrays = {"values": np.array(values), "state": state, "names": pack_names(names)}
    entry = draft(recipe, case, parts.pop("item", "omics"), "vector", arrays=arrays)
    return EntryDraft(**{**entry.__dict__, "sources": (table,)})


def commit(tiny: Tiny, *entries: EntryDraft) -> FeatureCache:
    cache = FeatureCache.open(tiny.cache)
    for entry in entries:
        cache.commit(entry)
    return cache


def choose(tiny: Tiny, **wanted: object) -> tuple[dict[str, ChosenSet], list[Problem]]:
    return choose_feature_sets(FeatureCache.open(tiny.cache), read_cohort(tiny.cohort), wanted or "auto")


def read(tiny: Tiny, folder: Path) -> Modality:
    chosen, problems = choose(tiny)
    assert problems == []
    return read_cases(FeatureCache.open(tiny.cache), chosen, CASES, folder).modalities["omics"]


def test_values_names_and_absent_cases(own_tiny: Tiny, tmp_path: Path) -> None:
    commit(own_tiny, omics("0001", [1.5, np.nan, -2]), omics("0002", [np.nan] * 3))
    table = read(own_tiny, tmp_path)
    assert table.columns == NAMES
    assert table.scale_columns  # genes are in units of their own: standardised on the train part
    np.testing.assert_array_equal(table.values, [[1.5, np.nan, -2], [np.nan] * 3, [np.nan] * 3])
    assert table.present.tolist() == [True, False, False]


def test_several_tables_are_several_sets(own_tiny: Tiny) -> None:
    cnv = ResolvedRecipe(name="cnv", modality="omics", settings={**RNA.settings, "columns": 1})
    commit(own_tiny, omics("0001", [1, 2, 3]), omics("0001", [1], cnv, names=("MYC_cnv",)))
    (problem,) = choose(own_tiny)[1]
    assert problem.fails and "feature_sets.omics" in problem.where
    chosen, problems = choose(own_tiny, omics=(RNA.folder, cnv.folder))
    assert (list(chosen), problems) == (["omics", "omics:cnv"], [])


def test_entries_with_other_names_are_refused(own_tiny: Tiny, tmp_path: Path) -> None:
    commit(own_tiny, omics("0001", [1, 2, 3]), omics("0002", [1, 2, 3], names=NAMES[::-1]))
    chosen, _ = choose(own_tiny)
    with pytest.raises(CacheError, match=r"expected the variables of .*0001.*; got other variables"):
        read_cases(FeatureCache.open(own_tiny.cache), chosen, CASES, tmp_path)


def test_two_entries_of_a_case_are_refused(own_tiny: Tiny, tmp_path: Path) -> None:
    commit(own_tiny, omics("0001", [1, 2, 3]), omics("0001", [1, 2, 3], item="second"))
    chosen, _ = choose(own_tiny)
    with pytest.raises(CacheError, match="one entry a case"):
        read_cases(FeatureCache.open(own_tiny.cache), chosen, CASES, tmp_path)


def test_entries_of_two_tables_are_refused(own_tiny: Tiny) -> None:
    commit(own_tiny, omics("0001", [1, 2, 3]), omics("0002", [1, 2, 3], table="1"))
    (problem,) = choose(own_tiny)[1]
    assert problem.fails and problem.where.endswith(": case 0002")
    assert "Import the table again" in problem.remedy


def test_a_table_of_a_later_day_and_excluded_columns_are_refused(own_tiny: Tiny) -> None:
    late = ResolvedRecipe(name="rna", modality="omics", settings={**RNA.settings, "day": 9})
    commit(own_tiny, omics("0001", [1, 2, 3], late, names=("bcr", "a", "BCR_PSA")))
    path = own_tiny.cohort / "cohort.yaml"
    card = {**yaml.safe_load(path.read_text()), "excluded": {"BCR_PSA": "measured at the recurrence"}}
    path.write_text(yaml.safe_dump(card))
    problems = choose(own_tiny)[1]
    assert [problem.where.rpartition(": ")[2] for problem in problems] == [
        "day",
        "column bcr",
        "column BCR_PSA",
    ]
    assert problems[2].got == "one that it excludes (measured at the recurrence)"


def test_a_flipped_bit_is_named(own_tiny: Tiny) -> None:
    commit(own_tiny, omics("0001", [1, 2, 3]))
    flip_one_bit(own_tiny.cache, "omics", "0001")
    problems = choose(own_tiny)[1]
    assert any("omics" in problem.where and "0001" in problem.where for problem in problems)
