"""Neighbours that share a level, and differences from their mean, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from extract.volumes.texture.grey_levels import LevelledRegion, levelled
from extract.volumes.texture.neighbourhood import DEPENDENCE, TONE_DIFFERENCE, dependence, tone_difference


def line(*levels: int) -> LevelledRegion:
    image = np.array(levels, dtype=np.int32).reshape(-1, 1, 1)
    return levelled(image > 0, image[image > 0], 4)


def test_a_line_of_three_by_hand() -> None:
    """1 1 4: the first two depend on each other; means of the neighbours are 1, 2.5 and 1."""
    differences = dict(zip(TONE_DIFFERENCE, tone_difference(line(1, 1, 4)), strict=True))
    low, high = 0 + 1.5, 3.0
    assert differences["ngt_coarseness"] == pytest.approx(1 / (2 / 3 * low + 1 / 3 * high))
    assert differences["ngt_contrast"] == pytest.approx((2 * 2 / 9 * 9) / 2 * (low + high) / 3)
    assert differences["ngt_busyness"] == pytest.approx(
        (2 / 3 * low + 1 / 3 * high) / (2 * abs(2 / 3 - 4 / 3))
    )
    dependences = dict(zip(DEPENDENCE, dependence(line(1, 1, 4)), strict=True))
    assert dependences["ngl_hde"] == pytest.approx((4 + 4 + 1) / 3)
    assert dependences["ngl_dc_perc"] == 1
    assert dependences["ngl_dc_energy"] == pytest.approx(5 / 9)


def test_what_is_undefined_is_nan() -> None:
    assert np.isnan(tone_difference(line(3))).all(), "no voxel has a neighbour"
    flat = dict(zip(TONE_DIFFERENCE, tone_difference(line(3, 3)), strict=True))
    assert {name for name, value in flat.items() if np.isnan(value)} == {*TONE_DIFFERENCE} - {
        "ngt_complexity"
    }


def test_a_voxel_without_neighbours_does_not_change_the_others() -> None:
    """1 1 4 and, two steps away, a 2 alone."""
    np.testing.assert_allclose(tone_difference(line(1, 1, 4, 0, 2)), tone_difference(line(1, 1, 4)))
