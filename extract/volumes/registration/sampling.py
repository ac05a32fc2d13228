"""Where the images are compared, and what they are there: places in and around the gland, smoothed values.

Enters: masks and series on their grids. Leaves: places in RAS mm, and values at places. The raster is
jittered by a fixed sequence: places on the voxels of one grid would favour transforms that lay the other
grid's voxels onto them (Pluim, Maintz and Viergever, 2000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

from extract.volumes.geometry import VoxelGrid
from extract.volumes.registration.rigid import Matrix, Places

#: The generalised golden ratio of three dimensions: x ** 4 = x + 1 (Roberts, the sequence R3).
_GOLDEN = 1.2207440846057596
_STEPS = np.array([_GOLDEN**-1, _GOLDEN**-2, _GOLDEN**-3])


@dataclass(frozen=True, kw_only=True)
class Image:
    """One series on the grid that its header gives it; voxels without a value are 0."""

    voxels: Float32[np.ndarray[Any, Any], "x y z"]
    grid: VoxelGrid

    def smoothed(self, sigma_mm: float) -> Image:
        """Return it after a Gaussian of a width in mm, the same along all axes."""
        from scipy import ndimage

        sigma = [sigma_mm / step for step in self.grid.spacing]
        return Image(voxels=ndimage.gaussian_filter(self.voxels, sigma), grid=self.grid)

    def near(self, places: Places, margin_mm: float) -> Image:
        """Return the box of it that holds places and a margin; all of it where none of them lies in it."""
        index = self.grid.indices(places)
        margin = margin_mm / self.grid.spacing
        size = np.array(self.grid.size)
        low = np.clip(np.floor(index.min(axis=0) - margin), 0, size - 1).astype(int)
        high = np.clip(np.ceil(index.max(axis=0) + margin), 0, size - 1).astype(int)
        x, y, z = (int(n) for n in high - low + 1)
        start = (int(low[0]), int(low[1]), int(low[2]))
        box = tuple(slice(first, first + n) for first, n in zip(start, (x, y, z), strict=True))
        return Image(voxels=self.voxels[box], grid=self.grid.part(start, (x, y, z)))

    def at(self, places: Places, matrix: Matrix | None = None) -> Float[np.ndarray[Any, Any], " place"]:
        """Return values at places, moved by `matrix` first; linear between centres; NaN outside."""
        from scipy import ndimage

        to_index = np.linalg.inv(self.grid.affine)
        if matrix is not None:
            to_index = to_index @ matrix
        x, y, z = places.T
        index = [row[0] * x + row[1] * y + row[2] * z + row[3] for row in to_index[:3]]
        values: Float[np.ndarray[Any, Any], " place"] = ndimage.map_coordinates(
            self.voxels, index, output=np.float64, order=1, mode="constant", cval=np.nan
        )
        return values


def image_of(voxels: Float32[np.ndarray[Any, Any], "x y z"], grid: VoxelGrid) -> Image:
    """Return a series for comparison: what is not finite or negative is 0, as where a scanner saw nothing."""
    return Image(voxels=np.maximum(np.nan_to_num(voxels, nan=0.0, posinf=0.0, neginf=0.0), 0), grid=grid)


def signed_distance_mm(
    mask: Bool[np.ndarray[Any, Any], "x y z"], grid: VoxelGrid
) -> Float[np.ndarray[Any, Any], "x y z"]:
    """Return how far each voxel centre is outside a mask (positive) or inside (negative)."""
    from scipy import ndimage

    outside = ndimage.distance_transform_edt(~mask, sampling=grid.spacing)
    inside = ndimage.distance_transform_edt(mask, sampling=grid.spacing)
    distance: Float[np.ndarray[Any, Any], "x y z"] = outside - inside
    return distance


def places_in(
    region: Bool[np.ndarray[Any, Any], "x y z"], grid: VoxelGrid, step_mm: float, first: int = 0
) -> Places:
    """Return places spread over a region, one a cube of `step_mm`, at a fixed jitter.

    Another `first` starts the jitter elsewhere: other places, as dense. None in an empty region.
    """
    filled = np.argwhere(region)
    if not len(filled):
        return np.zeros((0, 3))
    low, high = filled.min(axis=0), filled.max(axis=0)
    cells = [
        max(1, math.floor(n * side / step_mm + 0.5))
        for n, side in zip(high - low + 1, grid.spacing, strict=True)
    ]
    corner = np.indices(cells).reshape(3, -1).T
    jitter = (0.5 + (first + np.arange(len(corner)))[:, None] * _STEPS) % 1.0
    index = low - 0.5 + (corner + jitter) * (high - low + 1) / np.array(cells)
    nearest = np.clip(np.rint(index).astype(int), 0, np.array(region.shape) - 1)
    return grid.centres(index[region[tuple(nearest.T)]])
