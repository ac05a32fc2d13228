"""Exact area averaging: every output pixel is the mean of the input area it covers, fractions included.

Enters: pixels, a box with float edges, the wanted size. Leaves: pixels. Pillow's BOX filter takes whole
pixels by their centres, so it is off by up to half a pixel at a fractional scale; this is not. No BLAS and
no threads are involved: the same input gives the same bytes anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from extract.slides.area_loops import average_pixels, halve_pixels
from extract.slides.compiled import compiled

Box = tuple[float, float, float, float]

#: Hand-bumped when the numbers change.
RESAMPLE_ALGORITHM = 1


def area_resize(
    image: UInt8[np.ndarray[Any, Any], "height width channel"], box_px: Box, size_px: tuple[int, int]
) -> UInt8[np.ndarray[Any, Any], "height_out width_out channel"]:
    """Average the box (left, top, right, bottom; float pixels) down to `size_px` (width, height).

    A value halfway between two is rounded up. Enlarging repeats pixels in proportion to their area.

    Examples
    --------
    >>> ramp = np.array([[[0], [10], [20]]], dtype=np.uint8)
    >>> area_resize(ramp, (0, 0, 3, 1), (2, 1)).ravel().tolist()  # (0 + 10/2) / 1.5, (10/2 + 20) / 1.5
    [3, 17]
    """
    height, width, channels = image.shape
    if box_px == (0, 0, width, height) and size_px == (width, height):
        return image
    out = np.empty((size_px[1], size_px[0], channels), dtype=np.uint8)
    area_resize_into(image, box_px, out)
    return out


def area_resize_into(
    image: UInt8[np.ndarray[Any, Any], "height width channel"],
    box_px: Box,
    out: UInt8[np.ndarray[Any, Any], "height_out width_out channel"],
) -> None:
    """Average the box (left, top, right, bottom; float pixels) into `out`, which is C-contiguous."""
    height, width, channels = image.shape
    left, top, right, bottom = box_px
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(f"box {box_px} is not within {width} x {height} px")
    size_px = (out.shape[1], out.shape[0])
    at_pixels = left % 1 == top % 1 == 0
    if at_pixels and (right - left, bottom - top) == size_px:
        out[...] = image[int(top) : int(bottom), int(left) : int(right)]
        return
    samples = np.ascontiguousarray(image).reshape(height, width * channels)
    means = out.reshape(size_px[1], size_px[0] * channels)
    if at_pixels and (right - left, bottom - top) == (2 * size_px[0], 2 * size_px[1]):
        compiled(halve_pixels)(samples, (int(left), int(top)), channels, means)
    else:
        rows = _shares(np.linspace(top, bottom, size_px[1] + 1))
        columns = _shares(np.linspace(left, right, size_px[0] + 1))
        compiled(average_pixels)(samples, rows, columns, channels, means)


def _shares(
    edges: np.ndarray[Any, Any],
) -> tuple[Int64[np.ndarray[Any, Any], " out"], Float32[np.ndarray[Any, Any], "out reach"]]:
    """Between consecutive edges: the first pixel, and which share of the mean it and its followers have."""
    first = np.floor(edges[:-1]).astype(np.int64)
    reach = int(np.max(np.ceil(edges[1:]).astype(np.int64) - first))
    pixels = first[:, np.newaxis] + np.arange(reach)
    covered = np.minimum(edges[1:, np.newaxis], pixels + 1) - np.maximum(edges[:-1, np.newaxis], pixels)
    return first, (np.maximum(covered, 0) / np.diff(edges)[:, np.newaxis]).astype(np.float32)
