"""Which pixels of a level, and which of its TIFF tiles, each of many fields needs: pure geometry.

Enters: boxes in level-0 pixels, the scale of a level, its tiles. Leaves: arrays with one row a field. The
same rule as `grid.plan_read`, for all fields at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from extract.slides.grid import LEVEL_TOLERANCE
from extract.slides.pyramid import LevelScale

#: How much smaller a JPEG can be decoded within its transform of 8 x 8.
_SHRINKS = (8, 4, 2)

Boxes = Float64[np.ndarray[Any, Any], "field 4"]


@dataclass(frozen=True, kw_only=True)
class FieldPlan:
    """What each field needs, in pixels of the level divided by `shrink`.

    `corners_px` are the left and top of the smallest region that covers it, `sizes_px` its width and height,
    `boxes_px` the field (left, top, right, bottom) within it; `tiles` are the first and last column and the
    first and last row of the TIFF tiles it touches.
    """

    shrink: int
    corners_px: Int64[np.ndarray[Any, Any], "field 2"]
    sizes_px: Int64[np.ndarray[Any, Any], "field 2"]
    boxes_px: Boxes
    tiles: Int64[np.ndarray[Any, Any], "field 4"]

    def order(self) -> list[int]:
        """Return the fields by the row of tiles they begin in, then from left to right."""
        by_row: list[int] = np.lexsort((self.corners_px[:, 0], self.tiles[:, 2])).tolist()
        return by_row

    def uses(self, columns: int, rows: int) -> Int64[np.ndarray[Any, Any], "row column"]:
        """Count the fields that touch each tile."""
        corners = np.zeros((rows + 1, columns + 1), dtype=np.int64)
        first_column, last_column, first_row, last_row = self.tiles.T
        np.add.at(corners, (first_row, first_column), 1)
        np.add.at(corners, (first_row, last_column + 1), -1)
        np.add.at(corners, (last_row + 1, first_column), -1)
        np.add.at(corners, (last_row + 1, last_column + 1), 1)
        return corners.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]

    def whole(self, size_px: tuple[int, int]) -> Bool[np.ndarray[Any, Any], " field"]:
        """Return which fields are `size_px` whole pixels, so that nothing is averaged."""
        is_whole: Bool[np.ndarray[Any, Any], " field"] = (
            (self.boxes_px == np.array([0, 0, *size_px])) & (np.tile(self.sizes_px, 2) == np.tile(size_px, 2))
        ).all(axis=1)
        return is_whole

    def is_of_tiles(self, tile_px: tuple[int, int]) -> bool:
        """Whether every field is one whole tile, and no two are the same."""
        tiles = self.corners_px // tile_px
        is_whole = (self.corners_px % tile_px == 0).all() and (self.sizes_px == tile_px).all()
        return bool(is_whole) and len(np.unique(tiles, axis=0)) == len(tiles)

    def only(self, rows: Int64[np.ndarray[Any, Any], " some"]) -> FieldPlan:
        """Return the plan of some of the fields."""
        return FieldPlan(
            shrink=self.shrink,
            corners_px=self.corners_px[rows],
            sizes_px=self.sizes_px[rows],
            boxes_px=self.boxes_px[rows],
            tiles=self.tiles[rows],
        )


def choose_shrink(boxes_px0: Boxes, scale: LevelScale, size_px: tuple[int, int]) -> int:
    """Return the largest power of two that leaves the fields as fine as wanted (to 5 %, as for levels)."""
    sides = (boxes_px0[:, 2:] - boxes_px0[:, :2]) / scale.px0_per_px / size_px
    wanted = float(np.median(sides.min(axis=1))) if len(sides) else 1.0
    return next((shrink for shrink in _SHRINKS if shrink <= wanted * (1 + LEVEL_TOLERANCE)), 1)


def plan_fields(boxes_px0: Boxes, scale: LevelScale, tile_px: tuple[int, int], shrink: int) -> FieldPlan:
    """Plan all fields.

    Raises
    ------
    ValueError
        A field does not lie within the level: callers clip, readers never pad.
    """
    # float noise must not cost a column: 512.0000000001 is 512
    low = np.round(boxes_px0[:, :2] / scale.px0_per_px, 9)
    high = np.round(boxes_px0[:, 2:] / scale.px0_per_px, 9)
    length = np.array(scale.size_px)
    wrong = ~((low >= 0) & (low < high) & (high < length + 1)).all(axis=1)
    if wrong.any():
        box = tuple(boxes_px0[int(np.argmax(wrong))].tolist())
        raise ValueError(f"field {box} is not within level {scale.level} ({scale.size_px} px)")
    low, high = low / shrink, high / shrink
    length = np.maximum(length // shrink, 1)  # a last pixel that is not whole is padding in part
    corners = np.minimum(np.floor(low), length - 1)
    high = np.round(high - corners, 9)
    sizes = np.maximum(1, np.minimum(np.ceil(high), length - corners))
    low = np.minimum(np.maximum(0.0, low - corners), sizes - 1e-6)
    tile = np.array(tile_px) // shrink
    first, last = corners // tile, (corners + sizes - 1) // tile
    return FieldPlan(
        shrink=shrink,
        corners_px=corners.astype(np.int64),
        sizes_px=sizes.astype(np.int64),
        boxes_px=np.concatenate([low, np.minimum(high, sizes)], axis=1),
        tiles=np.stack([first[:, 0], last[:, 0], first[:, 1], last[:, 1]], axis=1).astype(np.int64),
    )
