"""The loop over pixels behind the quality measures, written to be compiled: whole numbers until the end.

Enters: tiles, limits of ink, a step of rows and of pixels. Leaves: sums in an array that the caller made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64, Int16, UInt8


def measure_pixels(
    tiles: UInt8[np.ndarray[Any, Any], "tile height width 3"],
    ink: Int16[np.ndarray[Any, Any], "green 4"],
    row_step: int,
    pixel_step: int,
    measured: Float64[np.ndarray[Any, Any], "tile 3"],
) -> None:
    """Fill `measured` with focus, pen and saturated shares (see `quality.measure_tiles`)."""
    count, height, width, _ = tiles.shape
    samples = tiles.reshape(count, height, 3 * width)
    bent = np.empty(3 * width - 6, dtype=np.int32)  # of each colour by itself: neighbours in memory are quick
    red_bent, green_bent, blue_bent = bent[0::3], bent[1::3], bent[2::3]
    for tile in range(count):
        total, seen = 0, 0
        for y in range(1, height - 1, row_step):
            here = samples[tile, y, 3:-3]
            left, right = samples[tile, y, :-6], samples[tile, y, 6:]
            above, below = samples[tile, y - 1, 3:-3], samples[tile, y + 1, 3:-3]
            for place in range(len(bent)):
                bent[place] = 4 * here[place] - left[place] - right[place] - above[place] - below[place]
            of_row = 0
            for x in range(width - 2):
                of_row += abs(77 * red_bent[x] + 150 * green_bent[x] + 29 * blue_bent[x])
            total += of_row
            seen += width - 2
        measured[tile, 0] = total / 256 / seen
        pen, saturated, looked_at = 0, 0, 0
        for y in range(pixel_step // 2, height, pixel_step):
            for x in range(pixel_step // 2, width, pixel_step):
                red, green, blue = tiles[tile, y, x]
                saturated += (red == 0) | (green == 0) | (blue == 0) | ((red & green & blue) == 255)
                cool = (red < ink[green, 0]) & (red < blue)
                warm = (red >= ink[green, 1]) & (blue < ink[green, 2]) & (blue >= ink[green, 3])
                pen += cool | warm
                looked_at += 1
        measured[tile, 1] = pen / looked_at
        measured[tile, 2] = saturated / looked_at
