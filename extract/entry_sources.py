"""Entries as sources: what a second pass, whose items have the cache for their root, is made of.

Enters: an item, and the feature set of an entry that it needs. Leaves: that entry's record, and its seal in
the place of a file's hash. What was made anew has another seal, so that what is made of it is made anew too.
"""

from __future__ import annotations

from extract.item import WorkItem
from feature_cache.entry import EntryKey, EntryRecord, Source
from feature_cache.entry_json import FILE
from feature_cache.errors import CacheError, DamagedEntryError, SourceError
from feature_cache.names import entry_path
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache


def find_entry(
    item: WorkItem, recipe: ResolvedRecipe, item_id: str, *, named: str, remedy: str
) -> EntryRecord:
    """Return the record of an entry of the item's case, under the recipe and id of another feature set.

    `named` and `remedy` tell a user what is not there, and what to do.

    Raises
    ------
    DamagedEntryError
        The entry is not what was committed.
    SourceError
        There is none.
    """
    key = EntryKey.of(item.key.cohort, recipe, item.key.case_id, item_id)
    try:
        return FeatureCache(root=item.root).record(key)
    except DamagedEntryError:
        raise
    except CacheError as error:
        raise SourceError(
            str(item), expected=f"an entry of {named} in {key.feature_set}", got="none", remedy=remedy
        ) from error


def seal_of(item: WorkItem, record: EntryRecord, role: str) -> Source:
    """Return an entry as a source: the hash of its record, and the size of the file that holds it."""
    size = (item.root / entry_path(record.key) / FILE).stat().st_size
    return Source(role=role, sha256=record.entry_sha256, bytes=size)
