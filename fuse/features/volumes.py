"""Volume entries as a table: what the encoder said of each region in each series, side by side.

Enters: the volume entries of one feature set, verified as they are read. Leaves: one row a case with a column
`<series>/<region>/<feature>` for everything that any entry of the set has a row for; of series over time
`<series>/<region>/time/<pool>/<feature>` (`time_pooling.py`); and `study/measures/<name>`
(`study_measures.py`). What a case lacks is NaN, never 0; a case with several studies has their mean. Nothing
is fitted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from feature_cache.entry import EntryRecord
from feature_cache.errors import CacheError
from feature_cache.store import Entry, FeatureCache
from fuse.features.case_means import mean_by_case
from fuse.features.feature_sets import ChosenSet
from fuse.features.study_measures import measure_columns
from fuse.features.timed_volumes import timed_columns

#: A series and a region: what one row of an entry's `regions` is about.
Place = tuple[str, str]


def read_volumes(
    cache: FeatureCache, chosen: ChosenSet, case_ids: Sequence[str]
) -> tuple[tuple[str, ...], Float[np.ndarray, "case column"]]:
    """Read the rows of all regions of all series of the given cases.

    Returns
    -------
    columns
        `<series>/<region>/<feature>`, sorted by series and region, features in the encoder's order, then
        `<series>/<region>/time/<pool>/<feature>`, then `study/measures/<name>`; those that no case has a
        value of are left out. Which there are follows from the entries alone: no outcome and nothing fitted
        is in it.
    values
        (case, column) float64, NaN where not observed.

    Raises
    ------
    DamagedEntryError
        An entry is not what was committed.
    CacheError
        The entries of a set do not agree on the features, or rows and their names do not go together, or
        frames and their times.
    """
    features = _features(chosen)
    places = sorted({place for record in chosen.records for place in places_of(record)})
    first_of = {place: number * len(features) for number, place in enumerate(places)}
    row_of = {case: row for row, case in enumerate(case_ids)}
    over_time = timed_columns(chosen.records)
    measures = measure_columns(chosen.records, by_network=chosen.by_network)
    read = ((row_of[r.case_id], cache.read(r.key)) for r in chosen.records if r.case_id in row_of)
    rows = (
        (
            row,
            np.concatenate(
                [
                    _flat(entry, first_of, len(features)),
                    over_time.values_of(entry),
                    measures.values_of(entry),
                ]
            ),
        )
        for row, entry in read
    )
    names = [f"{series}/{region}/{feature}" for series, region in places for feature in features]
    names += [*over_time.names, *measures.names]
    values = mean_by_case(rows, (len(case_ids), len(names)))
    seen = np.flatnonzero(~np.isnan(values).all(axis=0))
    return tuple(names[column] for column in seen), values[:, seen]


def places_of(record: EntryRecord) -> list[Place]:
    """Return the series and region of each row of an entry."""
    return [(str(row["series"]), str(row["region"])) for row in record.attrs["region_rows"]]


def _features(chosen: ChosenSet) -> list[str]:
    """Return the names that all entries of a set share."""
    first = chosen.records[0]
    for record in chosen.records:
        if record.attrs["feature_names"] != first.attrs["feature_names"]:
            raise _wrong(record, f"the features of {first.key}", "other features")
    return [str(name) for name in first.attrs["feature_names"]]


def _flat(entry: Entry, first_of: dict[Place, int], width: int) -> Float[np.ndarray, " column"]:
    """Return one entry's rows in the columns of the whole set."""
    record, regions, valid = entry.record, entry.arrays["regions"], entry.arrays["region_valid"]
    places = places_of(record)
    if len(set(places)) < len(places) or regions.shape != (len(places), width) or len(valid) != len(places):
        expected = f"{len(places)} different region_rows, each with {width} features"
        raise _wrong(record, expected, f"regions of shape {regions.shape}")
    values = np.full(len(first_of) * width, np.nan)
    for place, row, usable in zip(places, regions, valid, strict=True):
        if usable:
            values[first_of[place] : first_of[place] + width] = row
    return values


def _wrong(record: EntryRecord, expected: str, got: str) -> CacheError:
    return CacheError(f"cache: {record.key}", expected=expected, got=got, remedy="Extract this case again.")
