"""Intensities in bins, and a region on its box."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from extract.volumes.texture.grey_levels import levelled, levels_of_count, levels_of_width

SAMPLES = arrays(np.float64, st.integers(1, 40), elements=st.floats(-4096, 4096, width=32))


def test_fixed_width_begins_at_the_least_value() -> None:
    assert levels_of_width(np.array([10.0, 34.9, 35.0, 60.0]), 25).tolist() == [1, 1, 2, 3]


def test_a_fixed_count_holds_the_greatest_value_in_its_last_bin() -> None:
    assert levels_of_count(np.array([0.0, 24.9, 25.0, 99.0, 100.0]), 4).tolist() == [1, 1, 2, 4, 4]


@given(SAMPLES, st.integers(1, 64))
def test_levels_run_from_one_to_the_count_in_the_order_of_the_values(values: np.ndarray, count: int) -> None:
    levels = levels_of_count(values, count)
    assert levels.min() == 1
    assert levels.max() == (count if np.ptp(values) else 1)
    order = np.argsort(values, kind="stable")
    assert (np.diff(levels[order]) >= 0).all()


def test_a_region_keeps_each_level_at_its_voxel() -> None:
    mask = np.zeros((4, 5, 6), dtype=bool)
    mask[1, 2, 3] = mask[2, 2, 3] = mask[2, 4, 1] = True
    region = levelled(mask, np.array([7, 8, 9], dtype=np.int32), 9)
    assert region.padded.shape == (4, 5, 5), "bounding box of 2 x 3 x 3 and a border"
    assert (region.padded[1, 1, 3], region.padded[2, 1, 3], region.padded[2, 3, 1]) == (7, 8, 9)
    assert np.count_nonzero(region.padded) == 3
