"""Where tissue is, seen in the image: a fixed rule in optical density on 8 um pixels.

Enters: an RGB overview. Leaves: a mask, and for boxes the share of tissue in each. Haematoxylin and eosin
absorb green most; marker pens do not (green and blue ink absorb red most, red ink absorbs blue as much as
green), glass absorbs nothing, dust and cover-slip edges absorb all colours alike. Nothing is fitted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from extract.slides.ink import Rgb, is_pen

#: The rule is stated for pixels of this size (um); coarser or finer ones shift its thresholds.
TISSUE_PIXEL_UM = 8.0
#: Hand-bumped when the numbers change.
TISSUE_ALGORITHM = 1

#: Least spread of optical density between the colours: pale eosin is about .07, tinted glass .05.
_PALE_STAIN = 0.06
#: Least spread where green is not the most absorbed colour (DAB, blue haematoxylin), and least density.
_OTHER_STAIN = 0.10
#: A spread below this share of the mean density is grey: dust, pencil, cover-slip edge, black ink.
_GREY_SHARE = 0.15
#: Groups of tissue pixels smaller than this (um2) are dust.
_SMALLEST_UM2 = 1500.0

#: The share of tissue in every cell of a plane.
Shares = Bool[np.ndarray[Any, Any], "height width"] | Float32[np.ndarray[Any, Any], "height width"]


def optical_density(rgb: Rgb) -> Float[np.ndarray[Any, Any], "*pixels 3"]:
    """Natural optical density -ln((value + 1) / 256), float32; white is 0."""
    table = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)
    density: np.ndarray[Any, Any] = table[rgb]
    return density


def find_tissue(
    rgb: UInt8[np.ndarray[Any, Any], "height width 3"], pixel_um2: float
) -> Bool[np.ndarray[Any, Any], "height width"]:
    """Mark stained tissue in an overview of about 8 um per pixel; `pixel_um2` is the area of a pixel."""
    from scipy import ndimage

    density = optical_density(rgb)
    spread = density.max(axis=-1) - density.min(axis=-1)
    mean = density.mean(axis=-1)
    green_most = density[..., 1] >= density.max(axis=-1) - 0.02
    stained = np.where(green_most, spread > _PALE_STAIN, (spread > _OTHER_STAIN) & (mean > 2 * _OTHER_STAIN))
    tissue = stained & (spread > _GREY_SHARE * mean) & ~is_pen(rgb)
    labels, count = ndimage.label(tissue)
    sizes_px = np.bincount(labels.ravel(), minlength=count + 1)
    keep = sizes_px * pixel_um2 >= _SMALLEST_UM2
    keep[0] = False
    kept: np.ndarray[Any, Any] = keep[labels]
    return kept


def box_fractions(
    mask: Shares,
    px0_per_px: tuple[float, float],
    xy_px0: Int[np.ndarray[Any, Any], "tile 2"],
    side_px0: tuple[float, float],
) -> Float[np.ndarray[Any, Any], " tile"]:
    """Return the exact share of each box (level-0 pixels) that the mask covers; outside it is none."""
    height, width = mask.shape
    integral = np.zeros((height + 1, width + 1))
    integral[1:, 1:] = mask
    np.cumsum(integral, axis=0, out=integral)
    np.cumsum(integral, axis=1, out=integral)
    left, right = (np.clip((xy_px0[:, 0] + d) / px0_per_px[0], 0, width) for d in (0.0, side_px0[0]))
    top, bottom = (np.clip((xy_px0[:, 1] + d) / px0_per_px[1], 0, height) for d in (0.0, side_px0[1]))
    covered = (
        _at(integral, bottom, right) - _at(integral, top, right)
        - _at(integral, bottom, left) + _at(integral, top, left)
    )  # fmt: skip
    area_px = side_px0[0] / px0_per_px[0] * side_px0[1] / px0_per_px[1]
    fractions: np.ndarray[Any, Any] = np.clip(covered / area_px, 0.0, 1.0)
    return fractions


def _at(
    integral: np.ndarray[Any, Any], row: np.ndarray[Any, Any], column: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Read the integral image at float positions; bilinear is exact: a pixel's density is constant."""
    top = np.minimum(np.floor(row).astype(np.intp), integral.shape[0] - 2)
    left = np.minimum(np.floor(column).astype(np.intp), integral.shape[1] - 2)
    down, across = row - top, column - left
    upper = integral[top, left] * (1 - across) + integral[top, left + 1] * across
    lower = integral[top + 1, left] * (1 - across) + integral[top + 1, left + 1] * across
    value: np.ndarray[Any, Any] = upper * (1 - down) + lower * down
    return value
