"""The loop over the pixels of an overview behind the tissue rule, written to be compiled.

Enters: an overview, optical densities by value, limits of ink. Leaves: what each pixel is, in an array of the
caller.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Int16, UInt8

#: What a pixel is.
NOTHING, STAINED, INK = 0, 1, 2

#: Least spread of optical density between the colours, against glass: pale eosin is about .07, the shade of
#: glass itself was taken off.
PALE_STAIN = 0.045
#: Least spread where green is not the most absorbed colour (DAB, blue haematoxylin), and least mean density:
#: blue nuclei on unstained cytoplasm are pale at 8 um. Paler immunostains come out as specks, and are missed.
OTHER_STAIN, OTHER_DENSITY = 0.08, 0.08
#: Green may fall short of the most absorbed colour by this much.
NEARLY_MOST = 0.02
#: A spread below this share of the mean density is grey: dust, pencil, cover-slip edge, black ink.
GREY_SHARE = 0.15


def classify_pixels(
    rgb: UInt8[np.ndarray[Any, Any], "height width 3"],
    density: Float32[np.ndarray[Any, Any], "value 3"],
    ink: Int16[np.ndarray[Any, Any], "green 4"],
    kinds: UInt8[np.ndarray[Any, Any], "height width"],
) -> None:
    """Fill `kinds` with NOTHING, STAINED or INK."""
    height, width, _ = rgb.shape
    for y in range(height):
        for x in range(width):
            red, green, blue = rgb[y, x]
            cool = (red < ink[green, 0]) & (red < blue)
            warm = (red >= ink[green, 1]) & (blue < ink[green, 2]) & (blue >= ink[green, 3])
            if cool | warm:
                kinds[y, x] = INK
                continue
            of_red, of_green, of_blue = density[red, 0], density[green, 1], density[blue, 2]
            most = max(of_red, of_green, of_blue)
            spread = most - min(of_red, of_green, of_blue)
            mean = (of_red + of_green + of_blue) / np.float32(3)
            if of_green >= most - NEARLY_MOST:
                stained = spread > PALE_STAIN
            else:
                stained = spread > OTHER_STAIN and mean > OTHER_DENSITY
            kinds[y, x] = STAINED if stained and spread > GREY_SHARE * mean else NOTHING
