from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from extract.encoders.radiological_view import place, view
from extract.volumes.volume import SeriesOnGrid

#: 20 x 30 x 5 voxels of .5 x .5 x 3 mm, tilted by 18.5 degrees as ProstateX-0000, stored LPS as in DICOM.
TILT = np.deg2rad(18.5)
AFFINE = np.array(
    [
        [-0.5, 0, 0, 40],
        [0, -0.5 * np.cos(TILT), -3 * np.sin(TILT), 10],
        [0, -0.5 * np.sin(TILT), 3 * np.cos(TILT), -7],
        [0, 0, 0, 1],
    ]
)


def _series(voxels: np.ndarray, affine: np.ndarray) -> SeriesOnGrid:
    return SeriesOnGrid(sequence="t2w", voxels=voxels, affine=affine, spacing_known=True)


def _voxels() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(20, 30, 5)).astype(np.float32)


def test_a_scan_as_dicom_has_it_is_shown_as_it_is() -> None:
    shown = view(_series(_voxels(), AFFINE))
    np.testing.assert_array_equal(shown.voxels, _voxels().transpose(2, 1, 0))
    np.testing.assert_array_equal(shown.affine[:, :3], AFFINE[:, [2, 1, 0]])


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("mirrored", list(product([False, True], repeat=3)))
def test_however_a_file_lies_it_is_shown_alike(order: tuple[int, ...], mirrored: tuple[bool, ...]) -> None:
    """The oracle is the definition: another order of axes with the affine that belongs to it."""
    voxels = _voxels().transpose(order)
    affine = AFFINE[:, [*order, 3]].copy()
    for axis in np.flatnonzero(mirrored):
        affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
        affine[:3, axis] *= -1
        voxels = np.flip(voxels, axis)
    shown, straight = view(_series(voxels, affine)), view(_series(_voxels(), AFFINE))
    np.testing.assert_array_equal(shown.voxels, straight.voxels)
    np.testing.assert_allclose(shown.affine, straight.affine, atol=1e-12)


def test_rows_of_a_sagittal_series_run_to_the_feet_and_columns_to_the_back() -> None:
    sagittal = np.array([[0, 0, 3.0, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0, 1]])
    shown = view(_series(_voxels(), sagittal))
    np.testing.assert_array_equal(shown.affine[:3, 0], [3, 0, 0])
    np.testing.assert_array_equal(shown.affine[:3, 1], [0, 0, -0.5])
    np.testing.assert_array_equal(shown.affine[:3, 2], [0, -0.5, 0])


def test_without_a_known_spacing_slices_lie_along_the_third_axis() -> None:
    assert view(_series(_voxels(), np.diag([1.0, 1, 1, 1]))).voxels.shape == (5, 30, 20)


def test_a_token_outside_the_field_of_view_is_left_out_and_pooled_nowhere() -> None:
    voxels = _voxels()
    voxels[:, :, 3:] = np.nan
    series = _series(voxels, AFFINE)
    centres = np.array([[0.0, 4.0, 4.0], [2.4, 29.5, 19.5], [2.6, 0.0, 0.0], [4.0, 0.0, 0.0]])
    tokens = np.eye(4, dtype=np.float32)
    upper = np.zeros(voxels.shape, dtype=bool)
    upper[:, :, 3:] = True
    placed = place(tokens, centres, view(series), series, {"upper": upper, "crop": np.ones_like(upper)})
    np.testing.assert_array_equal(placed.embeddings, tokens[:2])
    np.testing.assert_allclose(placed.token_xyz_mm[0], AFFINE[:3] @ [4, 4, 0, 1])
    assert np.isnan(placed.regions[0]).all() and placed.coverage[0] == 0
    assert np.isfinite(placed.regions[1]).all()
