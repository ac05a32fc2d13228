"""The widest distance in a plane, against all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from extract.volumes.pyradiomics.shape import shape
from extract.volumes.shape import mesh_of
from tests.extract.volumes.pyradiomics import phantom

STEPS = np.array([[0.5, 0.1, 0], [0, 0.75, 0.4], [0, 0, 3.0]])


@pytest.mark.parametrize("seed", [0, 1, 2, None])
def test_diameters_in_planes_are_those_of_all_pairs(seed: int | None) -> None:
    """On an oblique grid, of loose voxels and of the phantom."""
    mask = phantom.REGION if seed is None else np.random.default_rng(seed).random((6, 7, 5)) < 0.2
    index = np.argwhere(mask)
    low, high = index.min(axis=0), index.max(axis=0) + 1
    corners, _ = mesh_of(mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]])
    measured = shape(mask, STEPS)
    for axis, plane in enumerate(("Row", "Column", "Slice")):
        groups = [corners[corners[:, axis] == place] @ STEPS.T for place in np.unique(corners[:, axis])]
        widest = max(pdist(group).max() for group in groups if len(group) > 1)
        assert measured[f"Maximum2DDiameter{plane}"] == pytest.approx(widest)


def test_a_box() -> None:
    """8 x 5 x 3 voxels of 1 mm: corners lie half a voxel outside, on edges of the surface."""
    measured = shape(np.ones((8, 5, 3), dtype=bool), np.eye(3))
    assert measured["VoxelVolume"] == 120
    assert measured["Maximum2DDiameterSlice"] == pytest.approx(np.hypot(8, 4))
    assert measured["MajorAxisLength"] == pytest.approx(4 * np.sqrt((8**2 - 1) / 12))
    assert measured["Flatness"] == pytest.approx(np.sqrt((3**2 - 1) / (8**2 - 1)))
