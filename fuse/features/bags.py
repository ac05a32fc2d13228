"""Slide entries as bags: the valid tiles of all slides of a case, packed into one file for memory mapping.

Enters: the bag entries of one feature set, verified as they are read. Leaves: `Bags` over one .npy scratch
file in the entries' own precision (half of the bytes to read where a network made them), their canonical
order, and the mean embedding of every case. Each entry is read once; no more than one slide is in memory.
Nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from feature_cache.entry import EntryRecord
from feature_cache.errors import CacheError
from feature_cache.store import Entry, FeatureCache
from fuse.cases import Bags
from fuse.features.feature_sets import ChosenSet
from fuse.features.tile_order import canonical_order


def pack_bags(
    cache: FeatureCache, chosen: ChosenSet, case_ids: Sequence[str], path: Path
) -> tuple[Bags, Float[np.ndarray, "case dim"]]:
    """Pack the tiles of `case_ids` into `path` and pool them.

    Returns
    -------
    bags
        Tiles in the order of cases, slides (by id) and the entry's rows; only tiles that are `valid`. With
        `order`.
    means
        float64, the mean over all valid tiles of all slides of a case; NaN without any.

    Raises
    ------
    DamagedEntryError
        An entry is not what was committed.
    CacheError
        The slides of a set do not agree on the length of an embedding.
    """
    of_case: dict[str, list[EntryRecord]] = {case: [] for case in case_ids}
    for record in chosen.records:
        if record.case_id in of_case:
            of_case[record.case_id].append(record)
    dim = embedding_length(chosen)
    room = sum(record.arrays["embeddings"].shape[0] for records in of_case.values() for record in records)
    # Sparse on disk: rows beyond the valid tiles are never written.
    tiles = np.lib.format.open_memmap(path, mode="w+", dtype=_precision(chosen), shape=(max(1, room), dim))
    order = np.zeros(room, dtype=np.int64)
    start = np.zeros(len(case_ids), dtype=np.int64)
    stop = np.zeros(len(case_ids), dtype=np.int64)
    means = np.full((len(case_ids), dim), np.nan)
    end = 0
    for row, case in enumerate(case_ids):
        start[row] = end
        for record in of_case[case]:
            valid = valid_tiles(cache.read(record.key))
            tiles[end : end + len(valid)] = valid
            end += len(valid)
        stop[row] = end
        own = tiles[start[row] : end]
        if len(own):
            order[start[row] : end] = start[row] + canonical_order(own)
            means[row] = own.mean(axis=0, dtype=np.float64)
    tiles.flush()
    return Bags(tiles=map_tiles(path), start=start, stop=stop, order=order), means


def map_tiles(path: Path) -> Float[np.ndarray, "tile dim"]:
    """Map a packed file read-only; every worker process maps the same bytes."""
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def valid_rows(entry: Entry) -> Bool[np.ndarray, " tile"]:
    """Return which tiles of an entry are used: the `valid` ones, all where the encoder judged none."""
    valid = entry.arrays.get("valid")
    return np.ones(len(entry.arrays["embeddings"]), np.bool_) if valid is None else valid.astype(np.bool_)


def valid_tiles(entry: Entry) -> Float[np.ndarray, "tile dim"]:
    """Return the embeddings of one entry's valid tiles, in the entry's order and precision."""
    tiles: Float[np.ndarray, "tile dim"] = entry.arrays["embeddings"][valid_rows(entry)]
    return tiles


def _precision(chosen: ChosenSet) -> np.dtype[np.floating]:
    """Return the narrowest type that holds the embeddings of all entries, at most float32."""
    types = {np.dtype(record.arrays["embeddings"].dtype) for record in chosen.records}
    return np.dtype(np.float16) if types == {np.dtype("<f2")} else np.dtype(np.float32)


def embedding_length(chosen: ChosenSet) -> int:
    """Return the length that all embeddings of a set share; `CacheError` names the entry that differs."""
    lengths = {record.arrays["embeddings"].shape[1]: record for record in reversed(chosen.records)}
    if len(lengths) > 1:
        expected = chosen.records[0].arrays["embeddings"].shape[1]
        other = next(record for length, record in lengths.items() if length != expected)
        raise CacheError(
            f"cache: {other.key}",
            expected=f"embeddings of length {expected}, as in {chosen.records[0].key}",
            got=f"length {other.arrays['embeddings'].shape[1]}",
            remedy="Extract this case again: one feature set has one encoder.",
        )
    return next(iter(lengths))
