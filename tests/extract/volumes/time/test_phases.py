"""End diastole and end systole: of volumes by hand, of images without a label, wherever the beat begins."""

from __future__ import annotations

import numpy as np
import pytest

from extract.volumes.time.phases import phases_of_images, phases_of_volumes
from tests.extract.volumes.cines import cavity_share, cine


def test_volumes_decide_where_they_are_known() -> None:
    found = phases_of_volumes(np.array([np.nan, 90.0, 120.0, np.nan, 40.0, 70.0]))
    assert found is not None
    assert (found.end_diastole, found.end_systole) == (2, 4)


@pytest.mark.parametrize("volumes", [[np.nan, 5.0, np.nan], [4.0, 4.0, 4.0]])
def test_one_volume_or_equal_ones_say_nothing(volumes: list[float]) -> None:
    assert phases_of_volumes(np.array(volumes)) is None


@pytest.mark.parametrize("frames", [12, 20, 30])
@pytest.mark.parametrize("start", [0, 7])
def test_images_alone_find_both_within_a_frame(frames: int, start: int) -> None:
    voxels, _ = cine(frames, start)
    found = phases_of_images(np.moveaxis(voxels, -1, 0))
    share = cavity_share(frames, start)
    assert found is not None
    for frame, true in ((found.end_diastole, share.argmax()), (found.end_systole, share.argmin())):
        assert min((frame - true) % frames, (true - frame) % frames) <= 1


def test_what_is_outside_the_field_of_view_or_does_not_move_is_left_out() -> None:
    voxels, _ = cine(12)
    frames = np.moveaxis(voxels, -1, 0).copy()
    whole = phases_of_images(frames)
    frames[3:, :2] = np.nan
    cut = phases_of_images(frames)
    assert whole is not None and cut is not None
    assert (cut.end_diastole, cut.end_systole) == (whole.end_diastole, whole.end_systole)
    assert phases_of_images(np.repeat(frames[:1], 5, axis=0)) is None
    assert phases_of_images(np.full((5, 3, 3, 3), np.nan, dtype=np.float32)) is None
