"""Grey levels as PyRadiomics 3.0.1 makes them: bins of a width begin at a multiple of it, not at the minimum.

Enters: intensities of a region. Leaves: whole numbers from 1 on. This is the first of PyRadiomics' two
differences from the IBSI's definitions that reach every texture feature: the same width makes other bins.
"""

from __future__ import annotations

import numpy as np

from extract.volumes.texture.grey_levels import Levels, Values


def levels_from_zero(values: Values, width: float) -> Levels:
    """Return levels in bins of `width` whose edges are multiples of it.

    >>> levels_from_zero(np.array([54.0, 74.0, 75.0]), 25).tolist()
    [1, 1, 2]
    """
    levels: Levels = (np.floor(values / width) - np.floor(values.min() / width) + 1).astype(np.int32)
    return levels


def levels_between_edges(values: Values, count: int) -> Levels:
    """Return levels in `count` bins between the edges of `numpy.histogram`, the greatest value in the last.

    Equal values lie in the middle bin, as numpy puts edges half a unit to each side of them.
    """
    edges = np.histogram_bin_edges(values, count)
    edges[-1] += 1
    levels: Levels = np.digitize(values, edges).astype(np.int32)
    return levels
