from __future__ import annotations

import numpy as np

from extract.volumes.preview import draw_preview
from extract.volumes.volume import SeriesOnGrid
from tests.extract.volumes.files import grid_of


def series(voxels: np.ndarray, spacing: tuple[float, float, float] = (0.5, 0.5, 3.0)) -> SeriesOnGrid:
    grid = grid_of(voxels.shape, spacing)
    return SeriesOnGrid(
        sequence="t2w", voxels=voxels.astype(np.float32), affine=grid.affine, spacing_known=True
    )


def test_small_volumes_are_shown_whole_and_as_a_radiologist_sees_them() -> None:
    """On this grid x runs to the right, y to the front: the picture has front on top, right on the left."""
    voxels = np.arange(1, 61).reshape(5, 4, 3)
    preview = draw_preview((series(voxels),), {"corner": voxels == 58})
    assert preview.images.shape == (1, 3, 4, 5) and preview.images.dtype == np.uint8
    assert preview.slices == (0, 1, 2)
    np.testing.assert_allclose(preview.spacing, (3, 0.5, 0.5))
    shown = preview.images[0, 0].astype(int)
    assert (np.diff(shown, axis=0) < 0).all() and (np.diff(shown, axis=1) < 0).all()
    assert preview.masks[0, 0, 0, 0] == 1 and preview.masks.sum() == 1  # voxel (4, 3, 0): right, front


def test_large_volumes_are_shrunk_by_one_factor_and_masks_stay_on_them() -> None:
    rng = np.random.default_rng(4)
    blob = np.zeros((400, 300, 50), bool)
    blob[150:250, 100:200] = True
    voxels = rng.normal(0, 1, blob.shape) + 100 * blob
    preview = draw_preview((series(voxels), series(voxels * 2)), {"blob": blob})
    assert preview.images.shape == (2, 24, 96, 128)
    assert len(preview.slices) == 24 and preview.slices[0] == 0 and preview.slices[-1] == 49
    np.testing.assert_allclose(preview.spacing[1:], 0.5 * 400 / 128)
    inside = preview.masks[0] == 1
    assert abs(inside.mean() - blob.mean()) < 0.005
    agree = (preview.images[0] > 128) == inside
    assert agree.mean() > 0.98


def test_outside_the_field_of_view_is_0_and_nothing_else_is() -> None:
    voxels = np.random.default_rng(5).normal(size=(8, 8, 2))
    voxels[:3] = np.nan
    preview = draw_preview((series(voxels),), {})
    assert (preview.images[0] == 0).mean() == 3 / 8
    assert preview.masks.shape == (0, 2, 8, 8)


def test_one_grey_value_is_shown_as_one() -> None:
    assert set(draw_preview((series(np.full((4, 4, 2), 7.0)),), {}).images.ravel().tolist()) == {1}
