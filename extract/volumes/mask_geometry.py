"""Which series a mask was drawn on: the one on whose grid it lies, within a stated tolerance.

Enters: the grid of a mask and those of the series of its study, as their headers have them. Leaves: the
series, how its array must be reordered, and how far apart the headers are; or a refusal with the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from extract.volumes.geometry import (
    TOLERATED_COSINE,
    GridDifference,
    Reordering,
    VoxelGrid,
    find_reordering,
    grid_difference,
)
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

_AS_STORED = Reordering(axes=(0, 1, 2), flipped=(False, False, False))
#: Differences below these are rounding: no warning.
_NOTEWORTHY_COSINE, _NOTEWORTHY_VOXELS = 1e-5, 0.01


@dataclass(frozen=True, kw_only=True)
class MaskPlace:
    """The series that a mask lies on, and what was done and tolerated for it."""

    series: str
    reordering: Reordering
    difference: GridDifference

    def as_json(self) -> dict[str, Json]:
        """Return what an entry keeps of it."""
        apart = self.difference
        return {
            "series": self.series,
            "reordered": None if self.reordering.is_identity else str(self.reordering),
            "cosine_difference": round(apart.cosine, 7),
            "corner_difference_voxels": round(apart.corner_voxels, 5),
        }

    def doubts(self) -> tuple[str, ...]:
        """Say what a person may want to look at."""
        apart, found = self.difference, []
        if not self.reordering.is_identity:
            found.append(f"reordered to the grid of {self.series} ({self.reordering})")
        if apart.cosine > _NOTEWORTHY_COSINE or apart.corner_voxels > _NOTEWORTHY_VOXELS:
            found.append(
                f"its header differs from that of {self.series} within tolerance (direction cosine "
                f"{apart.cosine:.2g}, corner {apart.corner_voxels:.2g} voxels); the series' grid counts"
            )
        return tuple(found)


def place_mask(mask: VoxelGrid, series: Mapping[str, VoxelGrid], where: str) -> MaskPlace:
    """Find the first series whose voxels the mask's are, if need be in another order.

    Parameters
    ----------
    mask
        As the mask's header has it.
    series
        Name -> grid as the header of the series has it, the reference first.
    where
        Names case, study and file.

    Raises
    ------
    SourceError
        It lies on none: the message has the numbers of the nearest.
    """
    for name, grid in series.items():
        apart = grid_difference(mask, grid)
        if apart is not None and apart.tolerated:
            return MaskPlace(series=name, reordering=_AS_STORED, difference=apart)
    for name, grid in series.items():
        reordering = find_reordering(mask, grid)
        if reordering is None or reordering.is_identity:
            continue
        apart = grid_difference(reordering.of_grid(mask), grid)
        if apart is not None and apart.tolerated:
            return MaskPlace(series=name, reordering=reordering, difference=apart)
    raise _on_no_grid(mask, series, where)


def _on_no_grid(mask: VoxelGrid, series: Mapping[str, VoxelGrid], where: str) -> SourceError:
    remedy = "Check that the mask is of this study and series; resample it onto the series if it is."
    compared = [(name, grid, grid_difference(mask, grid)) for name, grid in series.items()]
    if not compared:
        expected, got = "a mask with a series of its study", "a study without a readable series"
        return SourceError(where, expected=expected, got=got, remedy=remedy)
    name, grid, apart = min(compared, key=lambda one: math.inf if one[2] is None else one[2].corner_mm)
    if apart is None:
        got = f"{_size(mask)} voxels where " + ", ".join(f"{n} has {_size(g)}" for n, g, _ in compared)
        return SourceError(
            where, expected="a mask on the grid of a series of its study", got=got, remedy=remedy
        )
    unit = "mm" if (np.abs(grid.spacing - 1) > 1e-6).any() else "voxels"  # 1 x 1 x 1 is a placeholder
    row, axis = np.unravel_index(np.abs(mask.directions - grid.directions).argmax(), (3, 3))
    cosine = (
        f"direction cosine {mask.directions[row, axis]:.4f} where {name} has {grid.directions[row, axis]:.4f}"
    )
    got = (
        f"{cosine} (axis {'xyz'[axis]})"
        if apart.cosine > TOLERATED_COSINE
        else f"direction cosines {apart.cosine:.2g} off"
    ) + f", origin {apart.origin_mm:.4g} {unit} and furthest corner {apart.corner_mm:.4g} {unit} away"
    expected = (
        f"a mask on the grid of {name}: direction cosines within {TOLERATED_COSINE:g}, origin and corners "
        f"within {apart.tolerated_mm:.3g} {unit}"
    )
    return SourceError(where, expected=expected, got=got, remedy=remedy)


def _size(grid: VoxelGrid) -> str:
    return " x ".join(map(str, grid.size))
