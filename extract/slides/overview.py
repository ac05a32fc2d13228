"""Reads a field of a slide at any size, and the whole slide small, in constant memory.

Enters: an open reader and a field or a size. Leaves: pixels averaged exactly over the field. Where the
overview can be decoded from no level it says so in a mask and shows grey; unread is not glass.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from extract.slides.fields import read_field
from extract.slides.grid import choose_level, usable_downsamples
from extract.slides.reader import RegionError, SlideReader

__all__ = ["Overview", "read_field", "read_overview"]

#: Pixels of a level read at once, along one side.
_BLOCK_PX = 2048
#: Around what cannot be decoded, nothing is known to this many pixels of the overview; the second counts
#: after so many failures, because a slide cut in half would otherwise be tried for hours.
_GRAIN_PX, _COARSE_GRAIN_PX, _PATIENCE = 4, 64, 400
_UNREAD_GREY = 128

#: left, top, right, bottom in pixels of the overview
_Window = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The whole slide, small: `rgb` on an even grid over all of level 0; `readable` where it was decoded."""

    rgb: UInt8[np.ndarray[Any, Any], "height width 3"]
    readable: Bool[np.ndarray[Any, Any], "height width"]


def read_overview(reader: SlideReader, size_px: tuple[int, int]) -> Overview:
    """Read the whole slide at `size_px` (width, height), block by block."""
    step_px0 = (reader.size_px0[0] / size_px[0], reader.size_px0[1] / size_px[1])
    level = choose_level("overview", usable_downsamples(reader), max(1.0, min(step_px0)))
    per_pixel = max(step_px0) / reader.level_downsamples[level]
    block = max(1, math.floor(_BLOCK_PX / per_pixel))
    rgb = np.full((size_px[1], size_px[0], 3), _UNREAD_GREY, dtype=np.uint8)
    readable = np.zeros((size_px[1], size_px[0]), dtype=bool)
    failures = 0
    for top, left in itertools.product(range(0, size_px[1], block), range(0, size_px[0], block)):
        waiting = [((left, top, min(left + block, size_px[0]), min(top + block, size_px[1])), level)]
        while waiting:
            window, from_level = waiting.pop()
            left_px, top_px, right_px, bottom_px = window
            box_px0 = (
                left_px * step_px0[0],
                top_px * step_px0[1],
                right_px * step_px0[0],
                bottom_px * step_px0[1],
            )
            try:
                pixels = read_field(reader, box_px0, from_level, (right_px - left_px, bottom_px - top_px))
            except RegionError:  # one bad TIFF tile must not blind us to the rest
                failures += 1
                grain_px = _GRAIN_PX if failures < _PATIENCE else _COARSE_GRAIN_PX
                waiting.extend(_retries(window, from_level, grain_px))
                continue
            rgb[top_px:bottom_px, left_px:right_px] = pixels
            readable[top_px:bottom_px, left_px:right_px] = True
    return Overview(rgb=rgb, readable=readable)


def _retries(window: _Window, level: int, grain_px: int) -> list[tuple[_Window, int]]:
    """Halve what could not be read; a grain is tried again from the next finer level, if there is one."""
    left, top, right, bottom = window
    if max(right - left, bottom - top) <= grain_px:
        return [(window, level - 1)] if level > 0 else []
    if right - left >= bottom - top:
        middle = (left + right) // 2
        return [((left, top, middle, bottom), level), ((middle, top, right, bottom), level)]
    middle = (top + bottom) // 2
    return [((left, top, right, middle), level), ((left, middle, right, bottom), level)]
