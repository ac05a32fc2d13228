"""Dated measurements of one case (a PSA series, say) as arrays ordered by variable and day.

Enters: the case's rows of measurements.csv and the declarations. Leaves: index, day, value and state of
each. A row that is later than the prediction day, or in another unit than declared, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from extract.clinical.values import Cell, read_cell
from feature_cache.canonical import Json
from feature_cache.card import Variable
from feature_cache.errors import SourceError


def measurement_arrays(
    case_id: str, rows: Sequence[Json], variables: Mapping[str, Variable], last_day: int
) -> tuple[tuple[str, ...], dict[str, np.ndarray[Any, Any]]]:
    """Parse the measurements of a case.

    Parameters
    ----------
    rows
        Mappings with variable, day, value (text) and unit.
    last_day
        The prediction day.

    Returns
    -------
    names, arrays
        The measured variables, sorted, and (measurement,) arrays: `measurement_variable` i4 (index into the
        names), `measurement_day` i4, `measurement_value` f8 in the declared unit, `measurement_state` u1.

    Raises
    ------
    SourceError
        A row is later than `last_day`, in another unit, or no value of its variable.
    """
    parsed: list[tuple[str, int, Cell]] = []
    for row in rows:
        assert isinstance(row, dict)
        name, day, unit = str(row["variable"]), int(str(row["day"])), row.get("unit")
        fault = measurement_fault(variables[name], day, None if unit is None else str(unit), last_day)
        if fault is not None:
            raise SourceError(
                f"measurements.csv: case {case_id}, {name}", expected=fault[0], got=fault[1], remedy=fault[2]
            )
        parsed.append((name, day, read_cell(case_id, name, str(row["value"]), variables[name])[0]))
    parsed.sort(key=lambda entry: entry[:2])
    names = tuple(sorted({name for name, _, _ in parsed}))
    return names, {
        "measurement_variable": np.array([names.index(name) for name, _, _ in parsed], dtype="<i4"),
        "measurement_day": np.array([day for _, day, _ in parsed], dtype="<i4"),
        "measurement_value": np.array([cell.value for _, _, cell in parsed], dtype="<f8"),
        "measurement_state": np.array([cell.state for _, _, cell in parsed], dtype=np.uint8),
    }


def measurement_fault(
    variable: Variable, day: int, unit: str | None, last_day: int | None
) -> tuple[str, str, str] | None:
    """Return (expected, got, remedy) of a row that may not be used, or None."""
    if last_day is not None and day > last_day:
        remedy = "Take the row out: it is not known when the prediction is made."
        return f"a day up to the prediction day {last_day}", f"day {day}", remedy
    if unit is not None and unit != variable.unit:
        # what the cell says is text of a record: it is not repeated
        return f"unit {variable.unit}", "another unit", "Convert the value: Braid converts no unit yet."
    return None
