"""Where voxels lie: grids, how far two of them are apart, and whether one is the other in another order.

Enters: sizes and affines (voxel index -> RAS mm). Leaves: grids and comparisons. Pure geometry, no file.
Real masks differ from their series by 2e-4 in direction cosines (facts: 3 of 7 of PI-CAI's): they lie on the
same voxels. A mask that is off by a voxel, or mirrored, does not, and no header is copied over in silence.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

#: Two grids are one where no direction cosine differs by more than this, and neither the origin nor a corner
#: by more than this share of the smallest voxel side.
TOLERATED_COSINE = 1e-3
TOLERATED_VOXELS = 0.5
#: Closer than this share of a voxel two grids are one, even where no header says where they lie.
_ROUNDING_VOXELS = 1e-3

Affine = Float[np.ndarray[Any, Any], "4 4"]


@dataclass(frozen=True, kw_only=True)
class VoxelGrid:
    """Voxels in space: `size` (x, y, z); `affine` takes an index to the voxel's centre in RAS mm."""

    size: tuple[int, int, int]
    affine: Affine

    @property
    def spacing(self) -> Float[np.ndarray[Any, Any], " 3"]:
        """Distance of neighbouring centres along x, y, z in mm."""
        steps: Float[np.ndarray[Any, Any], " 3"] = np.linalg.norm(self.affine[:3, :3], axis=0)
        return steps

    @property
    def directions(self) -> Float[np.ndarray[Any, Any], "3 3"]:
        """Direction cosines, one column an axis."""
        cosines: Float[np.ndarray[Any, Any], "3 3"] = self.affine[:3, :3] / self.spacing
        return cosines

    def corners(self) -> Float[np.ndarray[Any, Any], "8 3"]:
        """Return the centres of the eight outermost voxels in mm."""
        return self.centres(np.array(list(itertools.product(*((0, n - 1) for n in self.size)))))

    def centres(
        self, index: Shaped[np.ndarray[Any, Any], "point 3"]
    ) -> Float[np.ndarray[Any, Any], "point 3"]:
        """Return where voxel indices (x, y, z), whole or not, lie in mm."""
        places: Float[np.ndarray[Any, Any], "point 3"] = index @ self.affine[:3, :3].T + self.affine[:3, 3]
        return places

    def indices(
        self, places: Shaped[np.ndarray[Any, Any], "point 3"]
    ) -> Float[np.ndarray[Any, Any], "point 3"]:
        """Return the voxel indices, not rounded, of places in mm: the inverse of `centres`."""
        index: Float[np.ndarray[Any, Any], "point 3"] = np.linalg.solve(
            self.affine[:3, :3], (places - self.affine[:3, 3]).T
        ).T
        return index

    def part(self, start: tuple[int, int, int], size: tuple[int, int, int]) -> VoxelGrid:
        """Return a box of this grid; its voxels stay where they are."""
        affine = self.affine.copy()
        affine[:3, 3] = self.centres(np.array([start]))[0]
        return VoxelGrid(size=size, affine=affine)


@dataclass(frozen=True, kw_only=True)
class GridDifference:
    """How far a grid is from another of the same size; `tolerated_mm` is half the other's smallest side."""

    cosine: float
    origin_mm: float
    corner_mm: float
    tolerated_mm: float

    @property
    def corner_voxels(self) -> float:
        """How far the furthest corner is away, in smallest voxel sides."""
        return self.corner_mm / self.tolerated_mm * TOLERATED_VOXELS

    @property
    def tolerated(self) -> bool:
        """Whether both grids stand for the same voxels."""
        return self.cosine <= TOLERATED_COSINE and max(self.origin_mm, self.corner_mm) <= self.tolerated_mm


def grid_difference(grid: VoxelGrid, other: VoxelGrid) -> GridDifference | None:
    """Compare two grids voxel by voxel; None where the sizes differ."""
    if grid.size != other.size:
        return None
    apart_mm = np.linalg.norm(grid.corners() - other.corners(), axis=1)
    return GridDifference(
        cosine=float(np.abs(grid.directions - other.directions).max()),
        origin_mm=float(apart_mm[0]),
        corner_mm=float(apart_mm.max()),
        tolerated_mm=float(TOLERATED_VOXELS * other.spacing.min()),
    )


def coincide(grid: VoxelGrid, other: VoxelGrid) -> bool:
    """Whether two grids are the same but for rounding: voxels can be taken over as they are."""
    apart = grid_difference(grid, other)
    return apart is not None and apart.corner_voxels <= _ROUNDING_VOXELS


@dataclass(frozen=True, kw_only=True)
class Reordering:
    """The axes of an array in another order, some of them reversed.

    `axes[k]` is the old axis that becomes axis k; `flipped[k]` says whether it then runs the other way.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes."""
        return self.axes == (0, 1, 2) and not any(self.flipped)

    def of_array(
        self, voxels: Shaped[np.ndarray[Any, Any], "x y z"]
    ) -> Shaped[np.ndarray[Any, Any], "a b c"]:
        """Return the same voxels in the new order."""
        turned = voxels.transpose(self.axes)
        return turned[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]

    def of_grid(self, grid: VoxelGrid) -> VoxelGrid:
        """Return the grid of the reordered array: every voxel stays where it was."""
        old_of_new = np.zeros((4, 4))
        old_of_new[3, 3] = 1.0
        for new, (old, flip) in enumerate(zip(self.axes, self.flipped, strict=True)):
            old_of_new[old, new] = -1.0 if flip else 1.0
            old_of_new[old, 3] = grid.size[old] - 1 if flip else 0
        x, y, z = (grid.size[axis] for axis in self.axes)
        return VoxelGrid(size=(x, y, z), affine=grid.affine @ old_of_new)

    def __str__(self) -> str:
        """Say it in words, such as `axes z, x, y; x reversed`."""
        names = np.array(["x", "y", "z"])
        order = f"axes {', '.join(names[list(self.axes)])}" if self.axes != (0, 1, 2) else ""
        reversed_axes = f"{', '.join(names[list(self.flipped)])} reversed" if any(self.flipped) else ""
        return "; ".join(part for part in (order, reversed_axes) if part) or "as stored"


def find_reordering(grid: VoxelGrid, other: VoxelGrid) -> Reordering | None:
    """Return how to reorder `grid`'s array so that its axes run as those of `other`; None if they cannot."""
    turn: Int[np.ndarray[Any, Any], "3 3"] = np.rint(
        np.linalg.solve(other.directions, grid.directions)
    ).astype(np.int64)
    if not (np.abs(turn).sum(axis=0) == 1).all() or not (np.abs(turn).sum(axis=1) == 1).all():
        return None
    first, second, third = (int(np.flatnonzero(row)[0]) for row in turn)
    signs = [bool(row.sum() < 0) for row in turn]
    return Reordering(axes=(first, second, third), flipped=(signs[0], signs[1], signs[2]))
