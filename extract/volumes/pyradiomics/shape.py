"""PyRadiomics' 14 shape features.

Enters: a mask and the steps of its grid. Leaves: values by name. Unlike in `extract.volumes.shape` axes are
of the population of voxel centres (n, not n - 1), and there are diameters in planes, between corners of the
surface that share a coordinate: slices are planes of the third axis, columns of the second, rows of the
first. The mesh is scikit-image's: the same on closed regions, but where voxels touch at an edge or a corner
only it joins them otherwise than PyRadiomics, so volume and area of ragged masks differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.volumes.shape import area_of, axes_of, diameter_of, mesh_of, volume_of

#: In the order of the axes (x, y, z) that are fixed.
_PLANES = ("Maximum2DDiameterRow", "Maximum2DDiameterColumn", "Maximum2DDiameterSlice")
SHAPE = tuple(
    sorted(
        (
            "Elongation",
            "Flatness",
            "LeastAxisLength",
            "MajorAxisLength",
            *_PLANES,
            "Maximum3DDiameter",
            "MeshVolume",
            "MinorAxisLength",
            "Sphericity",
            "SurfaceArea",
            "SurfaceVolumeRatio",
            "VoxelVolume",
        )
    )
)

Points = Float[np.ndarray[Any, Any], "point 3"]


def shape(
    mask: Bool[np.ndarray[Any, Any], "x y z"], steps: Float[np.ndarray[Any, Any], "3 3"]
) -> dict[str, float]:
    """Return `shape` name -> value in mm; `steps` are the columns of the affine, `mask` has a voxel."""
    index = np.argwhere(mask)
    first, last = index.min(axis=0), index.max(axis=0)
    box = mask[tuple(slice(start, stop + 1) for start, stop in zip(first, last, strict=True))]
    corners, triangles = mesh_of(box)
    surface = (corners @ steps.T)[triangles]
    volume, area = volume_of(surface), area_of(surface)
    of_population = np.sqrt((len(index) - 1) / len(index))
    least, minor, major = (float(axis * of_population) for axis in axes_of((index - first) @ steps.T))
    return {
        "Elongation": minor / major,
        "Flatness": least / major,
        "LeastAxisLength": least,
        "MajorAxisLength": major,
        **{name: _widest_plane(corners, axis, steps) for axis, name in enumerate(_PLANES)},
        "Maximum3DDiameter": diameter_of(corners @ steps.T),
        "MeshVolume": volume,
        "MinorAxisLength": minor,
        "Sphericity": float((36 * np.pi * volume**2) ** (1 / 3)) / area,
        "SurfaceArea": area,
        "SurfaceVolumeRatio": area / volume,
        "VoxelVolume": len(index) * abs(float(np.linalg.det(steps))),
    }


def _widest_plane(corners: Points, axis: int, steps: Float[np.ndarray[Any, Any], "3 3"]) -> float:
    """Return the largest distance of two corners with the same coordinate along `axis`.

    The farthest pair of a plane lies at the ends of its lines. Planes are taken from the one with the longest
    diagonal on, until none can hold a longer distance than was found.
    """
    from scipy.spatial.distance import pdist

    across, along = (other for other in range(3) if other != axis)
    order = np.lexsort((corners[:, along], corners[:, across], corners[:, axis]))
    plane, line = corners[order][:, axis], corners[order][:, across]
    new = np.flatnonzero(np.concatenate([[True], (np.diff(plane) != 0) | (np.diff(line) != 0)]))
    ends = np.unique(np.concatenate([new, np.append(new[1:], len(order)) - 1]))
    points, plane = corners[order][ends] @ steps.T, plane[ends]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(plane) != 0]))
    stops = np.append(starts[1:], len(plane))
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    reach = np.linalg.norm(high - low, axis=1)
    widest = 0.0
    for one in np.argsort(-reach, kind="stable"):
        if reach[one] <= widest:
            break
        widest = max(widest, float(pdist(points[starts[one] : stops[one]]).max(initial=0.0)))
    return widest
