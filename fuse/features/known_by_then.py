"""What was known on the day of the prediction, of a cohort that is extracted up to a later one.

Enters: entries, and the days that the manifest gives their items, columns and measurements. Leaves: the
entries and columns that were known by then, and the last value that was measured by then. Only cohorts whose
card declares moments have anything later; of all others nothing is looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from feature_cache.array_format import AnyArray
from feature_cache.cohort import Cohort
from feature_cache.entry import BOUNDED_ABOVE, BOUNDED_BELOW, MISSING, OBSERVED, EntryRecord
from fuse.features.declared import known_day, listed_days

HAVE_VALUE = (OBSERVED, BOUNDED_ABOVE, BOUNDED_BELOW)


@dataclass(frozen=True, kw_only=True)
class Split:
    """The entries that were known by the day, those that came later, and those of which no day is said."""

    known: tuple[EntryRecord, ...]
    later: tuple[EntryRecord, ...]
    dateless: tuple[EntryRecord, ...]


def split_by_day(records: Sequence[EntryRecord], cohort: Cohort, until_day: int) -> Split:
    """Part the entries of one feature set by what was known on `until_day` (days after the index event)."""
    days_of = listed_days(cohort, records[0].modality) if records else {}
    parts: dict[str, list[EntryRecord]] = {"known": [], "later": [], "dateless": []}
    for record in records:
        if record.modality == "clinical":
            measured = bool(record.attrs.get("measurement_variables"))
            known = measured or bool(declared_by(record, until_day).any())
            parts["known" if known else "later"].append(record)
            continue
        day = _day_of(record, days_of)
        parts["dateless" if day is None else "known" if day <= until_day else "later"].append(record)
    return Split(known=tuple(parts["known"]), later=tuple(parts["later"]), dateless=tuple(parts["dateless"]))


def _day_of(record: EntryRecord, days_of: Mapping[tuple[str, str], Mapping[str, int | None]]) -> int | None:
    """Return the day on which an entry is known: an imported table has one, other items are listed."""
    if record.settings.get("origin") == "table":
        return int(record.settings.get("day", 0))
    listed = days_of.get((record.case_id, record.item_id), {})
    told = [listed[name] for name in record.attrs.get("series", listed) if name in listed]
    if record.modality == "burden" and record.attrs.get("clinical_day") is not None:
        told.append(int(record.attrs["clinical_day"]))
    return known_day(told)


def declared_by(record: EntryRecord, until_day: int) -> Bool[np.ndarray, " variable"]:
    """Return which values of a clinical entry are known by a day, as their variables declare it."""
    return np.array(
        [int(one.get("day", 0)) <= until_day for one in record.attrs["variables"]], dtype=np.bool_
    )


def values_by_day(
    record: EntryRecord, arrays: Mapping[str, AnyArray], until_day: int
) -> tuple[Float[np.ndarray, " variable"], AnyArray]:
    """Return values and states of a clinical entry as they were known on a day.

    A value of clinical.csv counts from the day that its variable declares; a measurement of that day or a
    later one takes its place, the last by `until_day` that has a value.
    """
    described = record.attrs["variables"]
    day = np.array([int(one.get("day", 0)) for one in described], dtype=np.int64)
    values, state = np.array(arrays["values"], dtype=np.float64), np.array(arrays["state"])
    late = day > until_day
    values[late], state[late] = np.nan, MISSING
    latest = np.where(late | ~np.isin(state, HAVE_VALUE), np.iinfo(np.int64).min, day)
    place = {str(one["name"]): column for column, one in enumerate(described)}
    names = record.attrs.get("measurement_variables", ())
    rows = zip(
        arrays.get("measurement_variable", ()),
        arrays.get("measurement_day", ()),
        arrays.get("measurement_value", ()),
        arrays.get("measurement_state", ()),
        strict=True,
    )
    for variable, measured_on, value, found in rows:  # in the order of their days
        column = place.get(str(names[int(variable)]))
        if column is None or measured_on > until_day or found not in HAVE_VALUE:
            continue
        if measured_on >= latest[column]:
            values[column], state[column], latest[column] = value, found, measured_on
    return values, state
