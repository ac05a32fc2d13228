"""Rigid transforms: against scipy's rotations, there and back, and how far two are apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from extract.volumes.registration.rigid import apart_mm, degrees_of, moved, moved_grid, rigid_matrix
from tests.extract.volumes.registration.phantom import EPI

SIXES = st.tuples(*[st.floats(-40, 40)] * 6).map(np.array)


@given(SIXES)
def test_it_turns_about_the_centre_as_scipy_does_and_then_shifts(six: np.ndarray) -> None:
    centre = np.array([10.0, -20.0, 30.0])
    matrix = rigid_matrix(six, centre)
    np.testing.assert_allclose(
        matrix[:3, :3], Rotation.from_rotvec(six[:3], degrees=True).as_matrix(), atol=1e-12
    )
    np.testing.assert_allclose(moved(centre[None], matrix)[0], centre + six[3:], atol=1e-9)
    assert degrees_of(matrix) == pytest.approx(float(np.linalg.norm(six[:3])), abs=1e-6)
    assert apart_mm(np.linalg.inv(matrix) @ matrix, np.eye(4), EPI.corners()).max() < 1e-9


def test_voxels_of_a_moved_grid_lie_where_the_transform_puts_them() -> None:
    matrix = rigid_matrix(np.array([1.0, 2, 3, 4, 5, 6]), np.zeros(3))
    np.testing.assert_allclose(moved_grid(EPI, matrix).corners(), moved(EPI.corners(), matrix), atol=1e-9)
