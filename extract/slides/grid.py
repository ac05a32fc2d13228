"""Where the tiles of a slide are and how each is read: pure geometry in level-0 pixels.

Enters: sizes, um per pixel, downsamples (floats, as they are). Leaves: tile positions, a level, and for
a tile the region to read with the exact box inside it. Peers that used int(downsample) read twice the
field of view on a pyramid of 1.9996; here the field of view is off by less than half a level-0 pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int32

from extract.slides.resample import Box
from feature_cache.errors import SourceError

#: A level may be this much coarser than wanted before the next finer one is read instead.
LEVEL_TOLERANCE = 0.05
#: Hand-bumped when the numbers change.
GRID_ALGORITHM = 1


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The tiles of one slide. Sizes in level-0 pixels are floats, (x, y), and are never accumulated."""

    slide_size_px0: tuple[int, int]
    mpp: tuple[float, float]
    target_mpp: float
    tile_px: int

    @property
    def tile_px0(self) -> tuple[float, float]:
        """Side of a tile in level-0 pixels: tile_px * target_mpp / mpp."""
        return (self.tile_px * self.target_mpp / self.mpp[0], self.tile_px * self.target_mpp / self.mpp[1])

    @property
    def counts(self) -> tuple[int, int]:
        """Tiles along x and y that lie wholly within the slide (to half a level-0 pixel)."""
        columns, rows = (
            max(0, math.floor((size + 0.5) / side))
            for size, side in zip(self.slide_size_px0, self.tile_px0, strict=True)
        )
        return columns, rows

    def positions_px0(self) -> Int32[np.ndarray[Any, Any], "tile 2"]:
        """Top-left corners (x, y), row by row: round(k * tile_px0), so that no rounding accumulates."""
        columns, rows = self.counts
        x = np.floor(np.arange(columns) * self.tile_px0[0] + 0.5).astype(np.int32)
        y = np.floor(np.arange(rows) * self.tile_px0[1] + 0.5).astype(np.int32)
        return np.stack([np.tile(x, rows), np.repeat(y, columns)], axis=1)

    def box_px0(self, xy_px0: tuple[int, int]) -> Box:
        """Return the field of a tile, cut at the slide's edge (it can stick out by less than a pixel)."""
        right, bottom = (
            min(start + side, float(size))
            for start, side, size in zip(xy_px0, self.tile_px0, self.slide_size_px0, strict=True)
        )
        return float(xy_px0[0]), float(xy_px0[1]), right, bottom

    @property
    def wanted_downsample(self) -> float:
        """Level-0 pixels per output pixel along the finer-stepped axis."""
        return min(self.tile_px0) / self.tile_px


@dataclass(frozen=True, kw_only=True)
class ReadPlan:
    """A region of a level that covers a field, and the field's float box inside the pixels read."""

    level: int
    location_px0: tuple[int, int]
    size_px: tuple[int, int]
    box_px: Box


def choose_level(where: str, downsamples: tuple[float, ...], wanted: float) -> int:
    """Return the coarsest level that is at most 5 % coarser than wanted.

    Raises
    ------
    SourceError
        Level 0 itself is coarser: the slide does not have the resolution that the recipe asks for.
    """
    fine_enough = [
        (downsample, level)
        for level, downsample in enumerate(downsamples)
        if downsample <= wanted * (1 + LEVEL_TOLERANCE)
    ]
    if not fine_enough:
        raise SourceError(
            where,
            expected="level-0 pixels as fine as the recipe's mpp (5 % are let pass)",
            got=f"pixels {1 / wanted:.3g} times as large",
            remedy="Set a coarser mpp in the recipe, or take this slide out.",
        )
    return max(fine_enough)[1]


def plan_read(box_px0: Box, level: int, downsample: float, level_size_px: tuple[int, int]) -> ReadPlan:
    """Plan the smallest region of a level that covers a field given in level-0 pixels.

    The region starts where a whole level pixel starts (rounded to a level-0 pixel), because readers
    interpolate or cut at other positions; what is left over is in the float box.
    """
    across = _plan_axis(box_px0[0], box_px0[2], downsample, level_size_px[0])
    down = _plan_axis(box_px0[1], box_px0[3], downsample, level_size_px[1])
    return ReadPlan(
        level=level,
        location_px0=(across[0], down[0]),
        size_px=(across[1], down[1]),
        box_px=(across[2], down[2], across[3], down[3]),
    )


def _plan_axis(start: float, end: float, downsample: float, length: int) -> tuple[int, int, float, float]:
    first = min(math.floor(start / downsample), length - 1)
    location = round(first * downsample)
    low = max(0.0, (start - location) / downsample)
    # float noise must not cost a column: 512.0000000001 is 512
    high = round((end - location) / downsample, 9)
    size = max(1, min(math.ceil(high), length - first))
    return location, size, min(low, size - 1e-6), min(high, float(size))
