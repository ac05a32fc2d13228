"""Reads fields that are averaged from more, or other, pixels: each TIFF tile they touch is decoded once.

Enters: a plan of the fields and a decoder of tiles. Leaves: batches of pixels. A tile is decoded when the
first field needs it and dropped after the last one, so that memory holds a band of tiles, whatever the
height of the slide.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import UInt8

from extract.slides.batch_memory import BatchMemory, make_pixels
from extract.slides.field_plan import FieldPlan
from extract.slides.fields import FieldBatch
from extract.slides.jpeg_stream import TileError
from extract.slides.resample import area_resize_into
from extract.slides.tile_index import TileDecoder

Pixels = UInt8[np.ndarray[Any, Any], "height width 3"]


def read_averaged(
    decoder: TileDecoder, plan: FieldPlan, size_px: tuple[int, int], batch: int
) -> Iterator[FieldBatch]:
    """Read all fields of a plan at `size_px`; see `SlideReader.read_fields`."""
    tiles = _Tiles(decoder, plan)
    memory = BatchMemory((batch, size_px[1], size_px[0], 3))
    rows: list[int] = []
    failed: list[tuple[int, str]] = []
    pixels = memory.take()
    for row in plan.order():
        try:
            tiles.read_field(row, pixels[len(rows)])
        except TileError as error:
            failed.append((row, str(error)))
            continue
        rows.append(row)
        if len(rows) == batch:
            full = FieldBatch(rows=np.array(rows), pixels=pixels, failed=tuple(failed))
            del pixels
            yield full
            del full
            rows, failed = [], []
            pixels = memory.take()
    if rows or failed:
        found = np.array(rows, dtype=np.intp)
        yield FieldBatch(rows=found, pixels=pixels[: len(rows)], failed=tuple(failed))


class _Tiles:
    """The decoded tiles that fields to come will need, with the number of those fields."""

    def __init__(self, decoder: TileDecoder, plan: FieldPlan) -> None:
        index = decoder.index
        self._decoder = decoder
        self._shrink = plan.shrink
        self._columns = index.columns
        self._tile_px = (index.tile_px[0] // plan.shrink, index.tile_px[1] // plan.shrink)
        uses = plan.uses(index.columns, len(index.counts) // index.columns)
        self._uses: list[int] = uses.ravel().tolist()
        self._corners, self._sizes = plan.corners_px.tolist(), plan.sizes_px.tolist()
        self._boxes, self._spans = plan.boxes_px.tolist(), plan.tiles.tolist()
        self._held: dict[int, Pixels | TileError] = {}
        self._spare: list[Pixels] = []
        self._region = np.empty(0, dtype=np.uint8)

    def read_field(self, row: int, out: Pixels) -> None:
        """Fill `out` with a field; every field is asked for once.

        Raises
        ------
        TileError
            One of its tiles has no pixels.
        """
        (width, height), box = self._sizes[row], self._boxes[row]
        first_column, last_column, first_row, last_row = self._spans[row]
        numbers = [
            number
            for start in range(first_row * self._columns, last_row * self._columns + 1, self._columns)
            for number in range(start + first_column, start + last_column + 1)
        ]
        try:
            tiles = [self._tile(number) for number in numbers]
            if self._region.size < width * height * 3:
                self._region = np.empty(width * height * 3, dtype=np.uint8)
            region = self._region[: width * height * 3].reshape(height, width, 3)
            self._gather(row, tiles, region)
            area_resize_into(region, tuple(box), out)
        finally:
            for number in numbers:
                self._release(number)

    def _gather(self, row: int, tiles: list[Pixels], region: Pixels) -> None:
        """Copy what a field needs of each of its tiles."""
        (left, top), (width, height) = self._corners[row], self._sizes[row]
        first_column, last_column, first_row, last_row = self._spans[row]
        tile_width, tile_height = self._tile_px
        place = 0
        for tile_row in range(first_row, last_row + 1):
            down = tile_row * tile_height - top
            y0, y1 = max(0, down), min(height, down + tile_height)
            for tile_column in range(first_column, last_column + 1):
                across = tile_column * tile_width - left
                x0, x1 = max(0, across), min(width, across + tile_width)
                region[y0:y1, x0:x1] = tiles[place][y0 - down : y1 - down, x0 - across : x1 - across]
                place += 1

    def _tile(self, number: int) -> Pixels:
        held = self._held.get(number)
        if held is None:
            held = self._held[number] = self._decode(number)
        if isinstance(held, TileError):
            raise TileError(str(held))
        return held

    def _decode(self, number: int) -> Pixels | TileError:
        width, height = self._tile_px
        pixels = self._spare.pop() if self._spare else make_pixels((height, width, 3))
        try:
            self._decoder.decode(number, pixels, self._shrink)
        except TileError as error:
            self._spare.append(pixels)
            return error
        return pixels

    def _release(self, number: int) -> None:
        self._uses[number] -= 1
        if not self._uses[number]:
            held = self._held.pop(number, None)
            if held is not None and not isinstance(held, TileError):
                self._spare.append(held)
