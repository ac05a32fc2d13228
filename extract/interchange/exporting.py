"""A feature set leaves the cache as a neighbour's files, with a note of what it is.

Enters: a cache, a feature set of bags, an empty folder. Leaves: a file or more a slide under the slide's
id, and `braid_export.json`, written last: which feature set, which settings, which entries. Tiles that are
not valid stay behind and are counted: no neighbour has a word for them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from extract.interchange.bag import OutgoingBag
from extract.interchange.export_note import write_note
from extract.interchange.neighbour import find_neighbour
from extract.stored_tiles import bag_records, side_px0
from feature_cache.array_format import AnyArray
from feature_cache.entry import EntryRecord
from feature_cache.errors import CacheError, SourceError
from feature_cache.names import encode_name
from feature_cache.store import Entry, FeatureCache


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What a user asks of `export`: which feature set of which cohort, as whose files, into which folder."""

    cohort: str
    feature_set: str
    target: str
    folder: Path
    case_ids: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Exported:
    """How many slides and tiles went out, and how many tiles that are not valid stayed."""

    slides: int
    tiles: int
    left_out: int


def export_slides(request: ExportRequest, cache: FeatureCache) -> Exported:
    """Write every slide of a feature set; entries are verified as they are read.

    Raises
    ------
    RecipeError
        An unknown format.
    CacheError
        No such feature set, entries that are no bags, slides that share an id, or a folder that is in use.
    SourceError
        A slide lacks what the format needs, such as its mpp.
    """
    neighbour = find_neighbour(request.target)
    records = bag_records(cache, request.cohort, request.feature_set, request.case_ids)
    _refuse_twins(records)
    _make_empty(request.folder)
    tiles = left_out = 0
    for record in records:
        entry = cache.read(record.key)
        bag = _outgoing(entry)
        neighbour.write(request.folder, bag, f"case {record.case_id}, slide {record.item_id}")
        tiles += len(bag.embeddings)
        left_out += len(entry.arrays["valid"]) - len(bag.embeddings)
    write_note(request.folder, request.target, records)
    return Exported(slides=len(records), tiles=tiles, left_out=left_out)


def _outgoing(entry: Entry) -> OutgoingBag:
    record, attrs, settings = entry.record, entry.record.attrs, entry.record.settings
    across, down = side_px0(record)
    if abs(across - down) > 1:
        raise SourceError(
            f"case {record.case_id}, slide {record.item_id}",
            expected="tiles that are square in level-0 pixels, as other formats have no other",
            got=f"{across:.1f} by {down:.1f}",
            remedy="Export the others with --case.",
        )
    valid = entry.arrays["valid"].astype(np.bool_)
    native = attrs.get("mpp")
    encoder = settings["encoder"]
    size = attrs.get("slide_size_px0")
    return OutgoingBag(
        stem=encode_name(record.item_id),
        encoder=str(encoder["name"] if isinstance(encoder, dict) else encoder),
        embeddings=entry.arrays["embeddings"][valid],
        xy_px0=entry.arrays["xy_px0"][valid],
        tile_px=int(settings["tile_px"]),
        tile_px0=across,
        mpp=float(settings["mpp"]),
        slide_mpp=None if native is None else float(np.broadcast_to(native, 2)[0]),
        size_px0=None if size is None else (int(size[0]), int(size[1])),
        level=int(attrs.get("level_read", 0)),
        downsample=float(np.broadcast_to(attrs.get("level_downsample", 1.0), 2)[0]),
        overlap_px=settings.get("overlap_px"),
        tissue=_tissue(entry, valid),
    )


def _tissue(entry: Entry, valid: AnyArray) -> AnyArray | None:
    measures = entry.record.attrs.get("quality_measures") or []
    if "quality" not in entry.arrays or "tissue_fraction" not in measures:
        return None
    return np.asarray(entry.arrays["quality"][valid, measures.index("tissue_fraction")])


def _refuse_twins(records: list[EntryRecord]) -> None:
    """Refuse slides that would be one file: other formats know a slide by its name alone."""
    held = Counter(encode_name(record.item_id).lower() for record in records)
    twins = [record for record in records if held[encode_name(record.item_id).lower()] > 1]
    if twins:
        raise CacheError(
            f"slide {twins[0].item_id}",
            expected="slide ids that are unique over the cohort, as other formats know no case",
            got=f"{len(twins)} slides that share one, upper and lower case being one",
            remedy="Rename them in slides.csv and extract them again, or export the others with --case.",
        )


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise CacheError(
            f"OUT {folder.name}",
            expected="a folder that can be made",
            got=error.strerror or type(error).__name__,
            remedy="Choose another place.",
        ) from error
    if used:
        raise CacheError(
            f"OUT {folder.name}",
            expected="a new or empty folder",
            got="one that holds something",
            remedy="Give the export a folder of its own: nothing is written over.",
        )
