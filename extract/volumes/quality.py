"""What a person wants to know of a study's masks and coverage before trusting its numbers.

Enters: regions on the study's grid, coverage by series. Leaves: plain JSON for the entry. Millilitres only
where the spacing is known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool

from extract.volumes.codebook import CROP
from extract.volumes.geometry import VoxelGrid
from feature_cache.canonical import Json

#: 2: noise, clipping, repeated slices and the place of each series, as read, beside coverage and regions.
QUALITY_ALGORITHM = 2
_MM3_PER_ML = 1000.0

Mask = Bool[np.ndarray[Any, Any], "x y z"]


def region_quality(mask: Mask, grid: VoxelGrid, spacing_known: bool) -> dict[str, Json]:
    """Return voxels, volume, connected parts and whether the region reaches the end of the volume.

    Parameters
    ----------
    mask
        On `grid`, not cropped. Voxels that touch by a corner are one part.
    spacing_known
        Without, `volume_ml` is None.
    """
    from scipy import ndimage

    voxels = int(mask.sum())
    voxel_mm3 = abs(float(np.linalg.det(grid.affine[:3, :3])))
    _, parts = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    edges = [np.take(mask, end, axis=axis).any() for axis in range(3) for end in (0, -1)]
    return {
        "voxels": voxels,
        "volume_ml": round(voxels * voxel_mm3 / _MM3_PER_ML, 4) if spacing_known else None,
        "parts": int(parts),
        "touches_border": bool(any(edges)),
    }


def coverage_of(voxels: np.ndarray[Any, Any], regions: Mapping[str, Mask]) -> dict[str, float | None]:
    """Return the share of each region's voxels at which a series has a value; None for an empty region."""
    covered = np.isfinite(voxels)
    return {
        name: round(float(covered[mask].mean()), 4) if mask.any() else None for name, mask in regions.items()
    }


def coverage_warnings(
    coverage: Mapping[str, Mapping[str, float | None]], apart: Collection[str] = ()
) -> tuple[str, ...]:
    """Name every series that shows less than all of a region that is not among those `apart`."""
    return tuple(
        f"{series} covers {100 * share:.4g} % of {region}"
        for series, shares in coverage.items()
        for region, share in shares.items()
        if share is not None and share < 1 and region != CROP and region not in apart
    )
