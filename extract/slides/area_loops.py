"""The loops behind exact area averaging, written to be compiled: rows of samples, three of which are a pixel.

Enters: pixels, where the input area of every output pixel begins and how it is shared out. Leaves: pixels
in an array that the caller made. Sums are float32 in the order of the pixels: the same bytes on any
machine. Loops that begin at 0 of a slice become vector instructions; those that begin anywhere do not (ten
times slower).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Int64, UInt8

#: Rows of pixels, the samples of a pixel beside each other.
Samples = UInt8[np.ndarray[Any, Any], "height samples"]
#: The first pixel of every output pixel, and the shares of it and of its followers.
Shares = tuple[Int64[np.ndarray[Any, Any], " out"], Float32[np.ndarray[Any, Any], "out reach"]]


def halve_pixels(image: Samples, corner_px: tuple[int, int], channels: int, halved: Samples) -> None:
    """Fill `halved` with means of 2 x 2 pixels from (left, top) on; a half is rounded up."""
    height, samples = halved.shape
    left, top = corner_px
    start, end = left * channels, left * channels + 2 * samples
    sums = np.empty(2 * samples, dtype=np.uint16)
    for y in range(height):
        upper, lower = image[top + 2 * y, start:end], image[top + 2 * y + 1, start:end]
        for sample in range(len(sums)):
            sums[sample] = np.uint16(upper[sample]) + np.uint16(lower[sample]) + np.uint16(1)
        if channels == 3:
            for x in range(samples // 3):
                halved[y, 3 * x] = (sums[6 * x] + sums[6 * x + 3]) >> 2
                halved[y, 3 * x + 1] = (sums[6 * x + 1] + sums[6 * x + 4]) >> 2
                halved[y, 3 * x + 2] = (sums[6 * x + 2] + sums[6 * x + 5]) >> 2
        else:
            for x in range(samples // channels):
                for channel in range(channels):
                    place = 2 * x * channels + channel
                    halved[y, x * channels + channel] = (sums[place] + sums[place + channels]) >> 2


def average_pixels(image: Samples, rows: Shares, columns: Shares, channels: int, averaged: Samples) -> None:
    """Fill `averaged` with means: first down each column, then along the rows."""
    height, samples = averaged.shape
    first_row, row_shares = rows
    first_column, column_shares = columns
    start = first_column[0] * channels
    end = min((first_column[-1] + column_shares.shape[1]) * channels, image.shape[1])
    means = np.zeros(image.shape[1] + column_shares.shape[1] * channels, dtype=np.float32)
    for y in range(height):
        within = means[start:end]
        within[:] = np.float32(0)
        for step in range(row_shares.shape[1]):
            share = row_shares[y, step]
            if share > 0:
                row = image[min(first_row[y] + step, image.shape[0] - 1), start:end]
                for sample in range(len(within)):
                    within[sample] += np.float32(row[sample]) * share
        for x in range(samples // channels):
            place = first_column[x] * channels
            if channels == 3:
                red = green = blue = np.float32(0)
                for step in range(column_shares.shape[1]):
                    share = column_shares[x, step]
                    red += means[place + 3 * step] * share
                    green += means[place + 3 * step + 1] * share
                    blue += means[place + 3 * step + 2] * share
                averaged[y, 3 * x] = np.uint8(red + np.float32(0.5))
                averaged[y, 3 * x + 1] = np.uint8(green + np.float32(0.5))
                averaged[y, 3 * x + 2] = np.uint8(blue + np.float32(0.5))
            else:
                for channel in range(channels):
                    total = np.float32(0)
                    for step in range(column_shares.shape[1]):
                        total += means[place + step * channels + channel] * column_shares[x, step]
                    averaged[y, x * channels + channel] = np.uint8(total + np.float32(0.5))
