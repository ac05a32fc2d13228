"""Which axis of a grid is which: slices, rows and columns, and which way of the patient each is nearest to.

Enters: an affine (voxel index -> RAS mm). Leaves: axes. Pure geometry: what is shown with it is decided in
radiological_view.py and input_contract.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

#: A step this many times the second longest tells that the slices lie along it, not along the third axis.
THICK = 1.5


def slices_rows_columns(affine: Float[np.ndarray[Any, Any], "4 4"]) -> tuple[int, int, int]:
    """Return the grid's axes of slices, rows and columns.

    Slices lie along the axis with by far the longest step, else along the third. Of the other two, the one
    nearest to feet-head, else to front-back, gives the rows.
    """
    nearest = nearest_axes(affine)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    steps = sorted(spacing)
    slices = int(np.argmax(spacing)) if steps[2] > THICK * steps[1] else 2
    columns, rows = sorted({0, 1, 2} - {slices}, key=lambda axis: nearest[axis])
    return slices, rows, columns


def nearest_axes(affine: Float[np.ndarray[Any, Any], "4 4"]) -> dict[int, int]:
    """Return which axis of the world (0 left-right, 1 back-front, 2 feet-head) each grid axis is nearest to.

    The clearest is decided first, so that two grid axes of an oblique scan never get the same one.
    """
    cosines = np.abs(affine[:3, :3]) / np.linalg.norm(affine[:3, :3], axis=0)
    nearest = {}
    for _ in range(3):
        world, axis = np.unravel_index(np.argmax(cosines), cosines.shape)
        nearest[int(axis)] = int(world)
        cosines[world, :] = cosines[:, axis] = -1
    return nearest
