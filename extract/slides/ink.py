"""The colours of marker ink, as whole numbers: between which limits a pixel is green, blue or red pen.

Enters: nothing. Leaves: the limits, which compiled loops hold pixels against. Haematoxylin and eosin absorb
green most; green and blue ink absorb red most, red ink absorbs blue as much as green. The rule is one of
optical density; for every value of green it is turned once into limits of red and blue, so that no logarithm
is taken of a pixel.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Int16

#: Green or blue ink: red is denser than this share of green plus an offset, and denser than blue.
_COOL_SHARE, _COOL_OFFSET = 1.25, 0.1
#: Red ink: green is at least so dense, red less than a share of green, blue within two shares of green.
_WARM_LEAST, _WARM_RED, _WARM_BLUE = 0.35, 0.8, (0.75, 1.2)


@cache
def ink_limits() -> Int16[np.ndarray[Any, Any], "green 4"]:
    """Return, for each value of green, the limits of the other colours in ink.

    Cool ink has red < limit 0 and red < blue; red ink has red >= limit 1 and limit 3 <= blue < limit 2.
    """
    density = -np.log((np.arange(256) + 1) / 256)
    limits = np.zeros((256, 4), dtype=np.int16)
    limits[:, 1] = 256
    for green in range(256):
        of_green = density[green]
        limits[green, 0] = np.count_nonzero(density > _COOL_SHARE * of_green + _COOL_OFFSET)
        if of_green > _WARM_LEAST:
            limits[green, 1] = 256 - np.count_nonzero(density < _WARM_RED * of_green)
            limits[green, 2] = np.count_nonzero(density > _WARM_BLUE[0] * of_green)
            limits[green, 3] = 256 - np.count_nonzero(density < _WARM_BLUE[1] * of_green)
    limits.setflags(write=False)
    return limits
