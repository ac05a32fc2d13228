"""What every reader does around its decoder: alpha on white, nothing outside a level."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extract.slides.region import composite_on_white


def test_without_alpha_nothing_changes() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    opaque = np.concatenate([rgb, np.full((4, 5, 1), 255, np.uint8)], axis=-1)
    for pixels in (rgb, opaque):
        found = composite_on_white(pixels)
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, rgb)


@given(st.integers(0, 255), st.integers(0, 255))
def test_alpha_is_mixed_with_white_and_never_black(value: int, alpha: int) -> None:
    pixel = np.array([[[value, value, value, alpha], [0, 0, 0, 0]]], dtype=np.uint8)
    mixed, transparent = composite_on_white(pixel)[0, :, 0].tolist()
    assert mixed == int((value * alpha + 255 * (255 - alpha)) / 255 + 0.5)
    assert transparent == 255
