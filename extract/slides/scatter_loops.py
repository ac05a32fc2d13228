"""The loop behind `scatter.py`, written to be compiled: parts of a tile to their places in a batch.

Enters: a tile, and a rectangle in it for every field of the batch that it touches. Leaves: the batch,
filled there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8


def copy_parts(
    tile: UInt8[np.ndarray[Any, Any], "height samples"],
    parts: Int64[np.ndarray[Any, Any], "part 7"],
    batch: UInt8[np.ndarray[Any, Any], "tile height samples"],
) -> None:
    """Copy parts of an RGB tile: the place in the batch; left, top, right, bottom there; left, top here."""
    for part in range(len(parts)):
        place, x0, y0, x1, y1, left, top = parts[part]
        for y in range(y1 - y0):
            there = batch[place, y0 + y, 3 * x0 : 3 * x1]
            here = tile[top + y, 3 * left : 3 * (left + x1 - x0)]
            for sample in range(len(there)):  # from 0 on, so that it becomes vector instructions
                there[sample] = here[sample]
