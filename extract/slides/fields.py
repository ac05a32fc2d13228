"""Many fields of a slide at one size: what every reader gives to the tile loop.

Enters: boxes in level-0 pixels, a level, a size. Leaves: batches of pixels that belong to whoever receives
them; each box comes exactly once, as pixels or as failed with a reason. Readers that know a cheaper order
than one box after the other (see `decode_once.py`) have their own `read_fields`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float64, Int, UInt8

from extract.slides.grid import plan_read, scale_of
from extract.slides.region import RegionError
from extract.slides.resample import Box, area_resize

if TYPE_CHECKING:
    from extract.slides.reader import SlideReader

#: How pixels become larger ones: the exact mean of their area, or, for a power of two, within the transform
#: of a JPEG (the rest by area).
Resampler = Literal["area", "jpeg"]

Boxes = Float64[np.ndarray[Any, Any], "tile 4"]


@dataclass(frozen=True, kw_only=True)
class FieldBatch:
    """Some of the fields asked for.

    `rows` are indices into the boxes, one for each of `pixels` (C-contiguous, the receiver's own); `failed`
    are (row, reason) of those tried since the last batch that have no pixels. No reason holds a path.
    """

    rows: Int[np.ndarray[Any, Any], " tile"]
    pixels: UInt8[np.ndarray[Any, Any], "tile height width 3"]
    failed: tuple[tuple[int, str], ...] = ()


def resampler_used(reader: SlideReader, asked: Resampler) -> Resampler:
    """Return what a reader resamples by when `asked`: one that decodes no JPEG itself averages areas."""
    return asked if asked in reader.resamplers else "area"


def read_field(
    reader: SlideReader, box_px0: Box, level: int, size_px: tuple[int, int]
) -> UInt8[np.ndarray[Any, Any], "height width 3"]:
    """Read a field (level-0 pixels, float) from one level and average it down to `size_px`."""
    plan = plan_read(box_px0, scale_of(reader, level), reader.between_pixels)
    return area_resize(reader.read_region(plan.location_px0, level, plan.size_px), plan.box_px, size_px)


def read_one_by_one(
    reader: SlideReader, boxes_px0: Boxes, level: int, size_px: tuple[int, int], batch: int
) -> Iterator[FieldBatch]:
    """Read fields in the order given, each by itself and by exact area; see `SlideReader.read_fields`."""
    rows: list[int] = []
    failed: list[tuple[int, str]] = []
    pixels = _empty(batch, size_px)
    for row, (left, top, right, bottom) in enumerate(boxes_px0.tolist()):
        try:
            pixels[len(rows)] = read_field(reader, (left, top, right, bottom), level, size_px)
        except RegionError as error:
            failed.append((row, error.got))
            continue
        rows.append(row)
        if len(rows) == batch:
            yield FieldBatch(rows=np.array(rows), pixels=pixels, failed=tuple(failed))
            rows, failed, pixels = [], [], _empty(batch, size_px)
    if rows or failed:
        found = np.array(rows, dtype=np.intp)
        yield FieldBatch(rows=found, pixels=pixels[: len(rows)], failed=tuple(failed))


def _empty(batch: int, size_px: tuple[int, int]) -> UInt8[np.ndarray[Any, Any], "tile height width 3"]:
    return np.empty((batch, size_px[1], size_px[0], 3), dtype=np.uint8)
