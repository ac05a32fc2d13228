"""Where tissue is, seen in the image: a fixed rule in optical density against glass, on 8 um pixels.

Enters: an RGB overview. Leaves: a mask, and for boxes the share of tissue in each. Haematoxylin and eosin
absorb green most; marker pens do not, glass absorbs nothing, dust and cover-slip edges absorb all colours
alike. What is too small, a mere line, or the faded rim of ink is taken out as a whole; a piece of tissue is
never trimmed. Nothing is fitted across slides; of the slide itself the colour of its glass is taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from extract.slides.compiled import compiled
from extract.slides.ink import ink_limits
from extract.slides.tissue_loops import INK, STAINED, classify_pixels

#: The rule is stated for pixels of this size (um); coarser or finer ones shift its thresholds.
TISSUE_PIXEL_UM = 8.0
#: Hand-bumped when the numbers change.
TISSUE_ALGORITHM = 3

#: Groups of tissue pixels smaller than this (um2) are dust.
_SMALLEST_UM2 = 1500.0
#: A group without a square of 3 x 3 pixels, and of no more pixels than so many of its length, is a line: a
#: fibre, or the coloured fringe of an edge.
_LINE_WIDTH_PX = 3
#: Ink fades over a pixel; a group with more than this share of its pixels so near to ink is its rim.
_RIM_SHARE = 0.7
#: Glass: every colour at least so bright, no two colours further apart; the brightest tenth of such pixels,
#: within a band (sum of the colours) around it.
_GLASS_LEAST, _GLASS_TINT, _GLASS_QUANTILE, _GLASS_BAND = 180, 25, 0.9, 12
#: As many pixels must show glass (share of the overview), and their mean must be so bright and so colourless;
#: otherwise white counts as glass.
_GLASS_SHARE, _MEAN_LEAST, _MEAN_TINT = 0.005, 190, 16
#: Glass is looked for on about so many pixels.
_GLASS_SAMPLE = 40_000

#: The share of tissue in every cell of a plane.
Shares = Bool[np.ndarray[Any, Any], "height width"] | Float32[np.ndarray[Any, Any], "height width"]
Mask = Bool[np.ndarray[Any, Any], "height width"]


def optical_density(
    rgb: UInt8[np.ndarray[Any, Any], "*pixels 3"],
) -> Float[np.ndarray[Any, Any], "*pixels 3"]:
    """Natural optical density -ln((value + 1) / 256), float32; white is 0."""
    table = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)
    density: np.ndarray[Any, Any] = table[rgb]
    return density


def glass_colour(rgb: UInt8[np.ndarray[Any, Any], "height width 3"]) -> Float[np.ndarray[Any, Any], " 3"]:
    """Return the mean colour of empty glass in an overview; white where it shows none."""
    white = np.full(3, 255.0)
    step = max(1, int((rgb.shape[0] * rgb.shape[1] / _GLASS_SAMPLE) ** 0.5))
    sample = rgb[::step, ::step].reshape(-1, 3)
    red, green, blue = sample.T
    least = np.minimum(np.minimum(red, green), blue)
    most = np.maximum(np.maximum(red, green), blue)
    bright = sample[(least >= _GLASS_LEAST) & (most - least <= _GLASS_TINT)].astype(np.int64)
    if len(bright) < max(1, _GLASS_SHARE * len(sample)):
        return white
    sums = bright.sum(axis=1)
    middle = np.sort(sums)[int(_GLASS_QUANTILE * (len(sums) - 1))]
    mean: Float[np.ndarray[Any, Any], " 3"] = bright[np.abs(sums - middle) <= _GLASS_BAND].mean(axis=0)
    return mean if mean.min() >= _MEAN_LEAST and np.ptp(mean) <= _MEAN_TINT else white


def find_tissue(rgb: UInt8[np.ndarray[Any, Any], "height width 3"], pixel_um2: float) -> Mask:
    """Mark stained tissue in an overview of about 8 um per pixel; `pixel_um2` is the area of a pixel."""
    from scipy import ndimage

    values = np.arange(256)[:, None]
    density = np.maximum(0.0, np.log((glass_colour(rgb) + 1) / (values + 1))).astype(np.float32)
    kinds = np.empty(rgb.shape[:2], dtype=np.uint8)
    compiled(classify_pixels)(np.ascontiguousarray(rgb), density, ink_limits(), kinds)
    stained = kinds == STAINED
    labels, count = ndimage.label(stained)
    sizes_px = np.bincount(labels.ravel(), minlength=count + 1)
    keep = sizes_px * pixel_um2 >= _SMALLEST_UM2
    keep[0] = False
    ink = kinds == INK
    if ink.any():
        near = np.bincount(labels[_near(ink)], minlength=count + 1)
        keep &= near <= _RIM_SHARE * sizes_px
    keep &= _thick(stained, labels, count) | (sizes_px > _LINE_WIDTH_PX * _lengths_px(labels, keep))
    kept: Mask = keep[labels]
    return kept


def _near(ink: Mask) -> Mask:
    """Return ink and what touches it by a side or a corner."""
    near = ink.copy()
    for axis in (0, 1):
        wide, narrow = near.swapaxes(0, axis), near.copy().swapaxes(0, axis)
        wide[1:] |= narrow[:-1]
        wide[:-1] |= narrow[1:]
    return near


def _thick(stained: Mask, labels: np.ndarray[Any, Any], count: int) -> Bool[np.ndarray[Any, Any], " group"]:
    """Which groups hold a square of 3 x 3 pixels."""
    rows = stained[:-2] & stained[1:-1] & stained[2:]
    squares = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    return np.bincount(labels[1:-1, 1:-1][squares], minlength=count + 1) > 0


def _lengths_px(
    labels: np.ndarray[Any, Any], wanted: Bool[np.ndarray[Any, Any], " group"]
) -> Int[np.ndarray[Any, Any], " group"]:
    """Return the longer side of the bounding box of each wanted group; 0 for the others."""
    from scipy import ndimage

    lengths = np.zeros(len(wanted), dtype=np.int64)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if wanted[number]:
            lengths[number] = max(side.stop - side.start for side in box)
    return lengths


def box_fractions(
    mask: Shares,
    px0_per_px: tuple[float, float],
    xy_px0: Int[np.ndarray[Any, Any], "tile 2"],
    side_px0: tuple[float, float],
) -> Float[np.ndarray[Any, Any], " tile"]:
    """Return the exact share of each box (level-0 pixels) that the mask covers; outside it is none."""
    height, width = mask.shape
    integral = np.zeros((height + 1, width + 1), dtype=np.int32 if mask.dtype == np.bool_ else np.float64)
    np.cumsum(mask, axis=0, dtype=integral.dtype, out=integral[1:, 1:])
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
