"""What a network is shown, and that its answer comes back to the very voxels it belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.segment.losses import IGNORED
from extract.segment.preparation import PreparedSeries, label_voxels, prepare, prepare_labels
from extract.segment.record import Preparation
from extract.volumes.geometry import Reordering
from feature_cache.errors import SourceError
from tests.extract.volumes.files import grid_of

NATIVE = Preparation(sequence="cine", inplane_mm=None, side_px=32, intensity="clipped_z")


def answers(prepared: PreparedSeries, labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Probabilities of a network that is always right."""
    told = np.where(labels == IGNORED, 0, labels)
    return np.eye(4, dtype=np.float32)[told].transpose(3, 0, 1, 2)


@given(
    axes=st.permutations([0, 1, 2]),
    flipped=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    seed=st.integers(0, 20),
)
def test_labels_come_back_to_the_voxels_they_were_drawn_on(
    axes: list[int], flipped: tuple[bool, bool, bool], seed: int
) -> None:
    """However a file lies: the way to the network and back is the identity."""
    rng = np.random.default_rng(seed)
    stored = Reordering(axes=(axes[0], axes[1], axes[2]), flipped=flipped)
    grid = stored.of_grid(grid_of((9, 8, 3), (1.5, 1.4, 8.0), (4, -3, 10)))
    voxels = rng.normal(size=grid.size).astype(np.float32)
    labels = rng.integers(0, 4, grid.size).astype(np.uint8)
    prepared = prepare(voxels, grid.affine, NATIVE, spacing_known=True)
    shown = prepare_labels(labels, prepared)
    assert prepared.images.shape == (3, 32, 32)  # three slices, whichever axis they lie along
    np.testing.assert_array_equal(label_voxels(answers(prepared, shown), prepared), labels)


def test_a_scan_looks_the_same_however_it_is_stored() -> None:
    grid = grid_of((9, 8, 3), (1.5, 1.4, 8.0))
    voxels = np.random.default_rng(0).normal(size=grid.size).astype(np.float32)
    mirrored = Reordering(axes=(1, 0, 2), flipped=(True, False, True))
    straight = prepare(voxels, grid.affine, NATIVE, spacing_known=True)
    other = prepare(
        np.ascontiguousarray(mirrored.of_array(voxels)),
        mirrored.of_grid(grid).affine,
        NATIVE,
        spacing_known=True,
    )
    np.testing.assert_array_equal(straight.images, other.images)


def test_pixels_are_brought_to_the_side_that_the_network_learnt_with() -> None:
    grid = grid_of((40, 30, 3), (0.5, 0.5, 3.0))
    labels = np.zeros(grid.size, dtype=np.uint8)
    labels[10:30, 8:22] = 1
    voxels = np.where(labels == 1, 10.0, np.arange(40)[:, None, None]).astype(np.float32)
    coarse = NATIVE.model_copy(update={"inplane_mm": 1.0})
    prepared = prepare(voxels, grid.affine, coarse, spacing_known=True)
    assert prepared.grid.size == (3, 15, 20)  # slices, rows (y), columns (x)
    shown = prepare_labels(labels, prepared)
    assert (shown == 1).sum() == 3 * 7 * 10
    back = label_voxels(answers(prepared, shown), prepared)
    agree = 2 * ((back == 1) & (labels == 1)).sum() / ((back == 1).sum() + (labels == 1).sum())
    assert agree > 0.97


def test_what_nobody_drew_is_ignored_and_looks_like_air() -> None:
    grid = grid_of((20, 10, 2), (1.5, 1.5, 8.0))
    voxels = np.random.default_rng(1).uniform(50, 100, grid.size).astype(np.float32)
    voxels[:3] = np.nan
    prepared = prepare(voxels, grid.affine, NATIVE, spacing_known=True)
    shown = prepare_labels(np.ones(grid.size, dtype=np.uint8), prepared)
    assert np.isfinite(prepared.images).all()
    assert (shown == IGNORED).sum() == 2 * (32 * 32 - 20 * 10)
    assert (prepared.images[shown == IGNORED] == prepared.images.min()).all()


def test_grey_values_do_not_depend_on_the_scanners_scale_and_adc_does() -> None:
    grid = grid_of((20, 10, 2), (1.5, 1.5, 8.0))
    voxels = np.random.default_rng(1).uniform(500, 2000, grid.size).astype(np.float32)
    plain = prepare(voxels, grid.affine, NATIVE, spacing_known=True).images
    louder = prepare(voxels * 4 + 7, grid.affine, NATIVE, spacing_known=True).images
    np.testing.assert_allclose(plain, louder, atol=1e-4)
    adc = NATIVE.model_copy(update={"intensity": "thousandth", "sequence": "adc"})
    shown = prepare(
        np.where(voxels < 600, -5, voxels).astype(np.float32), grid.affine, adc, spacing_known=True
    )
    assert shown.images.min() == 0
    assert shown.images.max() == pytest.approx(voxels.max() / 1000)


def test_millimetres_are_not_made_up() -> None:
    voxels = np.random.default_rng(0).normal(size=(8, 8, 2)).astype(np.float32)
    in_mm = NATIVE.model_copy(update={"inplane_mm": 1.2})
    with pytest.raises(SourceError, match=r"expected a known spacing: this segmenter sees pixels of 1.2 mm"):
        prepare(voxels, np.eye(4), in_mm, spacing_known=False)


@pytest.mark.parametrize("intensity", ["clipped_z", "thousandth"])
def test_a_series_without_a_voxel_in_its_field_of_view_is_refused(intensity: str) -> None:
    """As a crop around another series' region can be; an ADC map of nothing is no map of 0."""
    voxels = np.full((8, 8, 2), np.nan, dtype=np.float32)
    preparation = NATIVE.model_copy(update={"intensity": intensity})
    with pytest.raises(SourceError, match="got none: nothing of it lies in its field of view"):
        prepare(voxels, np.eye(4), preparation, spacing_known=False)


def test_a_series_that_shows_nothing_is_refused() -> None:
    with pytest.raises(SourceError, match="got one grey value everywhere"):
        prepare(np.ones((8, 8, 2), dtype=np.float32), np.eye(4), NATIVE, spacing_known=False)
