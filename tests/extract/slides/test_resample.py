"""Area averages against a brute-force mean in exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.slides.resample import area_resize

Box = tuple[float, float, float, float]


def brute_force(image: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """Mean over the area of each output pixel, in rational numbers, pixel by pixel; not rounded."""
    left, top, right, bottom = (Fraction(edge) for edge in box)
    out = np.empty((size[1], size[0], image.shape[2]))
    for row in range(size[1]):
        y0, y1 = top + (bottom - top) * row / size[1], top + (bottom - top) * (row + 1) / size[1]
        for column in range(size[0]):
            x0, x1 = (left + (right - left) * edge / size[0] for edge in (column, column + 1))
            for channel in range(image.shape[2]):
                total = Fraction(0)
                for y in range(math.floor(y0), math.ceil(y1)):
                    for x in range(math.floor(x0), math.ceil(x1)):
                        area = (min(x1, x + 1) - max(x0, x)) * (min(y1, y + 1) - max(y0, y))
                        total += area * int(image[y, x, channel])
                out[row, column, channel] = float(total / ((x1 - x0) * (y1 - y0)))
    return out


@st.composite
def resizes(draw: st.DrawFn) -> tuple[np.ndarray, Box, tuple[int, int]]:
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    image = np.random.default_rng(draw(st.integers(0, 999))).integers(0, 256, (height, width, 2), np.uint8)
    edges = []
    for length in (width, height):
        start = draw(st.floats(0, length - 0.5))
        edges.append((start, draw(st.floats(start + 0.25, length))))
    size = (draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    return image, (edges[0][0], edges[1][0], edges[0][1], edges[1][1]), size


@settings(max_examples=60)
@given(resizes())
def test_it_is_the_exact_mean_rounded(case: tuple[np.ndarray, Box, tuple[int, int]]) -> None:
    image, box, size = case
    exact = brute_force(image, box, size)
    got = area_resize(image, box, size)
    assert got.dtype == np.uint8
    # float32 sums may tip a value that lies within 1e-3 of a half to either side, no other
    assert np.abs(got - exact).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("mpp", [0.2428, 0.2527, 0.263])
def test_a_real_tile_of_a_real_scanner(mpp: float) -> None:
    side = 8 * 0.5 / mpp
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    box = (0.3, 1.7, 0.3 + side, 1.7 + side)
    assert np.abs(area_resize(image, box, (8, 8)) - brute_force(image, box, (8, 8))).max() <= 0.5 + 1e-3


def test_halves_are_rounded_up_in_both_ways_of_halving() -> None:
    """The integer path for 2 x 2 gives what the general one gives: floor(mean + 1/2)."""
    image = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
    for left, top in ((0, 0), (3, 2), (31, 5)):
        box = (left, top, left + 60, top + 40)
        truth = np.floor(brute_force(image, box, (30, 20)) + 0.5)
        np.testing.assert_array_equal(area_resize(image, box, (30, 20)), truth)
        half_wide = np.floor(brute_force(image, box, (30, 40)) + 0.5)  # halved along one axis only
        np.testing.assert_array_equal(area_resize(image, box, (30, 40)), half_wide)


def test_a_halving_between_pixels_is_not_the_integer_path() -> None:
    image = np.random.default_rng(2).integers(0, 256, (10, 10, 1), np.uint8)
    box = (0.5, 0.25, 8.5, 8.25)
    assert np.abs(area_resize(image, box, (4, 4)) - brute_force(image, box, (4, 4))).max() <= 0.5 + 1e-3


def test_the_whole_picture_at_its_size_is_itself() -> None:
    image = np.random.default_rng(3).integers(0, 256, (17, 13, 3), np.uint8)
    np.testing.assert_array_equal(area_resize(image, (0, 0, 13, 17), (13, 17)), image)


def test_a_shift_by_whole_pixels_is_a_cut() -> None:
    image = np.random.default_rng(4).integers(0, 256, (17, 13, 3), np.uint8)
    np.testing.assert_array_equal(area_resize(image, (2, 3, 12, 13), (10, 10)), image[3:13, 2:12])


@given(st.integers(0, 255), st.floats(0.1, 3.3), st.integers(1, 7))
def test_one_colour_stays_that_colour(value: int, start: float, size: int) -> None:
    image = np.full((12, 12, 3), value, np.uint8)
    assert np.all(area_resize(image, (start, start, start + 8.6, start + 8.1), (size, size)) == value)


def test_the_same_bytes_each_time_and_for_a_view() -> None:
    image = np.random.default_rng(5).integers(0, 256, (70, 70, 3), np.uint8)
    first = area_resize(image, (0.1, 0.2, 66.6, 65.5), (32, 32))
    again = area_resize(np.asfortranarray(image), (0.1, 0.2, 66.6, 65.5), (32, 32))
    assert first.tobytes() == again.tobytes()


@pytest.mark.parametrize("box", [(-0.1, 0, 3, 3), (0, 0, 4.1, 3), (0, 0, 3, 3.2), (2, 0, 2, 3), (3, 0, 2, 3)])
def test_a_box_outside_the_picture_is_an_error(box: Box) -> None:
    with pytest.raises(ValueError, match="is not within 4 x 3 px"):
        area_resize(np.zeros((3, 4, 3), np.uint8), box, (2, 2))
