"""Case-level measures in volume entries (a gland's volume, scar as a share of the muscle) as columns.

Enters: entries that hold `measures` (measure,) and `measure_state` (measure,), named by `measure_names`.
Leaves: `study/measures/<name>` for every measure that any entry of the set names, NaN in every state without
a value. A network's columns share one scale that carries meaning, and grams do not: beside those of a network
they are left out, and the modality burden has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from feature_cache.entry import OBSERVED, EntryRecord
from feature_cache.errors import CacheError
from feature_cache.store import Entry

_VALUES, _STATE, _NAMES = "measures", "measure_state", "measure_names"


@dataclass(frozen=True, kw_only=True)
class MeasureColumns:
    """The measures that the entries of a feature set name, in the order in which they first come."""

    measures: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """`study/measures/<name>` of each column."""
        return [f"study/measures/{name}" for name in self.measures]

    def values_of(self, entry: Entry) -> Float[np.ndarray, " column"]:
        """Return the columns of one entry.

        Raises
        ------
        CacheError
            Measures, states and names do not go together.
        """
        columns = np.full(len(self.measures), np.nan)
        own = _names(entry.record)
        if not own or not self.measures:
            return columns
        values, state = entry.arrays.get(_VALUES), entry.arrays.get(_STATE)
        if values is None or state is None or not len(values) == len(state) == len(set(own)):
            raise CacheError(
                f"cache: {entry.record.key}",
                expected=f"{len(own)} different measures, each with a value and a state",
                got="another number of them",
                remedy="Extract this case again.",
            )
        found = dict(zip(own, np.where(state == OBSERVED, values, np.nan), strict=True))
        for column, name in enumerate(self.measures):
            columns[column] = found.get(name, np.nan)
        return columns


def measure_columns(records: Sequence[EntryRecord], *, by_network: bool) -> MeasureColumns:
    """Return the columns that the measures of all entries make together; none of a network's entries."""
    named = () if by_network else (name for record in records for name in _names(record))
    return MeasureColumns(measures=tuple(dict.fromkeys(named)))


def _names(record: EntryRecord) -> tuple[str, ...]:
    return tuple(str(name) for name in record.attrs.get(_NAMES, ()))
