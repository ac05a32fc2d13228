"""A prostate in numbers: volumes, what a lesion takes of the gland, and the lowest ADC of each part.

Enters: an `Anatomy` on a study's grid and the ADC map there, in 1e-6 mm2/s. Leaves: a `Measure` for each name
of `PROSTATE`. The mean ADC of a gland hides a tumour (facts: clinical 4), so it is not among them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

from extract.volumes.geometry import VoxelGrid
from extract.volumes.measures.derived_regions import Anatomy
from extract.volumes.measures.measured import Measure, not_applicable, observed, unknown

Mask = Bool[np.ndarray[Any, Any], "x y z"]
Voxels = Float32[np.ndarray[Any, Any], "x y z"]

_ORGANS = ("gland", "peripheral", "transition")
PROSTATE = (
    *(f"{part}_volume_ml" for part in _ORGANS),
    "lesion_present",
    "lesion_parts",
    "lesion_volume_ml",
    "lesion_percent_of_gland",
    *(f"{part}_adc_{which}" for part in (*_ORGANS, "lesion") for which in ("p10", "lowest_cc")),
    "lesion_adc_to_ring",
)
#: Share of a region that an ADC map must show before its lowest values say anything of the region.
ENOUGH_COVERED = 0.5
_MM3_PER_ML = 1000.0


def measure_prostate(
    anatomy: Anatomy, adc: Voxels | None, grid: VoxelGrid, spacing_known: bool
) -> dict[str, Measure]:
    """Return every measure of `PROSTATE`.

    `<part>_volume_ml` by counting voxels. `lesion_present` 1 or 0; `lesion_parts` pieces (what touches by a
    corner is one); `lesion_percent_of_gland` of the gland's voxels. `<part>_adc_p10` the 10th percentile,
    linear between ranks; `<part>_adc_lowest_cc` see `lowest_millilitre`; `lesion_adc_to_ring` the lesion's
    median over that of the ring around it inside the gland.

    Parameters
    ----------
    adc
        On `grid`, NaN where not measured, in 1e-6 mm2/s; None without such a map.
    spacing_known
        Without, nothing in mL and no lowest millilitre.
    """
    voxel_ml = float(abs(np.linalg.det(grid.affine[:3, :3]))) / _MM3_PER_ML if spacing_known else None
    found: dict[str, Measure] = {}
    for part in (*_ORGANS, "lesion"):
        found[f"{part}_volume_ml"] = volume_of(anatomy, part, voxel_ml)
        for which, measure in _adc_of(anatomy, part, adc, voxel_ml).items():
            found[f"{part}_adc_{which}"] = measure
    found |= presence_of(anatomy, "lesion")
    found["lesion_percent_of_gland"] = percent_of(anatomy, "lesion", "gland")
    found["lesion_adc_to_ring"] = _to_ring(anatomy, adc)
    return {name: found[name] for name in PROSTATE}


def volume_of(anatomy: Anatomy, part: str, voxel_ml: float | None) -> Measure:
    """Return the millilitres of a part: 0 for a finding that was looked for and is not there."""
    if part in anatomy.absent:
        return anatomy.absent[part]
    if voxel_ml is None:
        return unknown("the spacing is not known")
    return observed(int(anatomy.masks[part].sum()) * voxel_ml)


def presence_of(anatomy: Anatomy, part: str) -> dict[str, Measure]:
    """Return `<part>_present` and `<part>_parts` of a finding."""
    from scipy import ndimage

    if part in anatomy.absent:
        return {f"{part}_present": anatomy.absent[part], f"{part}_parts": anatomy.absent[part]}
    mask = anatomy.masks[part]
    _, pieces = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return {f"{part}_present": observed(float(mask.any())), f"{part}_parts": observed(float(pieces))}


def percent_of(anatomy: Anatomy, part: str, whole: str) -> Measure:
    """Return the voxels of a part as a percentage of those of a whole; what lies outside is not counted."""
    for name in (part, whole):
        if name in anatomy.absent:
            return anatomy.absent[name]
    inside = anatomy.masks[whole]
    return observed(100 * float((anatomy.masks[part] & inside).sum()) / float(inside.sum()))


def lowest_millilitre(values: Float[np.ndarray[Any, Any], " voxel"], voxel_ml: float) -> float | None:
    """Return the mean of the lowest values that fill one cubic centimetre; None where there is less.

    Own definition, after the hottest cubic centimetre of radiotherapy (D1cc): the voxels need not touch each
    other, as a connected one would depend on how a region is searched. The last voxel counts by the share of
    it that is still needed, so that the number does not jump with the voxel size.

    Examples
    --------
    >>> lowest_millilitre(np.array([5.0, 1.0, 2.0, 9.0]), 0.4)
    2.2
    """
    needed = 1.0 / voxel_ml
    if len(values) < needed - 1e-9:
        return None
    whole = int(needed)
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    rest = needed - whole
    total = float(ordered[:whole].sum()) + (rest * float(ordered[whole]) if rest > 1e-9 else 0.0)
    return total / needed


def _adc_of(anatomy: Anatomy, part: str, adc: Voxels | None, voxel_ml: float | None) -> dict[str, Measure]:
    none = _why_no_adc(anatomy, part, adc)
    if none is not None or adc is None:
        reason = none or unknown("no ADC map")
        return {"p10": reason, "lowest_cc": reason}
    inside = adc[anatomy.masks[part]]
    measured = inside[np.isfinite(inside)].astype(np.float64)
    lowest = unknown("the spacing is not known")
    if voxel_ml is not None:
        mean = lowest_millilitre(measured, voxel_ml)
        lowest = observed(mean) if mean is not None else not_applicable(f"the {part} has less than 1 mL")
    return {"p10": observed(float(np.percentile(measured, 10))), "lowest_cc": lowest}


def _why_no_adc(anatomy: Anatomy, part: str, adc: Voxels | None) -> Measure | None:
    if part in anatomy.absent:
        return anatomy.absent[part]
    if adc is None:
        return unknown("no ADC map")
    mask = anatomy.masks[part]
    if not mask.any():
        return not_applicable(f"there is no {part}")
    share = float(np.isfinite(adc[mask]).mean())
    if share < ENOUGH_COVERED:
        return unknown(f"the ADC map shows {100 * share:.0f} % of the {part}")
    return None


def _to_ring(anatomy: Anatomy, adc: Voxels | None) -> Measure:
    """Return the ratio; without a gland the ring would hold what is around it: another number."""
    lacking = (_why_no_adc(anatomy, "lesion", adc), anatomy.absent.get("gland"))
    none = next((one for one in lacking if one is not None), _why_no_adc(anatomy, "lesion_ring", adc))
    if none is not None:
        return none
    assert adc is not None
    lesion, ring = (float(np.nanmedian(adc[anatomy.masks[part]])) for part in ("lesion", "lesion_ring"))
    return observed(lesion / ring)
