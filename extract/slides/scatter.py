"""Reads fields that are whole pixels of a level: each TIFF tile is decoded once and copied to all it touches.

Enters: a plan of such fields and a decoder of tiles. Leaves: batches of pixels. Tiles go through one small
buffer that stays in the processor's cache, row of tiles by row of tiles; a batch is open from the first
tile of its first field to the last of its last, so that a band of the slide is in memory. A tile that is
one field's whole goes straight into the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from extract.slides.batch_memory import Batch, BatchMemory, make_pixels
from extract.slides.compiled import compiled
from extract.slides.field_plan import FieldPlan
from extract.slides.fields import FieldBatch
from extract.slides.jpeg_stream import TileError
from extract.slides.scatter_loops import copy_parts
from extract.slides.tile_index import TileDecoder


def read_scattered(
    decoder: TileDecoder, plan: FieldPlan, size_px: tuple[int, int], batch: int
) -> Iterator[FieldBatch]:
    """Read all fields of a plan, each of them `size_px` whole pixels; see `SlideReader.read_fields`."""
    order = np.array(plan.order(), dtype=np.int64)
    memory = BatchMemory((batch, size_px[1], size_px[0], 3))
    width, height = decoder.index.tile_px[0] // plan.shrink, decoder.index.tile_px[1] // plan.shrink
    if size_px == (width, height) and plan.is_of_tiles(size_px):
        numbers = plan.tiles[order, 2] * decoder.index.columns + plan.tiles[order, 0]
        yield from _read_whole_tiles(decoder, plan.shrink, (order, numbers), memory)
        return
    yield from _Scattering(decoder, plan, order, memory).read((width, height))


def _read_whole_tiles(
    decoder: TileDecoder,
    shrink: int,
    tiles: tuple[Int64[np.ndarray[Any, Any], " field"], Int64[np.ndarray[Any, Any], " field"]],
    memory: BatchMemory,
) -> Iterator[FieldBatch]:
    """Decode fields (rows, numbers of their tiles) straight into the batch: each step counts."""
    order, numbers = tiles
    size, decode = memory.shape[0], decoder.decode
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        pixels = memory.take()[: len(rows)]
        failed: dict[int, str] = {}
        for place, number in enumerate(numbers[start : start + size].tolist()):
            try:
                decode(number, pixels[place], shrink)
            except TileError as error:
                failed[place] = str(error)
        yield _batch(rows, pixels, failed)


def _batch(rows: Int64[np.ndarray[Any, Any], " field"], pixels: Batch, failed: dict[int, str]) -> FieldBatch:
    """Return a batch of rows without those at the places that failed."""
    told = tuple((int(rows[place]), reason) for place, reason in failed.items())
    if not failed:
        return FieldBatch(rows=rows, pixels=pixels, failed=told)
    whole = np.array([place not in failed for place in range(len(rows))])
    return FieldBatch(rows=rows[whole], pixels=pixels[whole], failed=told)


class _Scattering:
    """Tiles row by row, and the batches into which their parts are being written."""

    def __init__(
        self,
        decoder: TileDecoder,
        plan: FieldPlan,
        order: Int64[np.ndarray[Any, Any], " field"],
        memory: BatchMemory,
    ) -> None:
        self._decoder = decoder
        self._shrink = plan.shrink
        self._order = order
        self._memory = memory
        self._size = memory.shape[0]
        self._numbers, slots, self._parts = _find_parts(decoder, plan, order)
        self._parts[:, 0] = slots % self._size
        self._batches = slots // self._size
        self._left: list[int] = np.bincount(self._batches).tolist()
        self._open: dict[int, tuple[Batch, UInt8[np.ndarray[Any, Any], "tile height samples"]]] = {}
        self._failed: dict[int, dict[int, str]] = {}

    def read(self, tile_px: tuple[int, int]) -> Iterator[FieldBatch]:
        """Decode each tile into the same small buffer, and copy its parts from there."""
        tile = make_pixels((tile_px[1], tile_px[0], 3))
        samples = tile.reshape(tile_px[1], -1)
        copy, left, parts = compiled(copy_parts), self._left, self._parts
        reason, decoded = "", -1
        for number, batch, start, end in self._runs():
            if number != decoded:
                reason, decoded = "", number
                try:
                    self._decoder.decode(number, tile, self._shrink)
                except TileError as error:
                    reason = str(error)
            if reason:
                self._fail(batch, parts[start:end, 0].tolist(), reason)
            else:
                copy(samples, parts[start:end], self._samples(batch))
            left[batch] -= end - start
            if not left[batch]:
                yield self._finish(batch)

    def _runs(self) -> Iterator[tuple[int, int, int, int]]:
        """Give what of one tile goes into one batch: both, and where its parts start and end."""
        changed = np.diff(self._numbers, prepend=-1) | np.diff(self._batches, prepend=-1)
        starts = np.flatnonzero(changed)
        ends = np.append(starts[1:], len(self._numbers))
        columns = (self._numbers[starts], self._batches[starts], starts, ends)
        return zip(*(column.tolist() for column in columns), strict=True)

    def _samples(self, batch: int) -> UInt8[np.ndarray[Any, Any], "tile height samples"]:
        found = self._open.get(batch)
        if found is None:
            pixels = self._memory.take()
            found = self._open[batch] = (pixels, pixels.reshape(*pixels.shape[:2], -1))
        return found[1]

    def _fail(self, batch: int, places: list[int], reason: str) -> None:
        """Remember that fields have no pixels; the first reason counts."""
        told = self._failed.setdefault(batch, {})
        for place in places:
            told.setdefault(place, reason)

    def _finish(self, batch: int) -> FieldBatch:
        rows = self._order[batch * self._size : (batch + 1) * self._size]
        pixels = self._open.pop(batch)[0] if batch in self._open else self._memory.take()
        return _batch(rows, pixels[: len(rows)], self._failed.pop(batch, {}))


def _find_parts(
    decoder: TileDecoder, plan: FieldPlan, order: Int64[np.ndarray[Any, Any], " field"]
) -> tuple[
    Int64[np.ndarray[Any, Any], " part"],
    Int64[np.ndarray[Any, Any], " part"],
    Int64[np.ndarray[Any, Any], "part 7"],
]:
    """Return which tile each part is of, its field's place in the order, and what `copy_parts` needs.

    They are sorted by tile; of the last, the first column is left to be filled.
    """
    spans, corners, sizes = plan.tiles[order], plan.corners_px[order], plan.sizes_px[order]
    across, down = spans[:, 1] - spans[:, 0] + 1, spans[:, 3] - spans[:, 2] + 1
    slots = np.repeat(np.arange(len(order)), across * down)
    nth = np.arange(len(slots)) - np.repeat(np.cumsum(across * down) - across * down, across * down)
    rows = spans[slots, 2] + nth // across[slots]
    columns = spans[slots, 0] + nth % across[slots]
    tile_px = np.array(decoder.index.tile_px) // plan.shrink
    at = np.stack([columns, rows], axis=1) * tile_px - corners[slots]
    low, high = np.maximum(at, 0), np.minimum(at + tile_px, sizes[slots])
    numbers = rows * decoder.index.columns + columns
    by_tile = np.argsort(numbers, kind="stable")
    parts = np.concatenate([np.zeros_like(low[:, :1]), low, high, low - at], axis=1)
    return numbers[by_tile], slots[by_tile], np.ascontiguousarray(parts[by_tile])
