"""Tiles of one open slide: which hold tissue, read in batches, encoded, measured.

Enters: an open reader, its scale, a mask or none, and the settings. Leaves: arrays with one row a tile. A
tile that cannot be decoded keeps its row: valid False, embedding NaN, counted. Memory does not grow with
the slide but by its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int32, UInt8

from extract.encoders.card import TileEncoder
from extract.slides.grid import Grid
from extract.slides.overview import Overview, read_field, read_overview
from extract.slides.quality import PLACE_MEASURES, QUALITY_MEASURES, measure_tiles
from extract.slides.reader import RegionError, SlideReader
from extract.slides.tissue import TISSUE_PIXEL_UM, box_fractions, find_tissue
from extract.slides.tissue_mask import TissueMask

#: Tiles held in memory at once.
BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """What was read of a slide, one row a tile with enough tissue."""

    xy_px0: Int32[np.ndarray[Any, Any], "tile 2"]
    embeddings: Float[np.ndarray[Any, Any], "tile dim"]
    valid: Bool[np.ndarray[Any, Any], " tile"]
    quality: Float[np.ndarray[Any, Any], "tile measure"]


def tissue_from_image(reader: SlideReader, mpp: tuple[float, float]) -> TissueMask:
    """Find tissue in an overview of about 8 um per pixel; what could not be decoded is `unread`."""
    size_px = _overview_size(reader.size_px0, max(TISSUE_PIXEL_UM / axis for axis in mpp))
    overview = read_overview(reader, size_px)
    px0_per_px = (reader.size_px0[0] / size_px[0], reader.size_px0[1] / size_px[1])
    pixel_um2 = px0_per_px[0] * mpp[0] * px0_per_px[1] * mpp[1]
    return TissueMask(
        mask=find_tissue(overview.rgb, pixel_um2) & overview.readable,
        px0_per_px=px0_per_px,
        unread=None if overview.readable.all() else ~overview.readable,
    )


def read_thumbnail(reader: SlideReader, longest_px: int) -> Overview:
    """Read the whole slide with its longer side at most `longest_px`."""
    return read_overview(reader, _overview_size(reader.size_px0, max(reader.size_px0) / longest_px))


def tissue_on_grid(
    tissue: TissueMask, size_px0: tuple[int, int], size_px: tuple[int, int]
) -> UInt8[np.ndarray[Any, Any], "height width"]:
    """Return 1 where more than half of a thumbnail pixel is tissue."""
    step = (size_px0[0] / size_px[0], size_px0[1] / size_px[1])
    x, y = np.meshgrid(np.arange(size_px[0]) * step[0], np.arange(size_px[1]) * step[1])
    corners = np.stack([x.ravel(), y.ravel()], axis=1)
    covered = box_fractions(tissue.mask, tissue.px0_per_px, corners, step)
    return np.asarray(covered > 0.5, dtype=np.uint8).reshape(size_px[1], size_px[0])


def read_tiles(
    reader: SlideReader, grid: Grid, level: int, tissue: TissueMask, min_tissue: float, encoder: TileEncoder
) -> Tiles:
    """Read from one level, and encode, every tile with at least `min_tissue` of tissue, row by row.

    A tile of which nobody could see half, and no tissue in the rest, has a row too: it is not encoded and
    its share of tissue is NaN.
    """
    positions = grid.positions_px0()
    fractions = box_fractions(tissue.mask, tissue.px0_per_px, positions, grid.tile_px0)
    hidden = _is_hidden(tissue, positions, grid.tile_px0) & (fractions < min_tissue)
    fractions[hidden] = np.nan
    kept = hidden | (fractions >= min_tissue)
    positions, fractions = positions[kept], fractions[kept]
    embeddings = np.full((len(positions), len(encoder.feature_names)), np.nan, dtype=np.float32)
    quality = np.full((len(positions), len(QUALITY_MEASURES)), np.nan, dtype=np.float16)
    quality[:, 0] = fractions
    valid = np.zeros(len(positions), dtype=bool)
    seen = np.flatnonzero(~np.isnan(fractions))
    for rows, pixels in _batches(reader, grid, level, positions[seen]):
        read = seen[rows]
        embeddings[read] = encoder.encode(pixels, grid.target_mpp)
        quality[read, 1] = 0.0
        quality[read, len(PLACE_MEASURES) :] = measure_tiles(pixels)
        valid[read] = True
    return Tiles(xy_px0=positions, embeddings=embeddings, valid=valid, quality=quality)


def _is_hidden(
    tissue: TissueMask, positions: Int32[np.ndarray[Any, Any], "tile 2"], side_px0: tuple[float, float]
) -> Bool[np.ndarray[Any, Any], " tile"]:
    if tissue.unread is None:
        return np.zeros(len(positions), dtype=bool)
    hidden: np.ndarray[Any, Any] = box_fractions(tissue.unread, tissue.px0_per_px, positions, side_px0) >= 0.5
    return hidden


def _batches(
    reader: SlideReader, grid: Grid, level: int, positions: Int32[np.ndarray[Any, Any], "tile 2"]
) -> Iterator[tuple[list[int], UInt8[np.ndarray[Any, Any], "tile height width 3"]]]:
    rows: list[int] = []
    pixels: list[UInt8[np.ndarray[Any, Any], "height width 3"]] = []
    for row, (x, y) in enumerate(positions.tolist()):
        try:
            tile = read_field(reader, grid.box_px0((x, y)), level, (grid.tile_px, grid.tile_px))
        except RegionError:  # the row stays: valid False, NaN, counted in the entry's quality
            continue
        rows.append(row)
        pixels.append(tile)
        if len(rows) == BATCH:
            yield rows, np.stack(pixels)
            rows, pixels = [], []
    if rows:
        yield rows, np.stack(pixels)


def _overview_size(size_px0: tuple[int, int], px0_per_px: float) -> tuple[int, int]:
    """Return (width, height) of an overview, never finer than level 0."""
    step = max(1.0, px0_per_px)
    return max(1, round(size_px0[0] / step)), max(1, round(size_px0[1] / step))
