"""How far the surfaces of two masks lie apart.

Enters: two masks on one grid and the distances of its voxels. Leaves: the 95th percentile of the Hausdorff
distance (HD95), in the unit of those distances.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

Mask = Bool[np.ndarray[Any, Any], "..."]


def hausdorff_95(predicted: Mask, truth: Mask, spacing: tuple[float, ...]) -> float:
    """Return HD95 of two masks that are not empty.

    The distances from each surface voxel of one mask to the nearest of the other, the 95th percentile of
    them, the larger of both directions (as MONAI's ``compute_hausdorff_distance`` and Metrics Reloaded,
    Maier-Hein et al. 2024; medpy's ``hd95`` pools both directions first and is not larger). A surface voxel
    has a face neighbour outside its mask; what is beyond the edge of the volume is outside. An axis along
    which there is one voxel is none: a slice has contours, not two faces all over.

    Parameters
    ----------
    predicted, truth
        Of one shape.
    spacing
        Distance of neighbouring voxel centres along each axis.

    Raises
    ------
    ValueError
        A mask is empty: its surface is nowhere, and so no distance is defined.

    Examples
    --------
    >>> square = np.zeros((8, 8), dtype=bool)
    >>> square[1:4, 1:4] = True
    >>> hausdorff_95(square, np.roll(square, 2, axis=0), (1.5, 1.0))
    3.0
    """
    if not (predicted.any() and truth.any()):
        raise ValueError("no distance to the surface of an empty mask")
    steps = np.array([step for step, count in zip(spacing, truth.shape, strict=True) if count > 1])
    ours, theirs = (_surface(np.squeeze(mask)) for mask in (predicted, truth))
    if not len(steps):  # one voxel, and both masks are that voxel
        return 0.0
    return max(_percentile_95(ours, theirs, steps), _percentile_95(theirs, ours, steps))


def _surface(mask: Mask) -> Mask:
    """Return the voxels of a mask with a face neighbour outside of it."""
    inner = mask.copy()
    for axis in range(mask.ndim):
        for shift in (1, -1):
            neighbour = np.roll(mask, shift, axis)
            edge = [slice(None)] * mask.ndim
            edge[axis] = slice(0, 1) if shift == 1 else slice(-1, None)
            neighbour[tuple(edge)] = False
            inner &= neighbour
    return np.asarray(mask & ~inner)


def _percentile_95(start: Mask, target: Mask, steps: Float[np.ndarray[Any, Any], " axis"]) -> float:
    """Return the 95th percentile of the distances from one surface to the nearest voxel of the other."""
    from scipy.spatial import KDTree

    tree = KDTree(np.argwhere(target) * steps)
    distances, _ = tree.query(np.argwhere(start) * steps)
    return float(np.percentile(distances, 95))
