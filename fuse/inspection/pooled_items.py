"""What the lint compares between cases: one vector an item, with its tiles at hand where it has any.

Enters: chosen feature sets (for `fuse check`, which reads every entry once and packs nothing), or the cases
of a benchmark, which are read already. Leaves: `PooledItems` a feature set, and for a check the cases as
tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from feature_cache.entry import EntryRecord
from feature_cache.store import Entry, FeatureCache
from fuse.cases import Bags, Cases, Modality
from fuse.features.bags import embedding_length, valid_tiles
from fuse.features.feature_sets import ChosenSet
from fuse.features.table import column_names, read_cases

Tiles = Float[np.ndarray, "tile dim"]


@dataclass(frozen=True, kw_only=True)
class PooledItems:
    """One feature set: row i of `values` (item, column) is an item of case `owners[i]`.

    `kind` is the modality (slides, volumes, notes, omics). `tiles_of` gives the tiles behind a row, None
    where there are none.
    """

    label: str
    feature_set: str
    kind: str
    owners: tuple[str, ...]
    values: Float[np.ndarray, "item column"]
    tiles_of: Callable[[int], Tiles] | None = None


def items_of_cases(cases: Cases, chosen: Mapping[str, ChosenSet]) -> list[PooledItems]:
    """Return one row a case of what was read already: several slides of a case are pooled."""
    return [
        _of_modality(modality, chosen[label].modality, cases.case_ids)
        for label, modality in cases.modalities.items()
        if label in chosen
    ]


def read_to_compare(
    cache: FeatureCache, chosen: Mapping[str, ChosenSet], case_ids: Sequence[str]
) -> tuple[Cases, list[PooledItems]]:
    """Read and verify every entry of some cases; of bags no more than one slide is in memory at a time.

    Raises
    ------
    DamagedEntryError
        An entry is not what was committed.
    CacheError
        The entries of a set do not agree with each other.
    """
    plain = {label: one for label, one in chosen.items() if one.kind != "bag"}
    cases = read_cases(cache, plain, case_ids, Path())  # nothing but bags is packed into a file
    items = items_of_cases(cases, plain)
    modalities = dict(cases.modalities)
    for label in sorted(chosen.keys() - plain.keys()):
        modalities[label], pooled = _read_bags(cache, chosen[label], case_ids)
        items.append(pooled)
    return Cases(case_ids=tuple(case_ids), modalities=modalities), items


def _of_modality(modality: Modality, kind: str, case_ids: tuple[str, ...]) -> PooledItems:
    rows = np.flatnonzero(modality.present)
    bags = modality.bags
    return PooledItems(
        label=modality.name,
        feature_set=modality.feature_set,
        kind=kind,
        owners=tuple(case_ids[row] for row in rows),
        values=modality.values[rows],
        tiles_of=None if bags is None else _bag_of(bags, rows.tolist()),
    )


def _bag_of(bags: Bags, rows: Sequence[int]) -> Callable[[int], Tiles]:
    return lambda item: bags.of(rows[item])


def _read_bags(
    cache: FeatureCache, chosen: ChosenSet, case_ids: Sequence[str]
) -> tuple[Modality, PooledItems]:
    """Return the mean embedding of every case, as a benchmark has it, and of every slide."""
    row_of = {case: row for row, case in enumerate(case_ids)}
    dim = embedding_length(chosen)
    sums, counts = np.zeros((len(case_ids), dim)), np.zeros(len(case_ids), dtype=np.int64)
    records, means = [], []
    for record in (record for record in chosen.records if record.case_id in row_of):
        tiles = _tiles(cache, record)
        if len(tiles):
            total = tiles.sum(axis=0, dtype=np.float64)
            sums[row_of[record.case_id]] += total
            counts[row_of[record.case_id]] += len(tiles)
            records.append(record)
            means.append(total / len(tiles))
    sums[counts == 0] = np.nan
    modality = Modality(
        name=chosen.label,
        feature_set=chosen.name,
        present=counts > 0,
        columns=column_names(chosen),
        values=sums / np.maximum(counts, 1)[:, None],
    )
    items = PooledItems(
        label=chosen.label,
        feature_set=chosen.name,
        kind=chosen.modality,
        owners=tuple(record.case_id for record in records),
        values=np.array(means) if means else np.zeros((0, dim)),
        tiles_of=lambda item: _tiles(cache, records[item]),
    )
    return modality, items


def _tiles(cache: FeatureCache, record: EntryRecord) -> Tiles:
    return valid_tiles(Entry(record=record, arrays=cache.arrays(record)))
