"""The weight-free volume encoder: which row says what, and what is NaN."""

from __future__ import annotations

import numpy as np
import pytest

from extract.encoders.card import EncodedSeries
from extract.encoders.first_order_shape import CROP_SHARE
from extract.encoders.registry import find_encoder, load_encoder
from extract.volumes.first_order import FIRST_ORDER, first_order
from extract.volumes.shape import SHAPE, shape
from extract.volumes.volume import SeriesOnGrid
from tests.extract.volumes import ibsi_phantom

NAMES = (*FIRST_ORDER, *SHAPE, CROP_SHARE)
IS_STATISTIC = np.array([name.startswith("stat_") for name in NAMES])
IS_SHAPE = np.array([name.startswith("morph_") for name in NAMES])
REGIONS = {
    "roi": ibsi_phantom.REGION,
    "crop": np.ones_like(ibsi_phantom.REGION),
    "nothing": np.zeros_like(ibsi_phantom.REGION),
}
AFFINE = np.array([[2.0, 0, 0, -10], [0, 2, 0, 20], [0, 0, 2, 5], [0, 0, 0, 1]])


def encode(
    voxels: np.ndarray = ibsi_phantom.INTENSITY, *, reference: bool = True, spacing_known: bool = True
) -> EncodedSeries:
    series = SeriesOnGrid(
        sequence="t2w",
        voxels=voxels.astype(np.float32),
        affine=AFFINE,
        spacing_known=spacing_known,
        is_reference=reference,
    )
    encoded: EncodedSeries = load_encoder(find_encoder("first_order_shape", "volumes")).encode(
        series, REGIONS
    )
    return encoded


def test_names_and_card_agree() -> None:
    card = find_encoder("first_order_shape", "volumes")
    assert load_encoder(card).feature_names == NAMES
    assert card.dim == len(NAMES) == 34
    assert not card.weights_needed


def test_a_row_holds_the_statistics_and_the_shape_of_its_region() -> None:
    roi = encode().regions[0]
    values = ibsi_phantom.INTENSITY[ibsi_phantom.REGION].astype(float)
    np.testing.assert_allclose(roi[IS_STATISTIC], first_order(values), rtol=1e-6)
    np.testing.assert_allclose(roi[IS_SHAPE], shape(ibsi_phantom.REGION, AFFINE), rtol=1e-6)


def test_the_crop_has_statistics_and_no_shape() -> None:
    crop = encode().regions[1]
    assert crop[NAMES.index("stat_min")] == 0, "voxels outside the phantom's region are 0"
    assert np.isnan(crop[IS_SHAPE]).all()


@pytest.mark.parametrize("told", [{"reference": False}, {"spacing_known": False}])
def test_shape_is_told_once_and_never_in_unknown_millimetres(told: dict[str, bool]) -> None:
    described, reference = encode(**told), encode()
    assert np.isnan(described.regions[:, IS_SHAPE]).all()
    np.testing.assert_array_equal(described.regions[:, IS_STATISTIC], reference.regions[:, IS_STATISTIC])


@pytest.mark.parametrize("spacing_known", [True, False])
def test_the_share_of_the_crop_needs_no_millimetres_and_is_0_for_an_empty_region(spacing_known: bool) -> None:
    shares = encode(spacing_known=spacing_known).regions[:, NAMES.index(CROP_SHARE)]
    np.testing.assert_allclose(shares, [74 / 80, np.nan, 0.0], rtol=1e-6)
    assert np.isnan(encode(reference=False).regions[:, NAMES.index(CROP_SHARE)]).all(), "told once a study"


def test_voxels_outside_the_field_of_view_are_left_out_and_counted() -> None:
    voxels = ibsi_phantom.INTENSITY.astype(np.float32)
    voxels[:, :, 3] = np.nan
    encoded = encode(voxels)
    seen = ibsi_phantom.REGION[:, :, :3]
    assert encoded.coverage[0] == pytest.approx(seen.sum() / 74)
    assert encoded.coverage[1] == pytest.approx(3 / 4)
    expected = first_order(ibsi_phantom.INTENSITY[:, :, :3][seen].astype(float))
    np.testing.assert_allclose(encoded.regions[0, IS_STATISTIC], expected, rtol=1e-6)
    np.testing.assert_allclose(
        encoded.regions[0, IS_SHAPE], shape(ibsi_phantom.REGION, AFFINE), rtol=1e-6, err_msg="mask is whole"
    )


def test_a_region_that_the_series_does_not_show_has_no_statistics_but_a_shape() -> None:
    encoded = encode(np.full(ibsi_phantom.INTENSITY.shape, np.nan))
    assert np.isnan(encoded.regions[0, IS_STATISTIC]).all()
    assert encoded.regions[0, NAMES.index("morph_vol_approx")] == pytest.approx(592)
    assert encoded.coverage[0] == 0


def test_an_empty_region_is_nan_but_for_its_share_and_has_no_token() -> None:
    encoded = encode()
    assert np.isnan(encoded.regions[2, :-1]).all()
    assert np.isnan(encoded.coverage[2])
    assert encoded.embeddings.shape == (2, 34)
    np.testing.assert_array_equal(encoded.embeddings, encoded.regions[:2])


def test_a_token_lies_at_the_centroid_of_its_region() -> None:
    # 5 x 4 x 4 voxels of 2 mm: the middle of the crop is 4, 3 and 3 mm from the first voxel's centre
    np.testing.assert_allclose(encode().token_xyz_mm[1], [-6, 23, 8])
    centre = np.argwhere(ibsi_phantom.REGION).mean(axis=0) * 2 + AFFINE[:3, 3]
    np.testing.assert_allclose(encode().token_xyz_mm[0], centre, rtol=1e-6)


def test_no_region_no_row() -> None:
    series = SeriesOnGrid(
        sequence="adc", voxels=np.ones((2, 2, 2), np.float32), affine=np.eye(4), spacing_known=True
    )
    encoded = load_encoder(find_encoder("first_order_shape")).encode(series, {})
    assert encoded.regions.shape == encoded.embeddings.shape == (0, 34)
