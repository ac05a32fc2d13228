"""Small pictures of a study for a report: some slices of each series, and the regions on the same slices.

Enters: series and regions on the study's grid. Leaves: bytes to look at, no numbers to compute with. Slices
lie as a radiologist sees them (patient's right on the left of an axial slice).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from extract.encoders.radiological_view import view
from extract.volumes.volume import SeriesOnGrid

PREVIEW_ALGORITHM = 2
#: Arrays are kept uncompressed: at 192 px the pictures of a study would be 3 MB beside 2 kB of features.
MOST_SLICES, MOST_PX = 24, 128
#: Percentiles of the covered voxels shown that become black and white.
WINDOW_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """`images`: 0 is outside the field of view, 1 to 255 the window.

    `slices` are numbers in the crop, counted as they are shown (from the feet, the back or the left);
    `spacing` is the distance of slices, rows and columns shown, in the unit of the grid.
    """

    images: UInt8[np.ndarray[Any, Any], "series slice row column"]
    masks: UInt8[np.ndarray[Any, Any], "region slice row column"]
    slices: tuple[int, ...]
    spacing: tuple[float, float, float]


def draw_preview(
    series: tuple[SeriesOnGrid, ...], regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
) -> Preview:
    """Show at most 24 slices, evenly spaced, of at most 128 px a side; a mask is 1 inside, 0 outside."""
    shown = [view(one) for one in series]
    first = shown[0]
    slices, rows, columns = first.voxels.shape
    chosen = np.unique(np.rint(np.linspace(0, slices - 1, min(slices, MOST_SLICES))).astype(np.int64))
    factor = max(1.0, max(rows, columns) / MOST_PX)
    places = (_samples(rows, factor), _samples(columns, factor))
    images = [_window(_shrink(one.voxels[chosen], places)) for one in shown]
    masks = np.zeros((len(regions), len(chosen), len(places[0]), len(places[1])), dtype=np.uint8)
    for row, mask in enumerate(regions.values()):
        laid = view(replace(series[0], voxels=mask.astype(np.float32))).voxels[chosen]
        nearest = [np.rint(place).astype(np.int64) for place in places]
        masks[row] = laid[:, nearest[0]][:, :, nearest[1]] > 0
    steps = np.linalg.norm(first.affine[:3, :3], axis=0)
    between = float(np.diff(chosen).mean()) if len(chosen) > 1 else 1.0
    return Preview(
        images=np.stack(images),
        masks=masks,
        slices=tuple(int(number) for number in chosen),
        spacing=(float(steps[0]) * between, float(steps[1]) * factor, float(steps[2]) * factor),
    )


def _samples(length: int, factor: float) -> Float[np.ndarray[Any, Any], " sample"]:
    """Return where to sample an axis: the centres of steps of `factor`."""
    count = max(1, int(length / factor))
    inner: Float[np.ndarray[Any, Any], " sample"] = (np.arange(count) + 0.5) * factor - 0.5
    inside: Float[np.ndarray[Any, Any], " sample"] = np.clip(inner, 0, length - 1)
    return inside


def _shrink(
    slices: Float32[np.ndarray[Any, Any], "slice row column"],
    places: tuple[Float[np.ndarray[Any, Any], " row"], Float[np.ndarray[Any, Any], " column"]],
) -> Float32[np.ndarray[Any, Any], "slice row column"]:
    """Interpolate linearly between rows, then between columns."""
    for axis, place in enumerate(places, start=1):
        low: Int[np.ndarray[Any, Any], " sample"] = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, slices.shape[axis] - 1)
        share = (place - low).astype(np.float32).reshape((-1, 1) if axis == 1 else (-1,))
        before, after = np.take(slices, low, axis=axis), np.take(slices, high, axis=axis)
        slices = np.where(share > 0, before * (1 - share) + after * share, before)
    return slices


def _window(
    slices: Float32[np.ndarray[Any, Any], "slice row column"],
) -> UInt8[np.ndarray[Any, Any], "slice row column"]:
    covered = np.isfinite(slices)
    grey = np.zeros(slices.shape, dtype=np.uint8)
    if covered.any():
        low, high = np.percentile(slices[covered], WINDOW_PERCENTILES)
        span = max(float(high - low), 1e-12)
        grey[covered] = np.rint(1 + 254 * np.clip((slices[covered] - low) / span, 0, 1)).astype(np.uint8)
    return grey
