"""Quality of each tile, measured and stored beside its embedding; nothing is thrown away here.

Enters: RGB tiles. Leaves: one row a tile. A filter can change later without encoding again, because the
measures stay with the entry. All sums are of whole numbers: the same pixels give the same bytes anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from extract.slides.compiled import compiled
from extract.slides.ink import ink_limits
from extract.slides.quality_loops import measure_pixels

#: Known before a tile is read: its share of tissue, and its share that no scanner saw.
PLACE_MEASURES = ("tissue_fraction", "out_of_bounds_fraction")
#: Measured on its pixels, in the order of the columns of `measure_tiles`.
PIXEL_MEASURES = ("focus", "pen_fraction", "saturated_fraction")
#: Order of the columns of the `quality` array.
QUALITY_MEASURES = (*PLACE_MEASURES, *PIXEL_MEASURES)
#: Hand-bumped when the numbers change.
QUALITY_ALGORITHM = 2

#: Focus looks at every so many rows, the shares at every so many pixels along and down. Neither shares a
#: factor with 8: steps of 4, 8 or 16 meet the same rows of all JPEG blocks and are off by 15 to 49 %, where
#: 11 is by 1.6 % (root mean square over the tiles of a real slide).
_ROW_STEP, _PIXEL_STEP = 11, 5
#: Smaller tiles (px) are looked at whole.
_SAMPLED_FROM_PX = 128


def measure_tiles(
    tiles: UInt8[np.ndarray[Any, Any], "tile height width 3"],
) -> Float64[np.ndarray[Any, Any], "tile 3"]:
    """Return focus, pen and saturated shares of tiles of at least 3 x 3 pixels.

    focus: mean absolute Laplacian of the luma (grey levels per pixel; blurred tiles are near 0) along every
    11th row. pen and saturated: share of pixels in the colour of marker ink, and with a channel at 0 or all
    at 255, on every 5th pixel along and down. Tiles with a side under 128 px are looked at whole.
    """
    measured = np.empty((len(tiles), len(PIXEL_MEASURES)))
    whole = min(tiles.shape[1:3]) < _SAMPLED_FROM_PX
    row_step, pixel_step = (1, 1) if whole else (_ROW_STEP, _PIXEL_STEP)
    pixels = np.ascontiguousarray(tiles)
    compiled(measure_pixels)(pixels, ink_limits(), row_step, pixel_step, measured)
    return measured
