"""One measure of a study: a number, or the reason why there is none.

Enters: a number, or a state and a reason. Leaves: `Measure`. Nothing that is absent is a 0: a lesion that was
looked for and not found has a volume of 0, a lesion that nobody looked for has no volume.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from feature_cache.canonical import Json
from feature_cache.entry import NOT_APPLICABLE, OBSERVED, STATES, UNKNOWN

#: The unit of every measure, by the end of its name; the first that fits.
_UNITS = {
    "_ml": "mL",
    "_g": "g",
    "_per_s": "1/s",
    "_s": "s",
    "_percent_of_gland": "%",
    "_percent_of_lv_mass": "%",
    "_percent_of_myocardium": "%",
    "_adc_p10": "1e-6 mm2/s",
    "_adc_lowest_cc": "1e-6 mm2/s",
}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number with its state (`feature_cache.entry.STATES`); `why` says why there is none."""

    value: float
    state: int
    why: str = ""


def observed(value: float) -> Measure:
    """Return a measure that was made; `ValueError` for a number that is none."""
    if not math.isfinite(value):
        raise ValueError(f"a measure of {value}")
    return Measure(value=float(value), state=OBSERVED)


def unknown(why: str) -> Measure:
    """Return a measure that could not be made: nobody looked, or not in a way that tells."""
    return Measure(value=math.nan, state=UNKNOWN, why=why)


def not_applicable(why: str) -> Measure:
    """Return a measure of something that is not there in this patient."""
    return Measure(value=math.nan, state=NOT_APPLICABLE, why=why)


@dataclass(frozen=True, kw_only=True)
class StudyMeasures:
    """All measures of a study, in the order that every entry of its feature set has."""

    by_name: Mapping[str, Measure]
    described: Mapping[str, Json]
    warnings: tuple[str, ...]

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return `measures` f64 (NaN unless observed) and `measure_state` u8, one row a measure."""
        values: Float64[np.ndarray[Any, Any], " measure"] = np.array(
            [one.value for one in self.by_name.values()], dtype="<f8"
        )
        state: UInt8[np.ndarray[Any, Any], " measure"] = np.array(
            [one.state for one in self.by_name.values()], dtype=np.uint8
        )
        return {"measures": values, "measure_state": state}

    def attrs(self) -> dict[str, Json]:
        """Return names and units in the order of the arrays, and a reason for each that is not observed."""
        return {
            "measure_names": [*self.by_name],
            "measure_units": [unit_of(name) for name in self.by_name],
            "measure_states": list(STATES),
            "measure_reasons": {name: one.why for name, one in self.by_name.items() if one.why},
            "measured": dict(self.described),
        }


def unit_of(name: str) -> str:
    """Return the unit of a measure, "1" for a ratio, a count or a yes.

    Examples
    --------
    >>> unit_of("gland_volume_ml"), unit_of("lv_mass_g"), unit_of("lesion_present")
    ('mL', 'g', '1')
    """
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "1")


def first_that_is(sequences: Sequence[str], wanted: str) -> str | None:
    """Return the sequence called `wanted`, else the first by name that begins so (adc_..., adc-...)."""
    if wanted in sequences:
        return wanted
    return min((one for one in sequences if one.startswith((f"{wanted}_", f"{wanted}-"))), default=None)
