"""What a registration does to ADC where something was drawn: an expert's lesion, and zones drawn on T2W.

Enters: ProstateX-0000 and 0001 with PI-CAI's masks, and the transform that the recipe `mpmri` found in each.
Leaves: contrasts where the headers put ADC and at the place that was found, whether it was accepted or not,
without a bar: neither is the truth. The lesion was drawn by readers who saw ADC where its header puts it, so
it speaks for the headers; the zones are a network's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from extract.volumes.header import open_volume
from extract.volumes.measures.derived_regions import ring_around
from extract.volumes.reader import read_labels, read_series
from extract.volumes.registration.sampling import Image, image_of
from tests.measurement import Measured
from tests.published.measures import LABELS

RING_MM = 5.0
_LESION, _ZONES, _GLAND = "cspca_human_expert_original", "zonal_pz_tz_AI_HeviAI23", "whole_gland_AI_Bosma22b"
Matrix = np.ndarray[Any, Any]


def contrast_rows(folder: Path, found: dict[str, Matrix]) -> list[Measured]:
    """Return the contrasts of each case at both places.

    Parameters
    ----------
    folder
        That of the cases.
    found
        Case -> the matrix of its entry, which takes header places to places in T2W.
    """
    rows = []
    for case, matrix in found.items():
        stored = open_volume(folder / case / f"{case}_adc.nii.gz", case)
        adc = image_of(read_series(stored, case).voxels, stored.grid)
        for place, to_adc in (("by_header", np.eye(4)), ("where_found", np.linalg.inv(matrix))):
            for name, (value, unit, said) in _contrasts(folder, case, adc, to_adc).items():
                rows.append(
                    Measured(
                        name=f"volumes/registration_{name}_{place}_{case[-4:]}",
                        value=value,
                        unit=unit,
                        bar=None,
                        met=None,
                        input=said,
                    )
                )
    return rows


def _contrasts(folder: Path, case: str, adc: Image, to_adc: Matrix) -> dict[str, tuple[float, str, str]]:
    lesion, grid = _drawn(folder, case, _LESION)
    zones, zone_grid = _drawn(folder, case, _ZONES)
    first, second = (adc.at(zone_grid.centres(np.argwhere(zones == zone)), to_adc) for zone in (1, 2))
    apart = float((first.mean() - second.mean()) / np.sqrt((first.var() + second.var()) / 2))
    told = {"adc_of_zones": (apart, "SD", "peripheral minus transition zone (HeviAI23), pooled SD")}
    if lesion.any():
        gland, _ = _drawn(folder, case, _GLAND)
        ring = ring_around(lesion > 0, grid, RING_MM) & (gland > 0)
        inside, around = (adc.at(grid.centres(np.argwhere(one)), to_adc).mean() for one in (lesion > 0, ring))
        said = f"mean in the expert's lesion over {RING_MM:g} mm around it inside the gland: less is darker"
        told["adc_of_lesion"] = (float(inside / around), "ratio", said)
    return told


def _drawn(folder: Path, case: str, what: str) -> tuple[np.ndarray[Any, Any], Any]:
    path = folder / "picai_labels" / case / f"{LABELS[case]}_{what}.nii.gz"
    stored = open_volume(path, case, "label")
    return read_labels(stored, case), stored.grid
