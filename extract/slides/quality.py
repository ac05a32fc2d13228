"""Quality of each tile, measured and stored beside its embedding; nothing is thrown away here.

Enters: RGB tiles. Leaves: one row a tile. A filter can change later without encoding again, because the
measures stay with the entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from extract.slides.tissue import is_pen

#: Order of the columns of the `quality` array; tissue_fraction comes from the mask, the others from pixels.
QUALITY_MEASURES = ("tissue_fraction", "focus", "pen_fraction", "saturated_fraction")
#: Hand-bumped when the numbers change.
QUALITY_ALGORITHM = 1

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def measure_tile(tile: UInt8[np.ndarray[Any, Any], "height width 3"]) -> Float[np.ndarray[Any, Any], " 3"]:
    """Return focus, pen and saturated shares of one tile.

    focus: mean absolute Laplacian of the luma (grey levels per pixel; blurred tiles are near 0). pen: share
    of pixels in the colour of marker ink. saturated: share with a channel at 0 or all channels at 255.
    """
    red, green, blue = (tile[..., channel] for channel in range(3))
    luma = red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]
    laplacian = 4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    saturated = (red == 0) | (green == 0) | (blue == 0) | ((red & green & blue) == 255)
    return np.array([np.abs(laplacian).mean(), is_pen(tile).mean(), saturated.mean()], dtype=np.float64)
