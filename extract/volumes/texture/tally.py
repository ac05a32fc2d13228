"""How often each size occurs at each grey level: the form that runs, zones and dependences share.

Enters: pairs of level and size, one a run, a zone or a voxel. Leaves: a `Tally`, and the 16 values that the
IBSI's manual defines on each such matrix under names of its own (3.7 to 3.9 and 3.11). Only what occurs is
held: a zone of 50,000 voxels would need a matrix as wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from extract.volumes.texture.cooccurrence import entropy_bits

#: Cells of a table that is counted in whole; above that, and above the items, items are sorted.
_SMALL = 2**16

Whole = Int[np.ndarray[Any, Any], " item"]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Cells of a matrix that are not 0: `number` times `size` at `level`, of a region of `voxels`."""

    level: Int[np.ndarray[Any, Any], " cell"]
    size: Int[np.ndarray[Any, Any], " cell"]
    number: Int[np.ndarray[Any, Any], " cell"]
    voxels: int


def tally(level: Whole, size: Whole, voxels: int) -> Tally:
    """Count equal pairs of level and size; both are 1 or more.

    >>> tally(np.array([1, 1, 2]), np.array([3, 3, 1]), 7).number.tolist()
    [2, 1]
    """
    width = int(size.max(initial=0)) + 1
    items = level.astype(np.int64) * width + size
    if (int(level.max(initial=0)) + 1) * width > max(len(items), _SMALL):
        cell, number = np.unique(items, return_counts=True)
    else:
        table = np.bincount(items)
        cell = np.flatnonzero(table)
        number = table[cell]
    return Tally(level=cell // width, size=cell % width, number=number, voxels=voxels)


def merge_tallies(tallies: Sequence[Tally]) -> Tally:
    """Return all items as one tally, of the sum of the voxels."""
    width = max(int(one.size.max(initial=0)) for one in tallies) + 1
    items = np.concatenate([one.level * width + one.size for one in tallies])
    cell, of_cell = np.unique(items, return_inverse=True)
    number = np.zeros(len(cell), dtype=np.int64)
    np.add.at(number, of_cell, np.concatenate([one.number for one in tallies]))
    return Tally(
        level=cell // width, size=cell % width, number=number, voxels=sum(one.voxels for one in tallies)
    )


def describe_tally(counted: Tally) -> Float[np.ndarray[Any, Any], " 16"]:
    """Return the 16 values, in the order of the manual.

    Emphasis of small and of large sizes; of low and of high levels; of small sizes at low and at high levels;
    of large sizes at low and at high levels; non-uniformity of levels, and normalised; of sizes, and
    normalised; items per voxel; variance of levels; of sizes; entropy in bits. NaN for an empty tally.
    """
    items = counted.number.sum()
    if items == 0:
        return np.full(16, np.nan)
    level, size = counted.level.astype(np.float64), counted.size.astype(np.float64)
    share = counted.number / items
    level_square, size_square = level**2, size**2
    of_levels, of_sizes = _per_value(counted.level, counted.number), _per_value(counted.size, counted.number)
    return np.array(
        [
            (share / size_square).sum(),
            (share * size_square).sum(),
            (share / level_square).sum(),
            (share * level_square).sum(),
            (share / (level_square * size_square)).sum(),
            (share * level_square / size_square).sum(),
            (share * size_square / level_square).sum(),
            (share * level_square * size_square).sum(),
            of_levels / items,
            of_levels / items**2,
            of_sizes / items,
            of_sizes / items**2,
            items / counted.voxels,
            (share * (level - (share * level).sum()) ** 2).sum(),
            (share * (size - (share * size).sum()) ** 2).sum(),
            entropy_bits(share[None])[0],
        ]
    )


def _per_value(values: Whole, number: Whole) -> float:
    """Return the sum over values of the square of how often each occurs."""
    return float((np.bincount(values, number) ** 2).sum())
