"""Exact area averaging: every output pixel is the mean of the input area it covers, fractions included.

Enters: pixels, a box with float edges, the wanted size. Leaves: pixels. Pillow's BOX filter takes whole
pixels by their centres, so it is off by up to half a pixel at a fractional scale; this is not. No BLAS and
no threads are involved: the same input gives the same bytes anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import UInt8

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
    height, width = image.shape[:2]
    left, top, right, bottom = box_px
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(f"box {box_px} is not within {width} x {height} px")
    if box_px == (0, 0, width, height) and size_px == (width, height):
        return image
    if (right - left, bottom - top) == (2 * size_px[0], 2 * size_px[1]) and left % 1 == top % 1 == 0:
        return _halve(image[int(top) : int(bottom), int(left) : int(right)])
    rows = _average(image, 0, np.linspace(top, bottom, size_px[1] + 1))
    means = _average(rows, 1, np.linspace(left, right, size_px[0] + 1))
    return np.floor(means + 0.5).astype(np.uint8)


def _halve(image: UInt8[np.ndarray[Any, Any], "height width channel"]) -> np.ndarray[Any, Any]:
    """Average 2 x 2 pixels in integers: the usual 0.25 um slide, ten times faster, the same bytes."""
    rows = image[::2].astype(np.uint16) + image[1::2]
    halved: np.ndarray[Any, Any] = (rows[:, ::2] + rows[:, 1::2] + 2) >> 2
    return halved.astype(np.uint8)


def _average(values: np.ndarray[Any, Any], axis: int, edges: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Mean between consecutive edges along one axis, summed in the order of the pixels (float32)."""
    first = np.floor(edges[:-1]).astype(np.intp)
    reach = int(np.max(np.ceil(edges[1:]).astype(np.intp) - first))
    column = [1] * values.ndim
    column[axis] = -1
    shape = list(values.shape)
    shape[axis] = len(first)
    means = np.zeros(shape, dtype=np.float32)
    for step in range(reach):
        pixel = first + step
        covered = np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel)
        weight = (np.maximum(covered, 0) / np.diff(edges)).astype(np.float32)
        row = np.take(values, np.minimum(pixel, values.shape[axis] - 1), axis=axis)
        means += row * weight.reshape(column)
    return means
