"""Rigid transforms: six numbers about a centre, as a 4 x 4 matrix in RAS mm, and how far two of them differ.

Enters: rotation vectors in degrees, shifts in mm. Leaves: matrices. Sums are written out, because a matrix
product may add in another order on another machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.geometry import VoxelGrid

Matrix = Float[np.ndarray[Any, Any], "4 4"]
Places = Float[np.ndarray[Any, Any], "place 3"]
Six = Float[np.ndarray[Any, Any], " 6"]


def rigid_matrix(six: Six, centre: Float[np.ndarray[Any, Any], " 3"]) -> Matrix:
    """Return the transform that turns about `centre`, then shifts.

    Parameters
    ----------
    six
        Rotation vector in degrees (its length is the angle; Rodrigues' formula), shift in mm.
    centre
        RAS mm.

    Examples
    --------
    >>> turned = rigid_matrix(np.array([0.0, 0, 90, 0, 0, 5]), np.zeros(3))
    >>> moved(np.array([[1.0, 0, 0]]), turned).round(6)
    array([[0., 1., 5.]])
    """
    axis, angle = np.radians(six[:3]), float(np.radians(np.linalg.norm(six[:3])))
    matrix = np.eye(4)
    if angle > 0:
        x, y, z = axis / angle
        cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        matrix[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    matrix[:3, 3] = centre + six[3:] - matrix[:3, :3] @ centre
    return matrix


def moved(places: Places, matrix: Matrix) -> Places:
    """Return places after a transform."""
    x, y, z = places.T
    return np.stack([row[0] * x + row[1] * y + row[2] * z + row[3] for row in matrix[:3]], axis=1)


def moved_grid(grid: VoxelGrid, matrix: Matrix) -> VoxelGrid:
    """Return the same voxels where a transform puts them."""
    return VoxelGrid(size=grid.size, affine=matrix @ grid.affine)


def degrees_of(matrix: Matrix) -> float:
    """Return the angle of a transform's rotation."""
    sine = np.linalg.norm((matrix[:3, :3] - matrix[:3, :3].T)[[2, 0, 1], [1, 2, 0]]) / 2
    return float(np.degrees(np.arctan2(sine, (np.trace(matrix[:3, :3]) - 1) / 2)))


def apart_mm(first: Matrix, second: Matrix, places: Places) -> Float[np.ndarray[Any, Any], " place"]:
    """Return how far apart two transforms put each place."""
    distances: Float[np.ndarray[Any, Any], " place"] = np.linalg.norm(
        moved(places, first) - moved(places, second), axis=1
    )
    return distances
