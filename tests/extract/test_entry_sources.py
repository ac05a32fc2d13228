"""An entry of another feature set of the same case: found, sealed, missing, damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from extract.entry_sources import find_entry, seal_of
from extract.item import WorkItem
from feature_cache.entry import EntryKey
from feature_cache.errors import DamagedEntryError, SourceError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from tests.trials.drafts import RECIPES, make_draft

OWN = ResolvedRecipe(name="second", modality="slides", settings={"of": "bag"})


@pytest.fixture
def item(tmp_path: Path) -> WorkItem:
    """A slide of case 1 whose bag is in the cache."""
    FeatureCache(root=tmp_path).commit(make_draft("bag", "1", "a"))
    return WorkItem(block="slide_vector", key=EntryKey.of("trial", OWN, "1", "a"), recipe=OWN, root=tmp_path)


def test_the_seal_is_that_of_the_record_and_changes_with_the_entry(item: WorkItem) -> None:
    record = find_entry(item, RECIPES["bag"], "a", named="the slide", remedy="Look.")
    (path,) = item.root.rglob("entry.json")
    seal = seal_of(item, record, "entry")
    assert (seal.role, seal.sha256, seal.bytes) == ("entry", record.entry_sha256, path.stat().st_size)
    FeatureCache(root=item.root).commit(make_draft("bag", "1", "a", version=1))
    anew = find_entry(item, RECIPES["bag"], "a", named="the slide", remedy="Look.")
    assert seal_of(item, anew, "entry").sha256 != seal.sha256


def test_an_entry_of_another_case_does_not_count(item: WorkItem) -> None:
    other = replace(item, key=EntryKey.of("trial", OWN, "2", "a"))
    with pytest.raises(SourceError) as refused:
        find_entry(other, RECIPES["bag"], "a", named="the slide", remedy="Look.")
    error = refused.value
    assert error.where == "case 2, vector of slide a" and error.remedy == "Look."
    assert error.expected.startswith("an entry of the slide in weightfree-") and error.got == "none"


def test_a_damaged_entry_is_not_called_missing(item: WorkItem) -> None:
    (path,) = item.root.rglob("entry.json")
    path.write_text(path.read_text().replace("weightfree", "other"))
    with pytest.raises(DamagedEntryError):
        find_entry(item, RECIPES["bag"], "a", named="the slide", remedy="Look.")
