from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.volumes.pooling import pool_in_regions
from tests.extract.volumes.files import grid_of

GRID = grid_of((8, 6, 4), (0.5, 0.5, 3.0), (10, 0, 20))


def at(*voxels: tuple[float, float, float]) -> np.ndarray:
    return GRID.centres(np.array(voxels))


def test_tokens_are_averaged_where_their_centre_lies() -> None:
    left = np.zeros(GRID.size, bool)
    left[:4] = True
    tokens = np.array([[1.0, 10], [3, 30], [100, 1000]], np.float32)
    places = at((0, 0, 0), (3.4, 5, 3), (3.6, 0, 0))
    pooled, coverage = pool_in_regions(tokens, places, {"left": left, "right": ~left}, GRID.affine)
    np.testing.assert_array_equal(pooled, [[2, 20], [100, 1000]])
    assert pooled.dtype == np.float32
    assert (coverage > 0.4).all() and (coverage < 1).all()


def test_a_region_without_a_token_is_nan_and_says_so() -> None:
    corner, nothing = np.zeros((2, *GRID.size), bool)
    corner[7, 5, 3] = True
    pooled, coverage = pool_in_regions(
        np.ones((1, 2), np.float32), at((0, 0, 0)), {"corner": corner, "nothing": nothing}, GRID.affine
    )
    assert np.isnan(pooled).all()
    assert coverage[0] == 0 and np.isnan(coverage[1])


def test_coverage_counts_voxels_by_their_nearest_token() -> None:
    """Tokens at x = 1 and 6: voxels 0 to 3 are nearest to the first, the others to the second."""
    mask = np.zeros(GRID.size, bool)
    mask[0:2, 0, 0] = mask[3:6, 0, 0] = True
    pooled, coverage = pool_in_regions(
        np.array([[1.0], [2.0]], np.float32), at((1, 0, 0), (6, 0, 0)), {"m": mask}, GRID.affine
    )
    assert pooled[0, 0] == 1
    assert coverage[0] == pytest.approx(3 / 5)


@given(st.permutations(range(6)))
def test_the_order_of_tokens_does_not_matter(order: list[int]) -> None:
    rng = np.random.default_rng(2)
    tokens, places = rng.random((6, 3), np.float32), at(*rng.random((6, 3)) * 4)
    mask = {"m": rng.random(GRID.size) > 0.3}
    first = pool_in_regions(tokens, places, mask, GRID.affine)
    second = pool_in_regions(tokens[order], places[order], mask, GRID.affine)
    np.testing.assert_allclose(first[0], second[0], rtol=1e-6)
    np.testing.assert_allclose(first[1], second[1])


def test_a_token_beyond_the_grid_is_in_no_region() -> None:
    pooled, _ = pool_in_regions(
        np.ones((1, 1), np.float32), at((-3, 0, 0)), {"all": np.ones(GRID.size, bool)}, GRID.affine
    )
    assert np.isnan(pooled).all()
