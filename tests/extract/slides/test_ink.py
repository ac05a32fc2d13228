"""Limits of ink in whole numbers say what the rule in optical density says."""

from __future__ import annotations

import numpy as np
import pytest

from extract.slides.ink import ink_limits
from tests.extract.slides.pen_pixels import is_pen
from tests.extract.slides.pyramids import EOSIN, GLASS, HAEMATOXYLIN


@pytest.mark.parametrize(
    ("colour", "pen"),
    [
        ((70, 140, 90), True),  # green
        ((40, 90, 180), True),  # blue
        ((190, 50, 60), True),  # red
        (EOSIN, False),
        (HAEMATOXYLIN, False),
        (GLASS, False),
        ((20, 20, 20), False),
    ],
)
def test_colours_of_ink(colour: tuple[int, int, int], pen: bool) -> None:
    assert is_pen(np.array([[colour]], dtype=np.uint8)).item() is pen


def test_limits_are_those_of_the_rule_for_every_colour() -> None:
    values = np.arange(0, 256, 3, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(values, values, values, indexing="ij"), axis=-1)
    red, green, blue = np.moveaxis(-np.log((rgb.astype(np.float64) + 1) / 256), -1, 0)
    cool = (red > 1.25 * green + 0.1) & (red > blue)
    warm = (green > 0.35) & (red < 0.8 * green) & (blue > 0.75 * green) & (blue < 1.2 * green)
    assert 0.1 < (cool | warm).mean() < 0.5
    np.testing.assert_array_equal(is_pen(rgb), cool | warm)


def test_nobody_can_write_into_the_limits() -> None:
    with pytest.raises(ValueError, match="read-only"):
        ink_limits()[0, 0] = 1
