"""Memory for batches of tiles, filled again when nobody holds them any more.

Enters: the shape of a batch. Leaves: arrays that belong to whoever receives them, for as long as they keep
a reference. Fresh memory costs a tenth of the decode of what is put into it: the system clears every page.
Where it begins counts too: rows that lie on 32 bytes are written past the processor's cache by libjpeg-turbo
(movntdq in its colour conversion), which takes 6 % longer, and whatever reads them next waits for the memory.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from jaxtyping import UInt8

Batch = UInt8[np.ndarray[Any, Any], "tile height width 3"]
Memory = UInt8[np.ndarray[Any, Any], " byte"]

#: Batches that are looked at for being free: a row of a wide slide is open in dozens of small ones.
_MOST_KEPT = 128
#: What `sys.getrefcount` says of an array in a list: the list's reference and its own argument's.
_HELD_HERE_ALONE = 2
_CACHE_BYPASS, _BESIDE_IT = 32, 16


def make_pixels(shape: tuple[int, ...]) -> UInt8[np.ndarray[Any, Any], ...]:
    """Return an array that a decoder writes through the cache."""
    return _beside_bypass(np.empty(math.prod(shape) + _CACHE_BYPASS, dtype=np.uint8), shape)


def _beside_bypass(owner: Memory, shape: tuple[int, ...]) -> UInt8[np.ndarray[Any, Any], ...]:
    start = (_BESIDE_IT - owner.ctypes.data) % _CACHE_BYPASS
    return owner[start : start + math.prod(shape)].reshape(shape)


class BatchMemory:
    """Gives out batches of one shape; one user in one thread."""

    def __init__(self, shape: tuple[int, int, int, int]) -> None:
        self.shape = shape
        self._owners: list[Memory] = []

    def take(self) -> Batch:
        """Return memory that nobody else refers to.

        Every view of an array, and every tensor on one, refers to the array that owns the memory. So only
        owners are kept here, and one that is referred to from here alone is free.
        """
        for number in range(len(self._owners)):
            if sys.getrefcount(self._owners[number]) == _HELD_HERE_ALONE:
                return _beside_bypass(self._owners[number], self.shape)
        owner = np.empty(math.prod(self.shape) + _CACHE_BYPASS, dtype=np.uint8)
        self._owners = [*self._owners[1 - _MOST_KEPT :], owner]
        return _beside_bypass(owner, self.shape)
