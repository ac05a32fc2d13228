"""Where the tiles of a slide are and how each is read: pure geometry in level-0 pixels.

Enters: sizes, um per pixel, downsamples (floats, as they are). Leaves: tile positions, a level, and for
a tile the region to read with the exact box inside it. Peers that used int(downsample) read twice the
field of view on a pyramid of 1.9996; here a field is cut out of the level at float edges and averaged to the
tile's size, so that its um are those of the recipe whatever level, mpp or side ratio of pixels it came from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float64, Int32

from extract.slides.pyramid import LevelScale, level_scales
from extract.slides.resample import Box
from feature_cache.errors import SourceError

if TYPE_CHECKING:
    from extract.slides.reader import SlideReader

#: A level may be this much coarser than wanted before the next finer one is read instead.
LEVEL_TOLERANCE = 0.05
#: Hand-bumped when the numbers change.
GRID_ALGORITHM = 2


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The tiles of one slide. Sizes in level-0 pixels are floats, (x, y), and are never accumulated.

    `bounds_px0` (left, top, right, bottom) is what the scanner went over, where it was not the whole canvas.
    """

    slide_size_px0: tuple[int, int]
    mpp: tuple[float, float]
    target_mpp: float
    tile_px: int
    overlap_px: int = 0
    bounds_px0: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.overlap_px < self.tile_px:
            raise ValueError(f"tiles of {self.tile_px} px cannot overlap by {self.overlap_px} px")

    @property
    def tile_px0(self) -> tuple[float, float]:
        """Side of a tile in level-0 pixels: tile_px * target_mpp / mpp."""
        return self._px0(self.tile_px)

    @property
    def step_px0(self) -> tuple[float, float]:
        """From one tile to the next, in level-0 pixels."""
        return self._px0(self.tile_px - self.overlap_px)

    @property
    def counts(self) -> tuple[int, int]:
        """Tiles along x and y that lie wholly within the canvas (to half a level-0 pixel)."""
        columns, rows = (
            max(0, math.floor((size + 0.5 + (step - side)) / step))
            for size, side, step in zip(self.slide_size_px0, self.tile_px0, self.step_px0, strict=True)
        )
        return columns, rows

    def positions_px0(self) -> Int32[np.ndarray[Any, Any], "tile 2"]:
        """Top-left corners (x, y), row by row: round(k * step_px0), so that no rounding accumulates.

        Tiles that lie wholly outside the bounds are none.
        """
        columns, rows = self.counts
        x = np.floor(np.arange(columns) * self.step_px0[0] + 0.5).astype(np.int32)
        y = np.floor(np.arange(rows) * self.step_px0[1] + 0.5).astype(np.int32)
        positions: Int32[np.ndarray[Any, Any], "tile 2"] = np.stack(
            [np.tile(x, rows), np.repeat(y, columns)], axis=1
        )
        return positions if self.bounds_px0 is None else positions[self.outside(positions) < 1]

    def outside(
        self, positions_px0: Int32[np.ndarray[Any, Any], "tile 2"]
    ) -> Float[np.ndarray[Any, Any], " tile"]:
        """Return the share of each tile that lies outside the bounds."""
        if self.bounds_px0 is None:
            return np.zeros(len(positions_px0))
        within = np.ones(len(positions_px0))
        for axis, side in enumerate(self.tile_px0):
            start = positions_px0[:, axis].astype(np.float64)
            low, high = self.bounds_px0[axis], self.bounds_px0[axis + 2]
            within *= np.clip(np.minimum(start + side, high) - np.maximum(start, low), 0, None) / side
        return np.clip(1 - within, 0, 1)

    def box_px0(self, xy_px0: tuple[int, int]) -> Box:
        """Return the field of a tile, cut at the slide's edge (it can stick out by less than a pixel)."""
        right, bottom = (
            min(start + side, float(size))
            for start, side, size in zip(xy_px0, self.tile_px0, self.slide_size_px0, strict=True)
        )
        return float(xy_px0[0]), float(xy_px0[1]), right, bottom

    def boxes_px0(
        self, positions: Int32[np.ndarray[Any, Any], "tile 2"]
    ) -> Float64[np.ndarray[Any, Any], "tile 4"]:
        """Return left, top, right, bottom of many tiles, each as `box_px0` gives it."""
        return np.hstack([positions, np.minimum(positions + self.tile_px0, self.slide_size_px0)])

    @property
    def wanted_downsample(self) -> float:
        """Level-0 pixels per output pixel along the finer-stepped axis."""
        return min(self.tile_px0) / self.tile_px

    def _px0(self, pixels: int) -> tuple[float, float]:
        return pixels * self.target_mpp / self.mpp[0], pixels * self.target_mpp / self.mpp[1]


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


def scale_of(reader: SlideReader, level: int) -> LevelScale:
    """Return where the pixels of a level lie that is read from (see `usable_downsamples`)."""
    scale = level_scales(reader.level_sizes_px, reader.level_downsamples)[level]
    if scale is None:
        raise ValueError(f"level {level} is not of one factor and is not read from")
    return scale


def usable_downsamples(reader: SlideReader) -> tuple[float, ...]:
    """Return the downsample of every level; infinite, so never chosen, for one that is not read from."""
    scales = level_scales(reader.level_sizes_px, reader.level_downsamples)
    return tuple(math.inf if scale is None else max(scale.px0_per_px) for scale in scales)


def plan_read(box_px0: Box, scale: LevelScale, between_pixels: bool) -> ReadPlan:
    """Plan the smallest region of a level that covers a field given in level-0 pixels.

    The region starts at a whole pixel of the level, which a reader is told as a level-0 pixel beside it.
    Where that lies between two level pixels a reader either interpolates (`between_pixels`, openslide) or
    starts at the nearest one; the float box inside the region is of what it does.
    """
    across, down = (
        _plan_axis(box_px0[axis], box_px0[axis + 2], scale, axis, between_pixels) for axis in (0, 1)
    )
    return ReadPlan(
        level=scale.level,
        location_px0=(across[0], down[0]),
        size_px=(across[1], down[1]),
        box_px=(across[2], down[2], across[3], down[3]),
    )


def _plan_axis(
    start: float, end: float, scale: LevelScale, axis: int, between_pixels: bool
) -> tuple[int, int, float, float]:
    length, px0_per_px = scale.size_px[axis], scale.px0_per_px[axis]
    # float noise must not cost a column: 512.0000000001 is 512
    low, high = round(start / px0_per_px, 9), round(end / px0_per_px, 9)
    first = min(math.floor(low), length - 1)
    # an interpolating reader starts at this pixel or just before it, or the field's first part would be lost
    location = math.floor(first * scale.downsample + (1e-6 if between_pixels else 0.5))
    origin = location / scale.downsample if between_pixels else first
    low, high = max(0.0, low - origin), round(high - origin, 9)
    size = max(1, min(math.ceil(high), length - first))
    return location, size, min(low, size - 1e-6), min(high, float(size))
