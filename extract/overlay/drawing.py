"""A feature set's tiles and scores, one GeoJSON a slide.

Enters: a cache, a feature set of bags, scores or none, a folder. Leaves: `<folder>/<case>/<slide>.geojson`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from extract.overlay.geojson import tile_features, write_collection
from extract.overlay.scores import NO_SCORES, read_scores
from extract.stored_tiles import bag_records, side_px0
from feature_cache.errors import CacheError
from feature_cache.names import encode_name
from feature_cache.store import FeatureCache


@dataclass(frozen=True, kw_only=True)
class OverlayRequest:
    """What a user asks of `overlay`: which feature set, with which scores, into which folder."""

    cohort: str
    feature_set: str
    folder: Path
    scores: Path | None = None
    case_ids: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """How many slides and tiles were drawn, and how many of the slides have scores."""

    slides: int
    tiles: int
    scored: int


def draw_slides(request: OverlayRequest, cache: FeatureCache) -> Drawn:
    """Write one GeoJSON a slide; entries are verified as they are read. Files of an earlier call give way.

    Raises
    ------
    CacheError
        No such feature set, entries without tiles, or a folder that cannot be written.
    SourceError
        Scores of other tiles or slides, or an entry that does not know the size of its tiles.
    """
    records = bag_records(cache, request.cohort, request.feature_set, request.case_ids)
    scores = NO_SCORES if request.scores is None else read_scores(request.scores)
    scores.refuse_unknown(bag_records(cache, request.cohort, request.feature_set))
    tiles = scored = 0
    for record in records:
        entry = cache.read(record.key)
        found = scores.of(entry)
        path = request.folder / encode_name(record.case_id) / f"{encode_name(record.item_id)}.geojson"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            tiles += write_collection(path, tile_features(entry, side_px0(record), found))
        except OSError as error:
            raise CacheError(
                f"OUT {request.folder.name}",
                expected="a folder that can be written",
                got=error.strerror or type(error).__name__,
                remedy="Choose another place or make room.",
            ) from error
        scored += bool(found)
    return Drawn(slides=len(records), tiles=tiles, scored=scored)
