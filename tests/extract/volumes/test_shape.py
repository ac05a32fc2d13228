"""Shape against the IBSI's phantom, bodies with a known answer, and what must leave it unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from extract.volumes.shape import SHAPE, shape
from tests.extract.volumes import ibsi_phantom

MASKS = arrays(bool, st.tuples(*[st.integers(1, 5)] * 3), elements=st.booleans()).filter(np.any)
#: Power of the unit of length that each measure has.
POWERS = {
    "morph_volume": 3,
    "morph_vol_approx": 3,
    "morph_area_mesh": 2,
    "morph_av": -1,
    "morph_diam": 1,
    "morph_pca_maj_axis": 1,
    "morph_pca_min_axis": 1,
    "morph_pca_least_axis": 1,
}
#: The least axis of a flat mask is the square root of rounding.
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def named(mask: np.ndarray, affine: np.ndarray) -> dict[str, float]:
    return dict(zip(SHAPE, shape(mask, affine), strict=True))


@pytest.mark.parametrize("name", SHAPE)
def test_ibsi_reference_values_within_their_tolerance(name: str) -> None:
    value, tolerance = ibsi_phantom.MORPHOLOGY[name]
    got = named(ibsi_phantom.REGION, ibsi_phantom.AFFINE)[name]
    ibsi_phantom.print_row(name, value, got)
    assert got == pytest.approx(value, abs=tolerance)


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 1, 1), (4, 3, 1), (5, 4, 3)])
def test_a_box_of_voxels_is_a_box_of_centres_and_half_an_octahedron_at_each_corner(
    size: tuple[int, int, int],
) -> None:
    # the surface is half a voxel from every centre: Steiner's formula for a box plus an octahedron of radius
    # .5, whose faces are flat where the box has edges and corners
    a, b, c = (side - 1 for side in size)
    volume = a * b * c + (a * b + b * c + c * a) + (a + b + c) / 2 + 1 / 6
    area = 2 * (a * b + b * c + c * a) + 4 * (a + b + c) * np.sqrt(0.5) + np.sqrt(3)
    got = named(np.ones(size, dtype=bool), np.eye(4))
    assert got["morph_volume"] == pytest.approx(volume)
    assert got["morph_area_mesh"] == pytest.approx(area)
    assert got["morph_vol_approx"] == pytest.approx(np.prod(size))


def test_a_line_of_voxels_has_one_axis() -> None:
    got = named(np.ones((5, 1, 1), dtype=bool), np.diag([3.0, 1.0, 1.0, 1.0]))
    assert got["morph_diam"] == pytest.approx(15)
    assert got["morph_pca_maj_axis"] == pytest.approx(4 * 3 * np.sqrt(2.5))
    assert got["morph_pca_min_axis"] == got["morph_pca_flatness"] == 0


@pytest.mark.parametrize(("spacing", "rougher"), [((1.0, 1.0, 1.0), 1.09), ((0.5, 0.5, 3.0), 1.23)])
def test_a_sphere_of_20_mm(spacing: tuple[float, float, float], rougher: float) -> None:
    step = np.array(spacing)
    half = np.ceil(22 / step).astype(int)
    at_mm = (np.moveaxis(np.indices(2 * half + 1), 0, -1) - half) * step
    got = named((at_mm**2).sum(axis=-1) <= 20**2, np.diag([*spacing, 1.0]))
    volume, area = 4 / 3 * np.pi * 20**3, 4 * np.pi * 20**2
    assert got["morph_volume"] == pytest.approx(volume, rel=0.01)
    assert got["morph_vol_approx"] == pytest.approx(volume, rel=0.01)
    # the surface of a mask is a staircase, and a higher one between thick slices
    assert got["morph_area_mesh"] == pytest.approx(rougher * area, rel=0.01)
    assert got["morph_diam"] == pytest.approx(40, abs=max(spacing))
    # variance of one coordinate in a ball: r2 / 5
    assert got["morph_pca_maj_axis"] == pytest.approx(4 * 20 / np.sqrt(5), rel=0.01)
    assert got["morph_pca_elongation"] == pytest.approx(1, abs=0.01)
    assert got["morph_pca_flatness"] == pytest.approx(1, abs=0.01)


@given(MASKS, st.permutations(range(3)), st.tuples(*[st.sampled_from([1, -1])] * 3))
def test_turning_and_mirroring_change_nothing(
    mask: np.ndarray, order: list[int], steps: tuple[int, int, int]
) -> None:
    spacing = np.array([0.5, 0.7, 3.0])
    turned = mask.transpose(order)[:: steps[0], :: steps[1], :: steps[2]]
    np.testing.assert_allclose(
        shape(turned, np.diag([*spacing[order], 1.0])), shape(mask, np.diag([*spacing, 1.0])), **CLOSE
    )


@given(MASKS, st.tuples(*[st.integers(0, 4)] * 6))
def test_the_place_on_the_grid_and_in_the_room_changes_nothing(
    mask: np.ndarray, margins: tuple[int, ...]
) -> None:
    padded = np.pad(mask, np.array(margins).reshape(3, 2))
    moved = np.eye(4)
    moved[:3, 3] = (-120, 33, 7)
    np.testing.assert_allclose(shape(padded, moved), shape(mask, np.eye(4)), **CLOSE)


@given(MASKS, st.floats(0, 2 * np.pi), st.floats(0, 2 * np.pi))
def test_an_oblique_grid_changes_nothing(mask: np.ndarray, one: float, other: float) -> None:
    straight = np.diag([0.5, 0.7, 3.0, 1.0])
    np.testing.assert_allclose(
        shape(mask, rotation(one, 0) @ rotation(other, 2) @ straight), shape(mask, straight), **CLOSE
    )


def rotation(angle: float, axis: int) -> np.ndarray:
    turn = np.eye(4)
    one, other = (index for index in range(3) if index != axis)
    turn[[one, other], [one, other]] = np.cos(angle)
    turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
    return turn


@given(MASKS, st.floats(0.1, 10))
def test_another_unit_of_length_scales_each_measure_by_its_power(mask: np.ndarray, k: float) -> None:
    before, after = named(mask, np.eye(4)), named(mask, np.diag([k, k, k, 1.0]))
    for name in SHAPE:
        expected = before[name] * k ** POWERS.get(name, 0)
        assert after[name] == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True), name


def test_an_empty_mask_is_nan_throughout() -> None:
    assert np.isnan(shape(np.zeros((4, 4, 4), dtype=bool), np.eye(4))).all()


def test_a_single_voxel_has_a_surface_but_no_axes() -> None:
    got = named(np.ones((1, 1, 1), dtype=bool), np.eye(4))
    assert {name for name, value in got.items() if np.isnan(value)} == {
        name for name in SHAPE if name.startswith("morph_pca")
    }


def test_the_gland_of_a_real_case_is_44_ml(shared_data: Path) -> None:
    import nibabel

    label = "ProstateX-0000_11373_1001396_whole_gland_AI_Bosma22b.nii.gz"
    image = nibabel.load(shared_data / "volumes/prostatex/picai_labels/ProstateX-0000" / label)
    mask = np.asarray(image.dataobj) > 0
    assert mask.sum() == 59_043
    got = named(mask, image.affine)
    assert got["morph_vol_approx"] == pytest.approx(44_282, abs=1)
    assert got["morph_volume"] == pytest.approx(got["morph_vol_approx"], rel=0.002)
    spacing = np.linalg.norm(image.affine[:3, :3], axis=0)
    assert spacing == pytest.approx([0.5, 0.5, 3.0], abs=1e-3), "tilted by 18.5 degrees"
    # the direction cosines of the file are rounded
    np.testing.assert_allclose(shape(mask, image.affine), shape(mask, np.diag([*spacing, 1.0])), rtol=1e-4)
