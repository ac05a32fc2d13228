"""The cache as cases: one table a modality, rows in the order of the cases, NaN where nothing was observed.

Enters: the chosen feature sets, every entry verified as it is read. Leaves: `Cases`. A clinical value keeps
its fixed scale (log where it is declared) and a bounded one its bound; every other state is NaN. A note is
the mean of its chunks, a slide bag that of its tiles; slide vectors and studies of a case are averaged.
Nothing is fitted or imputed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from feature_cache.array_format import AnyArray
from feature_cache.entry import BOUNDED_ABOVE, BOUNDED_BELOW, OBSERVED, EntryRecord
from feature_cache.errors import CacheError
from feature_cache.store import FeatureCache
from feature_cache.value_names import NAMES, unpack_names
from fuse.cases import Cases, Modality
from fuse.features.bags import embedding_length, pack_bags
from fuse.features.case_means import mean_by_case
from fuse.features.feature_sets import ChosenSet
from fuse.features.known_by_then import declared_by, values_by_day
from fuse.features.volumes import read_volumes
from fuse.files import file_stem

#: Modalities whose cases have one entry of values each; of others (slides) several are averaged.
ONE_A_CASE = ("clinical", "omics")

#: Of each state, whether a value goes with it.
_HAS_VALUE = np.isin(np.arange(256), (OBSERVED, BOUNDED_ABOVE, BOUNDED_BELOW))


def read_cases(
    cache: FeatureCache, chosen: Mapping[str, ChosenSet], case_ids: Sequence[str], scratch: Path
) -> Cases:
    """Read every feature set of the given cases; bags are packed into `scratch`/<its label>.npy.

    Raises
    ------
    DamagedEntryError
        An entry is not what was committed; it is named.
    CacheError
        The entries of a set do not agree with each other.
    """
    return Cases(
        case_ids=tuple(case_ids),
        modalities={
            label: _read_modality(cache, feature_set, case_ids, scratch)
            for label, feature_set in sorted(chosen.items())
        },
    )


def _read_modality(
    cache: FeatureCache, chosen: ChosenSet, case_ids: Sequence[str], scratch: Path
) -> Modality:
    if chosen.kind == "vector":
        return _read_vectors(cache, chosen, case_ids)
    if chosen.kind == "note":
        return _read_notes(cache, chosen, case_ids)
    if chosen.kind == "volume":
        columns, values = read_volumes(cache, chosen, case_ids)
        return _modality(chosen, columns, values, scale_columns=not chosen.by_network)
    bags, means = pack_bags(cache, chosen, case_ids, scratch / f"{file_stem(chosen.label)}.npy")
    whole = _modality(chosen, column_names(chosen), means, scale_columns=not chosen.by_network)
    return replace(whole, present=bags.stop > bags.start, bags=bags)


def _modality(
    chosen: ChosenSet,
    columns: tuple[str, ...],
    values: Float[np.ndarray, "case column"],
    *,
    scale_columns: bool,
) -> Modality:
    """Return a table as a modality; a network's columns share one scale that carries meaning."""
    if np.isinf(values).any():
        name = columns[int(np.flatnonzero(np.isinf(values).any(axis=0))[0])]
        raise _wrong(f"{chosen.modality}/{chosen.name}", f"finite values of {name}", "an infinite one")
    return Modality(
        name=chosen.label,
        feature_set=chosen.name,
        present=np.isfinite(values).any(axis=1),
        columns=columns,
        values=values,
        scale_columns=scale_columns,
    )


def _read_notes(cache: FeatureCache, chosen: ChosenSet, case_ids: Sequence[str]) -> Modality:
    """Average the chunks of all notes of a case, each chunk alike."""
    row_of = {case: row for row, case in enumerate(case_ids)}
    sums = np.zeros((len(case_ids), embedding_length(chosen)))
    counts = np.zeros(len(case_ids), dtype=np.int64)
    for record in chosen.records:
        row = row_of.get(record.case_id)
        if row is not None:
            chunks = cache.arrays(record)["embeddings"]
            sums[row] += chunks.sum(axis=0, dtype=np.float64)
            counts[row] += len(chunks)
    sums[counts == 0] = np.nan
    values = sums / np.maximum(counts, 1)[:, None]
    return _modality(chosen, column_names(chosen), values, scale_columns=False)


def _read_vectors(cache: FeatureCache, chosen: ChosenSet, case_ids: Sequence[str]) -> Modality:
    """Read vectors: one a case of values, one a slide of slides, which are averaged."""
    row_of = {case: row for row, case in enumerate(case_ids)}
    first = chosen.records[0]
    _refuse_unlike(chosen)
    columns, log = _described_values(first, cache.arrays(first))
    rows = (
        (row_of[record.case_id], _scaled_values(record, _arrays_by_then(cache, chosen, record), columns, log))
        for record in chosen.records
        if record.case_id in row_of
    )
    values = mean_by_case(rows, (len(case_ids), len(columns)))
    if chosen.until_day is not None and chosen.modality == "clinical":
        known = declared_by(first, chosen.until_day) | np.isfinite(values).any(axis=0)
        columns = tuple(name for name, kept in zip(columns, known, strict=True) if kept)
        values = values[:, known]
    if chosen.modality == "burden":  # a measure that no case has is no column, as in volumes
        seen = np.isfinite(values).any(axis=0)
        columns, values = tuple(np.array(columns)[seen].tolist()), values[:, seen]
    return _modality(chosen, columns, values, scale_columns=not chosen.by_network)


def _arrays_by_then(cache: FeatureCache, chosen: ChosenSet, record: EntryRecord) -> Mapping[str, AnyArray]:
    """Return the arrays of an entry, those of clinical values as they were known by the day of the set."""
    arrays = cache.arrays(record)
    if chosen.until_day is None or chosen.modality != "clinical":
        return arrays
    values, state = values_by_day(record, arrays, chosen.until_day)
    return {**arrays, "values": values, "state": state}


def _refuse_unlike(chosen: ChosenSet) -> None:
    """Refuse two entries of values of one case, and entries whose values have other names."""
    first = chosen.records[0]
    names = _names(first)
    for before, record in zip((None, *chosen.records), chosen.records, strict=False):
        if chosen.modality in ONE_A_CASE and before is not None and before.case_id == record.case_id:
            raise _wrong(record.key, "one entry a case", f"{before.item_id} and {record.item_id}")
        if _names(record) != names:
            raise _wrong(record.key, f"the variables of {first.key}", "other variables")


def _names(record: EntryRecord) -> tuple[object, object]:
    """Return what tells the variables of an entry: their descriptions, or the hash of their names."""
    packed = record.arrays.get(NAMES)
    return record.attrs.get("variables"), None if packed is None else packed.sha256


def _described_values(
    record: EntryRecord, arrays: Mapping[str, AnyArray]
) -> tuple[tuple[str, ...], Bool[np.ndarray, " variable"]]:
    """Return the names of the values, and which of them are on a log scale; of an array of names, none."""
    if NAMES in arrays:
        columns = unpack_names(arrays[NAMES])
        return columns, np.zeros(len(columns), dtype=np.bool_)
    variables = record.attrs["variables"]
    log = np.array([variable.get("scale") == "log" for variable in variables], dtype=np.bool_)
    return tuple(str(variable["name"]) for variable in variables), log


def _scaled_values(
    record: EntryRecord,
    arrays: Mapping[str, AnyArray],
    columns: tuple[str, ...],
    log: Bool[np.ndarray, " variable"],
) -> Float[np.ndarray, " variable"]:
    """Return the values on their declared scale, NaN for every state without a value."""
    values = np.where(_HAS_VALUE[arrays["state"]], arrays["values"], np.nan)
    not_positive = np.flatnonzero(log & (values <= 0))
    if len(not_positive):
        raise _wrong(record.key, f"{columns[int(not_positive[0])]} above 0, its scale is log", "0 or less")
    values[log] = np.log(values[log])
    return values.astype(np.float64)


def column_names(chosen: ChosenSet) -> tuple[str, ...]:
    """Return what the columns of a set of embeddings are called: as its entries say, else by number."""
    length = embedding_length(chosen)
    names = chosen.records[0].attrs.get("feature_names")
    if isinstance(names, list) and len(names) == length:
        return tuple(str(name) for name in names)
    return tuple(f"{chosen.modality}_{number}" for number in range(length))


def _wrong(key: object, expected: str, got: str) -> CacheError:
    return CacheError(
        f"cache: {key}", expected=expected, got=got, remedy="Mend the manifest and extract it again."
    )
