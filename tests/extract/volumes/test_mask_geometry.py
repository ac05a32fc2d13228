"""A mask lies on a series' voxels within a tolerance, or is refused with the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_volume
from extract.volumes.mask_geometry import place_mask
from feature_cache.errors import SourceError
from tests.extract.volumes.files import grid_of
from tests.extract.volumes.test_geometry import ORDERS

T2W = grid_of((40, 36, 10), (0.5, 0.5, 3.0), (0, 18.5, 0))
ADC = grid_of((20, 18, 10), (2.0, 2.0, 3.0))


def moved(grid: VoxelGrid, by_mm: tuple[float, float, float]) -> VoxelGrid:
    affine = grid.affine.copy()
    affine[:3, 3] += by_mm
    return VoxelGrid(size=grid.size, affine=affine)


def refused(mask: VoxelGrid) -> SourceError:
    with pytest.raises(SourceError) as caught:
        place_mask(mask, {"t2w": T2W, "adc": ADC}, "case 1, study 1, mask.nii.gz")
    return caught.value


def test_the_series_is_found_whatever_its_place_in_the_study() -> None:
    for name, grid in (("t2w", T2W), ("adc", ADC)):
        place = place_mask(moved(grid, (0.1, 0, 0)), {"t2w": T2W, "adc": ADC}, "m")
        assert place.series == name and place.reordering.is_identity
        assert place.as_json()["reordered"] is None


def test_what_real_masks_are_off_by_is_tolerated_and_said() -> None:
    turned = grid_of((40, 36, 10), (0.5, 0.5, 3.0), (0, 18.5, 0.0115))
    place = place_mask(turned, {"t2w": T2W}, "m")
    assert place.difference.cosine == pytest.approx(2e-4, rel=0.1)
    (doubt,) = place.doubts()
    assert doubt.startswith(
        "its header differs from that of t2w within tolerance (direction cosine 0.0002, corner"
    )
    assert place_mask(T2W, {"t2w": T2W}, "m").doubts() == ()


@given(st.sampled_from(ORDERS))
def test_the_same_voxels_in_another_order_are_put_in_order(order: object) -> None:
    labels = np.random.default_rng(3).integers(0, 4, T2W.size)
    stored, stored_grid = order.of_array(labels), order.of_grid(T2W)  # type: ignore[attr-defined]
    place = place_mask(stored_grid, {"t2w": T2W}, "m")
    np.testing.assert_array_equal(place.reordering.of_array(stored), labels)
    assert place.difference.corner_mm < 1e-9
    assert (place.as_json()["reordered"] is None) == order.is_identity  # type: ignore[attr-defined]
    assert len(place.doubts()) == (0 if order.is_identity else 1)  # type: ignore[attr-defined]


def test_a_shifted_mask_is_refused_with_the_numbers() -> None:
    error = refused(moved(T2W, (0.3, 0.4, 0)))
    assert error.expected == (
        "a mask on the grid of t2w: direction cosines within 0.001, origin and corners within 0.25 mm"
    )
    assert error.got == "direction cosines 0 off, origin 0.5 mm and furthest corner 0.5 mm away"


def test_a_flipped_header_is_refused_with_the_numbers() -> None:
    """The first axis runs the other way from the same origin: the mask of the mirrored patient."""
    flipped = VoxelGrid(size=T2W.size, affine=T2W.affine @ np.diag([-1.0, 1, 1, 1]))
    error = refused(flipped)
    assert error.got == (
        "direction cosine -0.9483 where t2w has 0.9483 (axis x), origin 0 mm and furthest corner 39 mm away"
    )


def test_lps_taken_for_ras_is_refused() -> None:
    mirrored = VoxelGrid(size=T2W.size, affine=np.diag([-1.0, -1, 1, 1]) @ T2W.affine)
    assert "furthest corner" in refused(mirrored).got


def test_another_size_is_refused_with_all_sizes() -> None:
    error = refused(grid_of((40, 36, 11), (0.5, 0.5, 3.0)))
    assert error.got == "40 x 36 x 11 voxels where t2w has 40 x 36 x 10, adc has 20 x 18 x 10"


def test_without_a_series_there_is_nothing_to_lie_on() -> None:
    with pytest.raises(SourceError, match="got a study without a readable series"):
        place_mask(T2W, {}, "m")


def test_real_masks_lie_on_t2w_and_not_on_adc(shared_data: Path) -> None:
    folder = shared_data / "volumes/prostatex"
    for case_id in ("ProstateX-0000", "ProstateX-0001"):
        grids = {
            name: open_volume(folder / case_id / f"{case_id}_{name}.nii.gz", name).grid
            for name in ("adc", "hbv", "t2w")
        }
        masks = sorted((folder / "picai_labels" / case_id).glob("*.nii.gz"))
        assert len(masks) == 7
        places = [place_mask(open_volume(path, "m", "label").grid, grids, "m") for path in masks]
        assert {place.series for place in places} == {"t2w"}
        # the files differ; in degrees of a cosine that is less than the tolerance by a factor of five
        assert max(place.difference.cosine for place in places) < 2.1e-4


def test_a_real_mask_moved_by_a_voxel_is_refused(shared_data: Path) -> None:
    folder = shared_data / "volumes/prostatex"
    t2w = open_volume(folder / "ProstateX-0000/ProstateX-0000_t2w.nii.gz", "t2w").grid
    gland = next((folder / "picai_labels/ProstateX-0000").glob("*Bosma22b.nii.gz"))
    shifted = moved(open_volume(gland, "m", "label").grid, (0.5, 0, 0))
    with pytest.raises(SourceError, match=r"origin 0\.5 mm and furthest corner 0\.5\d* mm away"):
        place_mask(shifted, {"t2w": t2w}, "m")
