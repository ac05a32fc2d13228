"""What heart muscle without late enhancement looks like, found without asking where somebody drew the scar.

Enters: one late enhancement series and the muscle of the left ventricle, scar and all. Leaves: the mean and
standard deviation of remote muscle. A threshold of n standard deviations over "remote" that was taken as the
muscle outside the drawn scar would repeat the drawing: the label would be in the number that is compared with
it (facts: clinical 5).

Rule (own): in every slice the muscle is cut into six sectors of 60 degrees about its centroid, and the sector
with the lowest median is remote, as a reader would choose the darkest wall. It supposes that one sector in
six of each slice is free of scar, and takes a shading of the coil for darkness. Without spacing the sectors
are those of the voxels, which is right where they are square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

#: Voxels that a sector must have to be looked at, and that remote muscle must have in all.
LEAST_SECTOR, LEAST_REMOTE = 10, 50
_SECTORS = 6

Mask = Bool[np.ndarray[Any, Any], "x y z"]
Voxels = Float32[np.ndarray[Any, Any], "x y z"]


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Mean and standard deviation of `voxels` voxels of remote muscle, in the unit of the series."""

    mean: float
    sd: float
    voxels: int


def find_remote(voxels: Voxels, muscle: Mask, spacing: tuple[float, float, float]) -> Remote | None:
    """Return what remote muscle looks like; None where there is too little of it or it has no spread.

    Parameters
    ----------
    voxels
        (x, y, z) of late enhancement, slices along z; NaN outside the field of view.
    muscle
        Myocardium and scar together.
    spacing
        Of the grid along x, y, z.
    """
    inside = muscle & np.isfinite(voxels)
    chosen = [_darkest_sector(voxels[:, :, k], inside[:, :, k], spacing[:2]) for k in range(muscle.shape[2])]
    remote = np.concatenate([values for values in chosen if values is not None] or [np.zeros(0)])
    if len(remote) < LEAST_REMOTE or np.ptp(remote) == 0:
        return None
    return Remote(mean=float(remote.mean()), sd=float(remote.std(ddof=1)), voxels=len(remote))


def _darkest_sector(
    values: np.ndarray[Any, Any], inside: np.ndarray[Any, Any], spacing: tuple[float, float]
) -> np.ndarray[Any, Any] | None:
    places = np.argwhere(inside) * np.asarray(spacing)
    if len(places) < LEAST_SECTOR:
        return None
    x, y = (places - places.mean(axis=0)).T
    sector = np.floor((np.arctan2(y, x) + np.pi) / (2 * np.pi / _SECTORS)).astype(np.int64) % _SECTORS
    own = values[inside].astype(np.float64)
    of_sector = [own[sector == number] for number in range(_SECTORS)]
    enough = [one for one in of_sector if len(one) >= LEAST_SECTOR]
    return min(enough, key=lambda one: float(np.median(one))) if enough else None
