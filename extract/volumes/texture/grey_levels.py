"""Grey levels: the intensities of a region in bins, before any texture is counted.

Enters: intensities of a region. Leaves: whole numbers from 1, and a `LevelledRegion`, which every matrix of
this folder counts on. The two ways of binning are those of the Image Biomarker Standardisation Initiative's
reference manual (Zwanenburg et al. 2020, arXiv 1612.07003, section 2.7): a fixed number of bins between a
region's least and greatest intensity, or bins of a fixed width that begin at its least.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Int32

#: One of each pair of opposite directions: the 13 in which a voxel's 26 neighbours lie.
DIRECTIONS = (
    (0, 0, 1), (0, 1, 0), (1, 0, 0),
    (0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0),
    (1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1),
)  # fmt: skip

Values = Float[np.ndarray[Any, Any], " voxel"]
Levels = Int32[np.ndarray[Any, Any], " voxel"]


def levels_of_count(values: Values, count: int) -> Levels:
    """Return levels 1 to `count`, equally wide between the least and the greatest value.

    All are 1 where the values are equal.
    """
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.ones(len(values), dtype=np.int32)
    levels: Levels = np.minimum(np.floor(count * (values - low) / (high - low)) + 1, count).astype(np.int32)
    return levels


def levels_of_width(values: Values, width: float) -> Levels:
    """Return levels from 1 on in bins of `width`, the first of which begins at the least value.

    The manual lets the first bin begin at a bound of resegmentation where there is one; there is none here.
    """
    levels: Levels = (np.floor((values - values.min()) / width) + 1).astype(np.int32)
    return levels


@dataclass(frozen=True, kw_only=True)
class LevelledRegion:
    """A region's grey levels on its bounding box with a border of one voxel, as one flat array.

    `padded` (x, y, z) i32 has 0 outside the region; `count` is the number of levels that a matrix has rows
    for, whether they occur or not.
    """

    padded: Int32[np.ndarray[Any, Any], "x y z"]
    count: int

    @cached_property
    def flat(self) -> Levels:
        """The padded box in C order, so that a neighbour is a fixed number of elements away."""
        return self.padded.ravel()

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Elements of `flat` from a voxel to its neighbour, of each of `DIRECTIONS`; all are positive."""
        _, rows, columns = self.padded.shape
        return tuple(abs((x * rows + y) * columns + z) for x, y, z in DIRECTIONS)

    @cached_property
    def places(self) -> Int[np.ndarray[Any, Any], " voxel"]:
        """Elements of `flat` that are voxels of the region."""
        return np.flatnonzero(self.flat)

    @cached_property
    def levels(self) -> Levels:
        """Levels of the region's voxels in the order of `places`."""
        levels: Levels = self.flat[self.places]
        return levels

    def beside(self, step: int) -> Levels:
        """Return the level of each voxel's neighbour `step` elements away, 0 for one outside the region.

        One direction at a time: all 26 of a volume without a mask would be a gigabyte.
        """
        # the border keeps indices inside, so there is nothing to clip and no second look at each
        return np.take(self.flat, self.places + step, mode="clip")


def levelled(mask: Bool[np.ndarray[Any, Any], "x y z"], levels: Levels, count: int) -> LevelledRegion:
    """Return the region `mask` with `levels` in the order of its voxels; it must have a voxel.

    >>> levelled(np.ones((1, 1, 2), dtype=bool), np.array([2, 1], dtype=np.int32), 2).beside(1).tolist()
    [1, 0]
    """
    index = np.argwhere(mask)
    corner, far = index.min(axis=0), index.max(axis=0) + 1
    box = np.zeros(far - corner + 2, dtype=np.int32)
    box[tuple((index - corner + 1).T)] = levels
    return LevelledRegion(padded=box, count=count)
