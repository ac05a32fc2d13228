"""Tiles that the cache has already, for what is made of them: files of other programs, pictures.

Enters: a cache and the name of a feature set. Leaves: the records of its slides, and the size of their tiles.
"""

from __future__ import annotations

import numpy as np

from feature_cache.entry import EntryRecord
from feature_cache.errors import CacheError, SourceError
from feature_cache.store import FeatureCache

MODALITY = "slides"


def bag_records(
    cache: FeatureCache, cohort: str, feature_set: str, case_ids: frozenset[str] | None = None
) -> list[EntryRecord]:
    """Return the records of a feature set of slides that has tiles; `CacheError` where there is none."""
    records = [
        record
        for record in cache.records(cohort, MODALITY, feature_set)
        if case_ids is None or record.case_id in case_ids
    ]
    if not records or any(record.kind != "bag" for record in records):
        kinds = ", ".join(sorted({record.kind for record in records}))
        raise CacheError(
            f"cache: {cohort}/{MODALITY}/{feature_set}",
            expected="slides with tiles",
            got=f"entries of kind {kinds}" if records else "no entry",
            remedy="`python -m extract status CACHE` lists the feature sets.",
        )
    return records


def side_px0(record: EntryRecord) -> tuple[float, float]:
    """Return a tile's sides in level-0 pixels; `SourceError` where the entry does not know them."""
    sides = record.attrs.get("tile_px0")
    if sides is None:
        raise SourceError(
            f"case {record.case_id}, slide {record.item_id}",
            expected="the side of a tile in level-0 pixels",
            got="none: it was not known at the import",
            remedy="Import it again with mpp in slides.csv.",
        )
    across, down = np.broadcast_to(np.asarray(sides, dtype=np.float64), 2).tolist()
    return across, down
