"""Tiles of one open slide: which hold tissue, read in batches, measured, encoded by one encoder or several.

Enters: an open reader, its scale, a mask or none, and bags to fill. Leaves: arrays with one row a tile. A
tile that cannot be read keeps its row: valid False, embedding NaN, quality NaN but for what is known without
pixels, and the reason. Memory does not grow with the slide but by its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int32, UInt8

from extract.slides.bag import Bag
from extract.slides.bounds import Gaps, gaps_of
from extract.slides.colour import FieldColours
from extract.slides.fields import Resampler
from extract.slides.grid import Grid
from extract.slides.overview import Overview, read_overview
from extract.slides.quality import PLACE_MEASURES, QUALITY_MEASURES, measure_tiles
from extract.slides.reader import SlideReader
from extract.slides.tissue import TISSUE_PIXEL_UM, box_fractions, find_tissue
from extract.slides.tissue_mask import TissueMask
from extract.steps import step

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Tiles read and measured at once: few enough to be in the processor's cache when they are measured.
BATCH = 4
#: Why a tile has no pixels that was never asked for.
UNSEEN = "what is there could not be seen in the overview"
#: A slide with more reasons than a byte can count keeps the first of them.
_MOST_REASONS = 256
_FURTHER = "a further reason"


@dataclass(frozen=True, kw_only=True)
class ChosenTiles:
    """The tiles of a grid with enough tissue, and how they are read.

    `tissue` is the share of tissue, NaN where nobody could see half of the tile; `outside` that of what was
    never scanned.
    """

    grid: Grid
    level: int
    resampler: Resampler
    xy_px0: Int32[np.ndarray[Any, Any], "tile 2"]
    tissue: Float[np.ndarray[Any, Any], " tile"]
    outside: Float[np.ndarray[Any, Any], " tile"]


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """What was read of a slide, one row a tile; `reason` counts in `reasons`, "" being that of valid ones."""

    valid: Bool[np.ndarray[Any, Any], " tile"]
    quality: Float[np.ndarray[Any, Any], "tile measure"]
    reason: UInt8[np.ndarray[Any, Any], " tile"]
    reasons: tuple[str, ...]


def tissue_from_image(reader: SlideReader, mpp: tuple[float, float]) -> TissueMask:
    """Find tissue in an overview of about 8 um per pixel; what could not be decoded is `unread`."""
    size_px = _overview_size(reader.size_px0, max(TISSUE_PIXEL_UM / axis for axis in mpp))
    with step("read"):
        overview = read_overview(reader, size_px)
    px0_per_px = (reader.size_px0[0] / size_px[0], reader.size_px0[1] / size_px[1])
    pixel_um2 = px0_per_px[0] * mpp[0] * px0_per_px[1] * mpp[1]
    return TissueMask(
        mask=find_tissue(overview.rgb, pixel_um2) & overview.readable,
        px0_per_px=px0_per_px,
        unread=None if overview.readable.all() else ~overview.readable,
    )


def find_gaps(reader: SlideReader, mpp: tuple[float, float]) -> Gaps | None:
    """Find what was never scanned, as finely as tissue; None for a reader that knows no gaps."""
    return gaps_of(reader, _overview_size(reader.size_px0, max(TISSUE_PIXEL_UM / axis for axis in mpp)))


def read_thumbnail(reader: SlideReader, longest_px: int) -> Overview:
    """Read the whole slide with its longer side at most `longest_px`.

    A level that is more than half as large, and no larger, is taken as it is: it need not be averaged.
    """
    fitting = [size for size in reader.level_sizes_px if longest_px // 2 < max(size) <= longest_px]
    made = _overview_size(reader.size_px0, max(reader.size_px0) / longest_px)
    with step("read"):
        return read_overview(reader, max(fitting, default=made))


def tissue_on_grid(
    tissue: TissueMask, size_px0: tuple[int, int], size_px: tuple[int, int]
) -> UInt8[np.ndarray[Any, Any], "height width"]:
    """Return 1 where more than half of a thumbnail pixel is tissue."""
    height, width = tissue.mask.shape
    across = _overlaps(width, size_px0[0] / tissue.px0_per_px[0], size_px[0])
    down = _overlaps(height, size_px0[1] / tissue.px0_per_px[1], size_px[1])
    covered = (across @ (down @ tissue.mask.astype(np.float32)).T).T
    return np.asarray(covered > 0.5, dtype=np.uint8)


def _overlaps(pixels: int, length: float, parts: int) -> csr_array:
    """Return (part, pixel): the share of each of `parts` equal parts of a length (pixels) in a pixel."""
    from scipy.sparse import csr_array

    edges = np.linspace(0, length, parts + 1)
    first = np.minimum(edges[:-1].astype(np.intp), pixels - 1)
    reach = int(np.ceil(length / parts)) + 1
    pixel = first[:, np.newaxis] + np.arange(reach)
    covered = np.minimum(edges[1:, np.newaxis], pixel + 1) - np.maximum(edges[:-1, np.newaxis], pixel)
    share = np.where(pixel < pixels, np.maximum(covered, 0), 0) / (length / parts)
    starts = np.arange(0, parts * reach + 1, reach)
    column = np.minimum(pixel, pixels - 1).ravel()
    return csr_array((share.astype(np.float32).ravel(), column, starts), shape=(parts, pixels))


def choose_tiles(
    grid: Grid,
    level: int,
    resampler: Resampler,
    tissue: TissueMask,
    min_tissue: float,
    gaps: Gaps | None = None,
) -> ChosenTiles:
    """Choose, row by row, every tile with at least `min_tissue` of tissue, to be read from one level.

    A tile of which nobody could see half, and no tissue in the rest, is among them; it is not read. One that
    lies wholly where nothing was scanned is none, whatever a mask says.
    """
    positions = grid.positions_px0()
    outside = grid.outside(positions)
    if gaps is not None:
        outside = np.maximum(outside, box_fractions(gaps.mask, gaps.px0_per_px, positions, grid.tile_px0))
    fractions = box_fractions(tissue.mask, tissue.px0_per_px, positions, grid.tile_px0)
    hidden = _is_hidden(tissue, positions, grid.tile_px0) & (fractions < min_tissue)
    fractions[hidden] = np.nan
    kept = (hidden | (fractions >= min_tissue)) & (outside < 1 - 1e-9)
    return ChosenTiles(
        grid=grid,
        level=level,
        resampler=resampler,
        xy_px0=positions[kept],
        tissue=fractions[kept],
        outside=outside[kept],
    )


def read_tiles(reader: SlideReader | FieldColours, chosen: ChosenTiles, bags: Sequence[Bag]) -> Tiles:
    """Read the chosen tiles once, measure them, and let every bag encode them."""
    count = len(chosen.xy_px0)
    valid = np.zeros(count, dtype=bool)
    quality = np.full((count, len(QUALITY_MEASURES)), np.nan, dtype=np.float16)
    quality[:, PLACE_MEASURES.index("tissue_fraction")] = chosen.tissue
    quality[:, PLACE_MEASURES.index("out_of_bounds_fraction")] = chosen.outside
    seen = np.flatnonzero(~np.isnan(chosen.tissue))
    unread = dict.fromkeys(np.flatnonzero(np.isnan(chosen.tissue)).tolist(), UNSEEN)
    for bag in bags:
        bag.begin(count)
    grid = chosen.grid
    boxes_px0 = grid.boxes_px0(chosen.xy_px0[seen])
    size_px = (grid.tile_px, grid.tile_px)
    batches = iter(reader.read_fields(boxes_px0, chosen.level, size_px, chosen.resampler, BATCH))
    while True:
        with step("read"):
            batch = next(batches, None)
        if batch is None:
            break
        unread.update((int(seen[row]), reason) for row, reason in batch.failed)
        if len(batch.rows):
            rows = seen[batch.rows]
            quality[rows, len(PLACE_MEASURES) :] = measure_tiles(batch.pixels)
            valid[rows] = True
            for bag in bags:
                bag.add(rows, batch.pixels)
    reason, reasons = _reasons(count, unread)
    return Tiles(valid=valid, quality=quality, reason=reason, reasons=reasons)


def _reasons(
    tiles: int, unread: dict[int, str]
) -> tuple[UInt8[np.ndarray[Any, Any], " tile"], tuple[str, ...]]:
    """Return a number a tile and the texts that the numbers stand for, in the order of the tiles."""
    numbers = {"": 0}
    reason = np.zeros(tiles, dtype=np.uint8)
    for tile in sorted(unread):
        text = unread[tile]
        if text not in numbers and len(numbers) >= _MOST_REASONS - 1:
            text = _FURTHER
        reason[tile] = numbers.setdefault(text, len(numbers))
    return reason, tuple(numbers)


def _is_hidden(
    tissue: TissueMask, positions: Int32[np.ndarray[Any, Any], "tile 2"], side_px0: tuple[float, float]
) -> Bool[np.ndarray[Any, Any], " tile"]:
    if tissue.unread is None:
        return np.zeros(len(positions), dtype=bool)
    hidden: np.ndarray[Any, Any] = box_fractions(tissue.unread, tissue.px0_per_px, positions, side_px0) >= 0.5
    return hidden


def _overview_size(size_px0: tuple[int, int], px0_per_px: float) -> tuple[int, int]:
    """Return (width, height) of an overview, never finer than level 0."""
    step = max(1.0, px0_per_px)
    return max(1, round(size_px0[0] / step)), max(1, round(size_px0[1] / step))
