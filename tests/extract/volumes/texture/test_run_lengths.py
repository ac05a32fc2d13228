"""Runs found by walking every line, and a stripe counted by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from extract.volumes.texture.grey_levels import DIRECTIONS, levelled
from extract.volumes.texture.run_lengths import RUN_LENGTHS, count_runs, run_lengths

IMAGES = arrays(np.int32, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(0, 2))


def level_at(image: np.ndarray, place: np.ndarray) -> int:
    inside = (place >= 0).all() and (place < image.shape).all()
    return int(image[tuple(place)]) if inside else 0


@given(IMAGES.filter(lambda image: bool(image.any())))
@settings(max_examples=40)
def test_runs_are_those_found_by_walking(image: np.ndarray) -> None:
    tallies = count_runs(levelled(image > 0, image[image > 0], 2))
    for direction, counted in zip(map(np.array, DIRECTIONS), tallies, strict=True):
        walked: Counter[tuple[int, int]] = Counter()
        for start in np.argwhere(image):
            level = level_at(image, start)
            if level_at(image, start - direction) == level:
                continue
            length = 1
            while level_at(image, start + length * direction) == level:
                length += 1
            walked[level, length] += 1
        found = zip(counted.level, counted.size, counted.number, strict=True)
        assert walked == {(level, size): number for level, size, number in found}


def test_a_stripe() -> None:
    """Three voxels of level 2 along z: one run of 3 in one direction, three of 1 in the other twelve."""
    stripe = np.full((1, 1, 3), 2, dtype=np.int32)
    forms = run_lengths(levelled(stripe > 0, stripe[stripe > 0], 2))
    average = dict(zip(RUN_LENGTHS, forms["3D_avg"], strict=True))
    merged = dict(zip(RUN_LENGTHS, forms["3D_comb"], strict=True))
    assert np.isclose(average["rlm_lre"], (9 + 12 * 1) / 13)
    assert np.isclose(merged["rlm_lre"], (9 + 36 * 1) / 37)
    assert np.isclose(merged["rlm_r_perc"], 37 / 39)
    assert merged["rlm_hgre"] == 4
