"""What of a canvas the scanner went over: a MIRAX slide is a few islands in a plane that nobody scanned.

Enters: openslide's properties, or an open reader that knows gaps. Leaves: bounds in level-0 pixels, and where
the canvas is transparent. On white both would pass for glass; a tile there was never seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from extract.slides.grid import choose_level, scale_of, usable_downsamples
from extract.slides.region import RegionError

if TYPE_CHECKING:
    from extract.slides.reader import SlideReader

#: left, top, right, bottom in level-0 pixels
Bounds = tuple[int, int, int, int]

_KEYS = tuple(f"openslide.bounds-{name}" for name in ("x", "y", "width", "height"))
#: Pixels of a level looked at at once, along one side.
_BLOCK_PX = 2048


def parse_bounds(
    properties: Mapping[str, str], size_px0: tuple[int, int]
) -> tuple[Bounds | None, tuple[str, ...]]:
    """Read the bounds; None where the file tells none, or none that make sense (then with a warning)."""
    found = [properties.get(key) for key in _KEYS]
    if all(value is None for value in found):
        return None, ()
    try:
        x, y, width, height = (int(str(value)) for value in found)
    except ValueError:
        return None, ("the file's bounds are no numbers and are not used",)
    bounds = (max(0, x), max(0, y), min(x + width, size_px0[0]), min(y + height, size_px0[1]))
    if width < 1 or height < 1 or bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
        return None, ("the file's bounds lie outside the slide and are not used",)
    return (None if bounds == (0, 0, *size_px0) else bounds), ()


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Where nothing was scanned, on an even grid of cells of `px0_per_px` level-0 pixels, (x, y)."""

    mask: Bool[np.ndarray[Any, Any], "height width"]
    px0_per_px: tuple[float, float]


def gaps_of(reader: SlideReader, size_px: tuple[int, int]) -> Gaps | None:
    """Return, on an even grid (width, height) over all of level 0, where nothing was scanned.

    None for a reader that knows no gaps. A cell is looked at in its centre.
    """
    if not reader.has_gaps:
        return None
    step = (reader.size_px0[0] / size_px[0], reader.size_px0[1] / size_px[1])
    level = choose_level("overview", usable_downsamples(reader), max(1.0, min(step)))
    scale = scale_of(reader, level)
    columns, rows = (
        np.minimum(
            ((np.arange(size_px[axis]) + 0.5) * step[axis] / scale.px0_per_px[axis]).astype(np.intp),
            scale.size_px[axis] - 1,
        )
        for axis in (0, 1)
    )
    gaps = np.ones((size_px[1], size_px[0]), dtype=bool)
    for top in range(0, scale.size_px[1], _BLOCK_PX):
        for left in range(0, scale.size_px[0], _BLOCK_PX):
            size = (min(_BLOCK_PX, scale.size_px[0] - left), min(_BLOCK_PX, scale.size_px[1] - top))
            down = np.flatnonzero((rows >= top) & (rows < top + size[1]))
            across = np.flatnonzero((columns >= left) & (columns < left + size[0]))
            corner = (round(left * scale.downsample), round(top * scale.downsample))
            try:
                scanned = reader.read_scanned(corner, level, size)
            except RegionError:  # what cannot be decoded is no gap: the overview says that it is unread
                scanned = np.ones((size[1], size[0]), dtype=bool)
            gaps[np.ix_(down, across)] = ~scanned[np.ix_(rows[down] - top, columns[across] - left)]
    return Gaps(mask=gaps, px0_per_px=step)
