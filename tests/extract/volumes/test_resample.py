"""Resampling: exact on ramps, SimpleITK's numbers on oblique grids, NaN where there is no field of view."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_volume
from extract.volumes.reader import read_series
from extract.volumes.resample import resample_linear, resample_nearest
from tests.extract.volumes.files import as_sitk, grid_of

angles = st.tuples(*[st.floats(-25, 25)] * 3)
sides = st.tuples(*[st.floats(0.4, 4)] * 3)
slopes = st.tuples(*[st.floats(-5, 5)] * 4)
CENTRE = (-2.0, 3.0, 1.0)


def centred(
    size: tuple[int, int, int], spacing: tuple[float, float, float], degrees: tuple[float, float, float]
) -> VoxelGrid:
    grid = grid_of(size, spacing, degrees, (0.0, 0.0, 0.0))
    affine = grid.affine.copy()
    affine[:3, 3] = np.array(CENTRE) - grid.centres((np.array([size]) - 1) / 2)[0]
    return VoxelGrid(size=size, affine=affine)


def ramp(grid: VoxelGrid, slope: tuple[float, float, float, float]) -> np.ndarray:
    places = grid.centres(np.argwhere(np.ones(grid.size)))
    return (places @ np.array(slope[:3]) + slope[3]).reshape(grid.size).astype(np.float32)


@given(angles, sides, angles, sides, slopes)
def test_a_ramp_in_mm_stays_the_same_ramp(
    turn: tuple[float, float, float],
    side: tuple[float, float, float],
    other_turn: tuple[float, float, float],
    other_side: tuple[float, float, float],
    slope: tuple[float, float, float, float],
) -> None:
    grid, wanted = centred((9, 8, 7), side, turn), centred((6, 7, 5), other_side, other_turn)
    found = resample_linear(ramp(grid, slope), grid, wanted)
    index = grid.indices(wanted.centres(np.argwhere(np.ones(wanted.size)))).reshape(*wanted.size, 3)
    between = ((index >= 0) & (index <= np.array(grid.size) - 1)).all(axis=-1)
    outside = ((index < -0.51) | (index > np.array(grid.size) - 0.49)).any(axis=-1)
    np.testing.assert_allclose(found[between], ramp(wanted, slope)[between], atol=2e-3)
    assert np.isfinite(found[between]).all() and np.isnan(found[outside]).all()


@pytest.mark.parametrize("seed", range(5))
def test_simpleitk_gives_the_same_numbers(seed: int) -> None:
    turn, other = np.random.default_rng(seed).uniform(-25, 25, (2, 3))
    sitk = pytest.importorskip("SimpleITK")
    grid, wanted = centred((9, 8, 7), (1.0, 1.3, 2.1), turn), centred((7, 9, 8), (0.9, 0.8, 1.7), other)
    rng = np.random.default_rng(5)
    voxels, mask = rng.random(grid.size, dtype=np.float32), rng.random(grid.size) > 0.5
    reference = as_sitk(np.zeros(wanted.size, np.float32), wanted.affine)

    def theirs(image: np.ndarray, method: int, default: float) -> np.ndarray:
        moved = sitk.Resample(as_sitk(image, grid.affine), reference, sitk.Transform(), method, default)
        return sitk.GetArrayFromImage(moved).T

    linear = theirs(voxels, sitk.sitkLinear, -1.0)
    found = resample_linear(voxels, grid, wanted)
    both = np.isfinite(found) & (linear >= 0)
    assert (
        both.mean() > 0.3 and (np.isfinite(found) == (linear >= 0)).mean() > 0.99
    )  # but for the very border
    np.testing.assert_allclose(found[both], linear[both], atol=2e-4)
    nearest = theirs(mask.astype(np.uint8), sitk.sitkNearestNeighbor, 0) > 0
    assert (resample_nearest(mask, grid, wanted) == nearest).mean() > 0.99  # ties may go either way


def test_a_box_of_the_same_voxels_is_taken_as_it_is() -> None:
    grid = grid_of((8, 9, 7), degrees=(10, 20, 30))
    voxels = np.random.default_rng(1).random(grid.size).astype(np.float32)
    np.testing.assert_array_equal(resample_linear(voxels, grid, grid), voxels)
    part = grid.part((2, 3, 1), (5, 4, 6))
    np.testing.assert_array_equal(resample_linear(voxels, grid, part), voxels[2:7, 3:7, 1:])


def test_beyond_the_field_of_view_is_nan_and_no_region() -> None:
    grid, wanted = grid_of((4, 4, 4)), grid_of((4, 4, 4), origin=(-10.0 + 1.0, 20.0, 5.0))
    found = resample_linear(np.ones(grid.size, np.float32), grid, wanted)
    assert np.isfinite(found[:2]).all() and np.isnan(found[2:]).all()
    mask = resample_nearest(np.ones(grid.size, bool), grid, wanted)
    assert mask[:2].all() and not mask[2:].any()
    far = grid_of((4, 4, 4), origin=(500.0, 0, 0))
    assert np.isnan(resample_linear(np.ones(grid.size, np.float32), grid, far)).all()


def test_a_single_slice_reaches_half_its_thickness() -> None:
    grid, wanted = grid_of((4, 4, 1)), grid_of((4, 4, 5), (0.5, 0.6, 1.0), origin=(-10.0, 20.0, 3.0))
    found = resample_linear(np.ones(grid.size, np.float32), grid, wanted)
    assert [bool(np.isfinite(found[..., z]).all()) for z in range(5)] == [False, True, True, True, False]


def test_real_adc_on_t2w_stays_between_its_neighbours(shared_data: Path) -> None:
    folder = shared_data / "volumes/prostatex/ProstateX-0000"
    adc, t2w = (open_volume(folder / f"ProstateX-0000_{name}.nii.gz", name) for name in ("adc", "t2w"))
    voxels = read_series(adc, "adc").voxels
    found = resample_linear(voxels, adc.grid, t2w.grid.part((100, 100, 0), (180, 180, 19)))
    covered = found[np.isfinite(found)]
    assert len(covered) == found.size
    assert covered.min() >= 0 and covered.max() <= voxels.max()


def test_what_was_not_measured_does_not_spread() -> None:
    """A place is unknown where the voxel that holds it is; beside that, its measured neighbours count."""
    grid, wanted = grid_of((4, 1, 1), (2, 1, 1)), grid_of((7, 1, 1), (1, 1, 1))
    voxels = np.array([10, 20, np.nan, 40], np.float32).reshape(4, 1, 1)
    found = resample_linear(voxels, grid, wanted).ravel()
    # at 3 and 5 mm a place lies on the border of two voxels: ties go to the later one
    np.testing.assert_allclose(found, [10, 15, 20, np.nan, np.nan, 40, 40])


@given(st.tuples(*[st.floats(-25, 25)] * 3), st.integers(0, 2**32 - 1))
def test_equal_numbers_stay_equal_around_holes(turn: tuple[float, float, float], seed: int) -> None:
    grid, wanted = centred((9, 8, 7), (1.0, 1.3, 2.1), turn), centred((6, 7, 5), (0.9, 0.8, 1.7), (0, 0, 0))
    holes = np.random.default_rng(seed).random(grid.size) < 0.2
    found = resample_linear(np.where(holes, np.nan, np.float32(7)).astype(np.float32), grid, wanted)
    np.testing.assert_allclose(found[np.isfinite(found)], 7, rtol=1e-5)
    held = resample_nearest(~holes, grid, wanted)
    np.testing.assert_array_equal(np.isfinite(found), held)
