"""A small image and a region without loose voxels, made of whole numbers: the same wherever it is made."""

from __future__ import annotations

import numpy as np

SPACING = (0.5, 0.75, 3.0)
SIZE = (14, 12, 9)
_X, _Y, _Z = np.indices(SIZE)

#: An ellipsoid with a hollow.
REGION = (4 * (_X - 6) ** 2 + 5 * (_Y - 5) ** 2 + 9 * (_Z - 4) ** 2 < 130) & ~(
    (_X == 6) & (_Y == 5) & (_Z == 4)
)
#: Stripes, a slope and something like noise; some are negative.
VOXELS = ((_X * 37 + _Y * 101 + _Z * 53) % 89 + 6 * _X - 20 * (_Y > 5)).astype(np.float32)
