"""Memory for batches of tiles, filled again when nobody holds them any more.

Enters: the shape of a batch. Leaves: arrays that belong to whoever receives them, for as long as they keep a
reference. Fresh memory costs a tenth of the decode of what is put into it: the system clears every page.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from jaxtyping import UInt8

Batch = UInt8[np.ndarray[Any, Any], "tile height width 3"]

#: Batches that are looked at for being free: a row of a wide slide is open in dozens of small ones.
_MOST_KEPT = 128
#: What `sys.getrefcount` says of an array in a list: the list's reference and its own argument's.
_HELD_HERE_ALONE = 2


class BatchMemory:
    """Gives out batches of one shape; one user in one thread."""

    def __init__(self, shape: tuple[int, int, int, int]) -> None:
        self.shape = shape
        self._made: list[Batch] = []

    def take(self) -> Batch:
        """Return memory that nobody else refers to; views of an array, and tensors on it, refer to it."""
        for number in range(len(self._made)):
            if sys.getrefcount(self._made[number]) == _HELD_HERE_ALONE:
                return self._made[number]
        made = np.empty(self.shape, dtype=np.uint8)
        self._made = [*self._made[1 - _MOST_KEPT :], made]
        return made
