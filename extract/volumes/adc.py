"""ADC in its own units: 1e-6 mm2/s, never scaled by image. Refused where it is in another unit.

Enters: an ADC map, and the gland where a mask has it. Leaves: the map without the voxels that the scanner did
not compute, or a refusal. The unit is in no header: a prostate whose median is outside 600 to 2200 is no
prostate in these units (facts: clinical 4), and a map whose values end below 50 is in 1e-3 mm2/s or mm2/s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from extract.volumes.region_names import is_gland, meaning_of
from feature_cache.errors import SourceError

ADC_ALGORITHM = 1
UNIT = "1e-6 mm2/s"
_ADC = re.compile(r"adc([_-].*)?")
_GLAND_MEDIAN = (600.0, 2200.0)
#: Share of the gland that must be covered before its median says anything.
_ENOUGH_GLAND = 0.5
_ZONES = {"peripheral", "transition"}
#: Tissue of 50e-6 mm2/s does not exist: a 99th percentile below it is another unit.
_LEAST_P99 = 50.0

Voxels = Float32[np.ndarray[Any, Any], "x y z"]


def is_adc(sequence: str) -> bool:
    """Whether a sequence is an apparent diffusion coefficient: adc, adc_..., adc-..."""
    return _ADC.fullmatch(sequence) is not None


def measured_adc(voxels: Voxels) -> Voxels:
    """Return the map with NaN for values of 0 and less.

    Scanners write 0 where the signal was too weak to fit, and fits to noise come out negative: no tissue has
    such a value. To be called before interpolation, or they are mixed into their neighbours.
    """
    measured: Voxels = np.where(voxels > 0, voxels, np.float32(np.nan))
    return measured


def refuse_other_unit(
    voxels: Voxels, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]], where: str
) -> None:
    """Look at a map on the study's grid, and at the regions there that are the whole gland.

    Raises
    ------
    SourceError
        The unit is another one, or the median of a whole gland (drawn, else both zones) is implausible.
    """
    covered = np.isfinite(voxels)
    p99 = float(np.percentile(voxels[covered], 99))
    if p99 < _LEAST_P99:
        raise SourceError(
            where,
            expected=f"ADC in {UNIT} (prostate: 600 to 2200)",
            got=f"values that end at {p99:.3g}: in 1e-3 mm2/s, in mm2/s, or no ADC",
            remedy="Convert the map (times 1,000 or 1,000,000), or name the sequence otherwise.",
        )
    for name, mask in _glands(regions).items():
        inside = voxels[mask & covered]
        if len(inside) < max(1, _ENOUGH_GLAND * mask.sum()):
            continue
        median, (low, high) = float(np.median(inside)), _GLAND_MEDIAN
        if not low <= median <= high:
            raise SourceError(
                where,
                expected=f"a median ADC of {low:g} to {high:g} {UNIT} in {name}",
                got=f"{median:.4g}",
                remedy="Check unit and slope of the map (private scale factors are common) and the mask.",
            )


def _glands(
    regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]],
) -> dict[str, Bool[np.ndarray[Any, Any], "x y z"]]:
    """Return every region that is a whole gland, else the zones together where there are both."""
    drawn = {name: mask for name, mask in regions.items() if is_gland(name)}
    zones = {name: zone for name in regions if (zone := meaning_of(name)) in _ZONES}
    if drawn or set(zones.values()) != _ZONES:
        return drawn
    return {" and ".join(zones): np.any([regions[name] for name in zones], axis=0)}
