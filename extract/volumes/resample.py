"""Voxels of one grid on another: linear for series, nearest neighbour for masks, nothing made up.

Enters: voxels, their grid, the grid wanted; both in one frame in mm. Leaves: voxels on the wanted grid. What
lies outside the field of view is NaN (series) or False (masks). Linear because splines overshoot: on a real
ADC map they make a fifth of the voxels negative (facts: volumes 2). By header alone: nothing is registered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from extract.volumes.geometry import VoxelGrid, coincide

RESAMPLE_ALGORITHM = 2
#: Rounding of an index at the border of the field of view.
_ROUNDING = 1e-3


def resample_linear(
    voxels: Float32[np.ndarray[Any, Any], "x y z"], grid: VoxelGrid, wanted: VoxelGrid
) -> Float32[np.ndarray[Any, Any], "a b c"]:
    """Return a series at the voxel centres of `wanted`.

    Between centres it is interpolated linearly; in the outer half of its outermost voxels it is theirs;
    beyond, and inside a NaN voxel, it is NaN. Beside a NaN the neighbours that have a value share its weight:
    what was not measured does not spread (on real ADC maps it would take 5 to 10 % of the gland, and most
    where the signal is low).
    """
    start = _whole_shift(grid, wanted)
    if start is not None:
        return voxels[tuple(slice(first, first + n) for first, n in zip(start, wanted.size, strict=True))]
    turn, offset = _index_map(grid, wanted)
    measured = np.isfinite(voxels)
    if measured.all():
        resampled = _interpolate(voxels, turn, offset, wanted.size)
    else:
        resampled = _interpolate(np.where(measured, voxels, np.float32(0)), turn, offset, wanted.size)
        held = resample_nearest(measured, grid, wanted)  # each of these has a weight of at least 1/8
        resampled[held] /= _interpolate(measured.astype(np.float32), turn, offset, wanted.size)[held]
        resampled[~held] = np.nan
    resampled[~_inside(turn, offset, grid.size, wanted.size)] = np.nan
    return resampled


def resample_nearest(
    mask: Bool[np.ndarray[Any, Any], "x y z"], grid: VoxelGrid, wanted: VoxelGrid
) -> Bool[np.ndarray[Any, Any], "a b c"]:
    """Return a mask at the voxel centres of `wanted`: the value of the voxel that holds each centre."""
    from scipy import ndimage

    turn, offset = _index_map(grid, wanted)
    resampled: UInt8[np.ndarray[Any, Any], "a b c"] = ndimage.affine_transform(
        mask.astype(np.uint8), turn, offset, output_shape=wanted.size, order=0, mode="nearest"
    )
    inside = _inside(turn, offset, grid.size, wanted.size)
    inside &= resampled > 0
    return inside


def _interpolate(
    voxels: Float32[np.ndarray[Any, Any], "x y z"],
    turn: Float[np.ndarray[Any, Any], "3 3"],
    offset: Float[np.ndarray[Any, Any], " 3"],
    size: tuple[int, int, int],
) -> Float32[np.ndarray[Any, Any], "a b c"]:
    from scipy import ndimage

    interpolated: Float32[np.ndarray[Any, Any], "a b c"] = ndimage.affine_transform(
        voxels, turn, offset, output_shape=size, order=1, mode="nearest", output=np.float32
    )
    return interpolated


def _index_map(
    grid: VoxelGrid, wanted: VoxelGrid
) -> tuple[Float[np.ndarray[Any, Any], "3 3"], Float[np.ndarray[Any, Any], " 3"]]:
    """Return the matrix and offset that take an index of `wanted` to one of `grid`."""
    turn = np.linalg.solve(grid.affine[:3, :3], wanted.affine[:3, :3])
    offset = np.linalg.solve(grid.affine[:3, :3], wanted.affine[:3, 3] - grid.affine[:3, 3])
    return turn, offset


def _inside(
    turn: Float[np.ndarray[Any, Any], "3 3"],
    offset: Float[np.ndarray[Any, Any], " 3"],
    size: tuple[int, int, int],
    wanted: tuple[int, int, int],
) -> Bool[np.ndarray[Any, Any], "a b c"]:
    """Whether each voxel centre wanted lies within a voxel of the grid, its border included."""
    inside = np.ones(wanted, dtype=bool)
    a, b, c = (np.arange(n, dtype=np.float64) for n in wanted)
    for axis, n in enumerate(size):
        index = (
            turn[axis, 0] * a[:, None, None] + turn[axis, 1] * b[:, None] + turn[axis, 2] * c + offset[axis]
        )
        inside &= (index >= -0.5 - _ROUNDING) & (index <= n - 0.5 + _ROUNDING)
    return inside


def _whole_shift(grid: VoxelGrid, wanted: VoxelGrid) -> tuple[int, int, int] | None:
    """Return where `wanted` starts in `grid` if it is a box of its very voxels, else None."""
    _, offset = _index_map(grid, wanted)
    x, y, z = (int(first) for first in np.rint(offset))
    if any(
        first < 0 or first + n > size
        for first, n, size in zip((x, y, z), wanted.size, grid.size, strict=True)
    ):
        return None
    return (x, y, z) if coincide(grid.part((x, y, z), wanted.size), wanted) else None
