"""A heart in numbers: cavities, muscle, and how much of it is scar.

Enters: an `Anatomy` on a study's grid and the late enhancement there. Leaves: a `Measure` for each name of
`HEART`. Late enhancement shows focal scar, not diffuse fibrosis. Grams and millilitres only where the spacing
is known, and then by the distance of slices, gaps included; without, scar is told as a share of the segmented
myocardium, under another name: repeated views and unequal gaps make it another number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from extract.volumes.geometry import VoxelGrid
from extract.volumes.measures.derived_regions import Anatomy
from extract.volumes.measures.measured import Measure, not_applicable, observed, unknown
from extract.volumes.measures.prostate import percent_of, presence_of, volume_of
from extract.volumes.measures.remote import Remote, find_remote
from feature_cache.canonical import Json

#: Density of myocardium, g/mL (facts: clinical 5).
MYOCARDIUM_G_PER_ML = 1.05
#: Standard deviations over remote muscle above which it counts as bright (Bondarenko et al. 2005, 5 SD).
BRIGHT_SD = 5.0
HEART = (
    "lv_cavity_volume_ml",
    "rv_cavity_volume_ml",
    "lv_mass_g",
    "scar_present",
    "scar_parts",
    "scar_volume_ml",
    "scar_mass_g",
    "scar_percent_of_lv_mass",
    "scar_percent_of_myocardium",
    "scar_z",
    "bright_percent_of_myocardium",
    "half_maximum_percent_of_myocardium",
)
_MM3_PER_ML = 1000.0

Mask = Bool[np.ndarray[Any, Any], "x y z"]
Voxels = Float32[np.ndarray[Any, Any], "x y z"]


def measure_heart(
    anatomy: Anatomy, late: Voxels | None, grid: VoxelGrid, spacing_known: bool
) -> tuple[dict[str, Measure], dict[str, Json]]:
    """Return every measure of `HEART`, and what the remote muscle was.

    `lv_mass_g` of the muscle (myocardium and scar) at 1.05 g/mL; `scar_percent_of_lv_mass` where the spacing
    is known, else `scar_percent_of_myocardium`: never both. `scar_z`: the mean of the drawn scar in standard
    deviations over remote muscle (`remote.py`). `bright_percent_of_myocardium` is the share of muscle 5 of
    these over it, and `half_maximum_percent_of_myocardium` that of at least half the greatest signal of the
    muscle (Amado et al. 2004), where a scar is drawn: without one, half the greatest signal is plain muscle.
    """
    voxel_ml = float(abs(np.linalg.det(grid.affine[:3, :3]))) / _MM3_PER_ML if spacing_known else None
    found = {f"{part}_volume_ml": volume_of(anatomy, part, voxel_ml) for part in ("lv_cavity", "rv_cavity")}
    found["lv_mass_g"] = _grams(volume_of(anatomy, "muscle", voxel_ml))
    found |= presence_of(anatomy, "scar")
    found["scar_volume_ml"] = volume_of(anatomy, "scar", voxel_ml)
    found["scar_mass_g"] = _grams(found["scar_volume_ml"])
    share = percent_of(anatomy, "scar", "muscle")
    found["scar_percent_of_lv_mass"] = share if spacing_known else _no_spacing(share)
    found["scar_percent_of_myocardium"] = (
        not_applicable("the spacing is known: see scar_percent_of_lv_mass") if spacing_known else share
    )
    bright, described = _late_enhancement(anatomy, late, grid)
    found |= bright
    return {name: found[name] for name in HEART}, described


def _grams(volume: Measure) -> Measure:
    return volume if volume.why else observed(volume.value * MYOCARDIUM_G_PER_ML)


def _no_spacing(share: Measure) -> Measure:
    """Say why there is no share of a mass: what the share itself lacks comes first."""
    return share if share.why else unknown("the spacing is not known: see scar_percent_of_myocardium")


def _late_enhancement(
    anatomy: Anatomy, late: Voxels | None, grid: VoxelGrid
) -> tuple[dict[str, Measure], dict[str, Json]]:
    names = ("scar_z", "bright_percent_of_myocardium", "half_maximum_percent_of_myocardium")
    missing = anatomy.absent.get("muscle") or (unknown("no late enhancement") if late is None else None)
    if missing is not None or late is None:
        return dict.fromkeys(names, missing or unknown("no late enhancement")), {}
    muscle = anatomy.masks["muscle"]
    x, y, z = (float(side) for side in grid.spacing)
    remote = find_remote(late, muscle, (x, y, z))
    if remote is None:
        return dict.fromkeys(names, unknown("too little muscle to tell which is remote")), {}
    inside = late[muscle & np.isfinite(late)].astype(np.float64)
    bright = observed(100 * float((inside > remote.mean + BRIGHT_SD * remote.sd).mean()))
    return (
        {
            "scar_z": _scar_z(anatomy, late, remote),
            "bright_percent_of_myocardium": bright,
            "half_maximum_percent_of_myocardium": _half_maximum(anatomy, inside),
        },
        {"remote_mean": remote.mean, "remote_sd": remote.sd, "remote_voxels": remote.voxels},
    )


def _scar_z(anatomy: Anatomy, late: Voxels, remote: Remote) -> Measure:
    if "scar" in anatomy.absent:
        return anatomy.absent["scar"]
    inside = late[anatomy.masks["scar"] & np.isfinite(late)].astype(np.float64)
    if not len(inside):
        return not_applicable("there is no scar in the field of view")
    return observed((float(inside.mean()) - remote.mean) / remote.sd)


def _half_maximum(anatomy: Anatomy, inside: np.ndarray[Any, Any]) -> Measure:
    if "scar" in anatomy.absent:
        return anatomy.absent["scar"]
    if not anatomy.masks["scar"].any():
        return not_applicable("there is no scar")
    return observed(100 * float((inside >= inside.max() / 2).mean()))
