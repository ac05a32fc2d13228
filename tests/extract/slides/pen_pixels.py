"""Which pixels are ink, by the limits of `extract.slides.ink` in plain numpy; loops are held to it."""

from __future__ import annotations

import numpy as np

from extract.slides.ink import ink_limits


def is_pen(rgb: np.ndarray) -> np.ndarray:
    """Return yes or no for each pixel."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    limits = ink_limits()[green]
    cool = (red < limits[..., 0]) & (red < blue)
    warm = (red >= limits[..., 1]) & (blue < limits[..., 2]) & (blue >= limits[..., 3])
    return np.asarray(cool | warm)
