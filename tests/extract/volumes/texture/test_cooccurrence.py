"""Pairs of grey levels: counted one by one, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from extract.volumes.texture.cooccurrence import COOCCURRENCE, cooccurrence, count_pairs
from extract.volumes.texture.grey_levels import DIRECTIONS, LevelledRegion, levelled

IMAGES = arrays(np.int32, st.tuples(*[st.integers(1, 4)] * 3), elements=st.integers(0, 3))


def region_of(image: np.ndarray, count: int = 3) -> LevelledRegion:
    return levelled(image > 0, image[image > 0], count)


@given(IMAGES.filter(lambda image: bool(image.any())))
@settings(max_examples=50)
def test_pairs_are_those_found_by_looking_at_every_voxel(image: np.ndarray) -> None:
    counted = np.zeros((3, 3))
    for place in map(tuple, np.argwhere(image)):
        for direction in DIRECTIONS:
            for sign in (1, -1):
                beside = tuple(np.array(place) + sign * np.array(direction))
                inside = all(0 <= at < size for at, size in zip(beside, image.shape, strict=True))
                if inside and image[beside]:
                    counted[image[place] - 1, image[beside] - 1] += 1
    np.testing.assert_array_equal(count_pairs(region_of(image)).sum(axis=0), counted)


def test_a_chessboard_in_one_direction() -> None:
    """Levels 1 and 3 take turns along x: contrast 4, perfectly anticorrelated."""
    image = np.array([1, 3, 1, 3], dtype=np.int32).reshape(4, 1, 1)
    for values in cooccurrence(region_of(image)).values():
        named = dict(zip(COOCCURRENCE, values, strict=True))
        assert named["cm_contrast"] == 4
        assert named["cm_dissimilarity"] == 2
        assert named["cm_corr"] == pytest.approx(-1)
        assert named["cm_joint_avg"] == 2
        assert named["cm_joint_entr"] == 1
        assert named["cm_info_corr1"] == pytest.approx(-1)


def test_one_level_has_no_correlation_and_one_voxel_nothing() -> None:
    flat = cooccurrence(region_of(np.ones((3, 3, 3), dtype=np.int32), 1))
    for values in flat.values():
        unknown = {name for name, value in zip(COOCCURRENCE, values, strict=True) if np.isnan(value)}
        assert unknown == {"cm_corr", "cm_info_corr1"}
    alone = cooccurrence(region_of(np.ones((1, 1, 1), dtype=np.int32)))
    assert all(np.isnan(values).all() for values in alone.values())
