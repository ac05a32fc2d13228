from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.volumes.geometry import (
    Reordering,
    VoxelGrid,
    coincide,
    find_reordering,
    grid_difference,
)
from tests.extract.volumes.files import grid_of

ORDERS = [
    Reordering(axes=axes, flipped=flipped)
    for axes in itertools.permutations((0, 1, 2))
    for flipped in itertools.product((False, True), repeat=3)
]
degrees = st.tuples(*[st.floats(-40, 40)] * 3)
sides = st.tuples(*[st.floats(0.3, 6)] * 3)


@given(st.sampled_from(ORDERS), degrees, sides)
def test_a_reordered_array_shows_every_voxel_where_it_was(
    order: Reordering, angles: tuple[float, float, float], spacing: tuple[float, float, float]
) -> None:
    grid = grid_of((4, 5, 3), spacing, angles)
    places = grid.centres(np.argwhere(np.ones(grid.size)))  # a place a voxel, as its value
    voxels = np.arange(len(places)).reshape(grid.size)
    turned, turned_grid = order.of_array(voxels), order.of_grid(grid)
    assert turned.shape == turned_grid.size
    found = turned_grid.centres(np.argwhere(np.ones(turned_grid.size)))
    np.testing.assert_allclose(found, places[turned.ravel()], atol=1e-9)


@given(st.sampled_from(ORDERS), degrees)
def test_the_way_back_is_found(order: Reordering, angles: tuple[float, float, float]) -> None:
    grid = grid_of((4, 5, 3), degrees=angles)
    stored = order.of_grid(grid)
    back = find_reordering(stored, grid)
    assert back is not None
    assert coincide(back.of_grid(stored), grid)
    assert back.is_identity == order.is_identity


def test_axes_at_45_degrees_have_no_order() -> None:
    assert find_reordering(grid_of((4, 4, 4), degrees=(0, 0, 45)), grid_of((4, 4, 4))) is None
    order = find_reordering(grid_of((4, 4, 4), degrees=(0, 0, 80)), grid_of((4, 4, 4)))
    assert str(order) == "axes y, x, z; x reversed"


def test_tolerance_is_half_the_smallest_side_and_a_thousandth_in_cosines() -> None:
    grid = grid_of((11, 11, 3), (0.5, 0.5, 3.0))

    def moved(mm: float, angle: float = 0.0) -> VoxelGrid:
        other = grid_of((11, 11, 3), (0.5, 0.5, 3.0), (0, 0, angle), (-10.0 + mm, 20.0, 5.0))
        return other

    for mm, angle, same in ((0.24, 0, True), (0.26, 0, False), (0, 0.05, True), (0, 0.06, False)):
        apart = grid_difference(moved(mm, angle), grid)
        assert apart is not None
        assert apart.origin_mm == pytest.approx(mm)
        assert apart.cosine == pytest.approx(np.sin(np.deg2rad(angle)), abs=1e-9)
        assert apart.tolerated_mm == 0.25
        assert apart.tolerated is same
    assert grid_difference(grid_of((11, 11, 4)), grid) is None


def test_a_part_of_a_grid_keeps_its_voxels_in_place() -> None:
    grid = grid_of((8, 9, 7), degrees=(10, -5, 20))
    part = grid.part((2, 3, 1), (4, 4, 5))
    np.testing.assert_allclose(part.centres(np.array([[1, 1, 1]])), grid.centres(np.array([[3, 4, 2]])))
    np.testing.assert_allclose(grid.indices(part.centres(np.array([[0, 0, 0]]))), [[2, 3, 1]], atol=1e-9)
