"""What the voxels of one series say of its quality, as they were read: on its own grid, not resampled.

Enters: a series and its grid. Leaves: plain JSON for the entry beside the embeddings, and a sentence where
something is far off. Names are our own and defined here: what others call SNR or noise is measured in other
ways, and numbers of two definitions do not compare. Whether a series shows a region is `quality.coverage_of`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.volumes.geometry import VoxelGrid
from feature_cache.canonical import Json

#: Share of the 99th percentile above which a voxel is foreground; air and what was masked out lies below.
_FOREGROUND = 0.1
#: A series is clipped where more than this share of its voxels have the greatest value, more than have one
#: in the fiftieth of the range below, and twice as many as have the next one: values that end by themselves
#: thin out before they do.
CLIPPED_SHARE, _NEAR, _TIMES_NEXT = 1e-3, 0.02, 2.0
#: A foreground less than this many times its noise is hard to see anything in.
LEAST_SIGNAL_TO_NOISE = 3.0
_ORIENTATIONS = ("sagittal", "coronal", "axial")

Voxels = Float[np.ndarray[Any, Any], "x y z"]


def series_quality(voxels: Voxels, grid: VoxelGrid, *, spacing_known: bool, placed: bool) -> dict[str, Json]:
    """Return measures of one series.

    Parameters
    ----------
    voxels
        (x, y, z) as read, slices along z.
    grid
        Theirs.
    spacing_known, placed
        Without a spacing there are no mm, without a place in the patient no orientation: both are None then.

    Returns
    -------
    dict
        `field_of_view_mm` along x, y, z; `anisotropy`, the longest over the shortest voxel side;
        `orientation` of the slices and `tilt_degrees` of their normal from that axis of the patient;
        `greatest` value, `share_at_greatest` and `share_at_least`: the voxels that have the greatest and the
        least value; `clipped`, see `CLIPPED_SHARE`; `share_not_finite`; `constant_slices` and
        `repeated_slices` (like the one before); `noise`, see `noise_of`, in the unit of the series, and
        `signal_to_noise`, the mean of the foreground over it; `slice_steps`, the greatest ratio of the mean
        foreground of two neighbouring slices.
    """
    values = np.asarray(voxels, dtype=np.float64)
    finite = np.isfinite(values)
    foreground = _foreground(values, finite)
    noise, signal = noise_of(values, foreground), values[foreground]
    least, greatest = (float(edge) for edge in (values[finite].min(), values[finite].max()))
    orientation, tilt = _orientation(grid) if placed else (None, None)
    flat = [bool(np.ptp(values[:, :, k]) == 0) for k in range(values.shape[2])]
    return {
        "field_of_view_mm": _field_of_view(grid) if spacing_known else None,
        "anisotropy": round(float(grid.spacing.max() / grid.spacing.min()), 4) if spacing_known else None,
        "orientation": orientation,
        "tilt_degrees": tilt,
        "greatest": _number(greatest),
        "share_at_greatest": _number(float((values == greatest).mean())),
        "clipped": _clipped(values[finite], least, greatest),
        "share_at_least": _number(float((values == least).mean())),
        "share_not_finite": _number(float((~finite).mean())),
        "constant_slices": int(sum(flat)),
        "repeated_slices": _repeated(values, flat),
        "noise": None if noise is None else _number(noise),
        "signal_to_noise": _number(float(signal.mean()) / noise) if noise else None,
        "slice_steps": _slice_steps(values, foreground),
    }


def noise_of(values: Voxels, foreground: Bool[np.ndarray[Any, Any], "x y z"]) -> float | None:
    """Return the standard deviation of the noise; None where no slice has a foreground to look at.

    Immerkaer 1996 (Fast noise variance estimation, Computer Vision and Image Understanding 64:300), within
    slices: the mean magnitude of an image that was filtered by the difference of two Laplacians, which takes
    away what is linear, times sqrt(pi / 2) / 6. Here over the foreground alone, and over the median slice.
    Fine structure counts as noise; an image that the scanner interpolated has less of it than was measured.
    """
    kernel = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
    found = []
    for k in range(values.shape[2]):
        inside = foreground[1:-1, 1:-1, k]
        if inside.any():
            filtered = _filtered(values[:, :, k], kernel)[inside]
            known = np.abs(filtered[np.isfinite(filtered)])
            if len(known):
                found.append(float(known.mean()) * np.sqrt(np.pi / 2) / 6)
    return float(np.median(found)) if found else None


def quality_warnings(quality: Mapping[str, Mapping[str, Json]]) -> tuple[str, ...]:
    """Name what is far off in the measures of each series."""
    said: list[str] = []
    for series, own in quality.items():
        at_greatest, to_noise = own["share_at_greatest"], own["signal_to_noise"]
        if own["clipped"] and isinstance(at_greatest, float):
            said.append(f"{series}: {100 * at_greatest:.2g} % of its voxels have the greatest value: clipped")
        if isinstance(to_noise, float) and to_noise < LEAST_SIGNAL_TO_NOISE:
            said.append(f"{series}: its foreground is {to_noise:.2g} times its noise")
        for name, words in (("constant_slices", "without any contrast"), ("repeated_slices", "repeated")):
            if own[name]:
                said.append(f"{series}: {own[name]} slice(s) {words}")
        if own["share_not_finite"]:
            said.append(f"{series}: voxels that are no numbers")
    return tuple(said)


def _foreground(values: Voxels, finite: Bool[np.ndarray[Any, Any], "x y z"]) -> np.ndarray[Any, Any]:
    limit = _FOREGROUND * float(np.percentile(values[finite], 99))
    chosen: np.ndarray[Any, Any] = finite & (np.where(finite, values, -np.inf) > limit)
    return chosen


def _clipped(values: np.ndarray[Any, Any], least: float, greatest: float) -> bool:
    below = values[values < greatest]
    if not len(below):
        return False
    heap = len(values) - len(below)
    near = int((below > greatest - _NEAR * (greatest - least)).sum())
    following = int((below == below.max()).sum())
    return heap > max(CLIPPED_SHARE * len(values), near, _TIMES_NEXT * following)


def _filtered(plane: np.ndarray[Any, Any], kernel: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the plane filtered by a 3 x 3 kernel, without its border."""
    rows, columns = plane.shape
    total = np.zeros((rows - 2, columns - 2))
    for i in range(3):
        for j in range(3):
            total += kernel[i, j] * plane[i : rows - 2 + i, j : columns - 2 + j]
    return total


def _orientation(grid: VoxelGrid) -> tuple[str, float]:
    """Return the plane that the slices are nearest to, and how far their normal is turned from it."""
    directions = grid.directions
    normal = np.cross(directions[:, 0], directions[:, 1])
    cosines = np.abs(normal) / np.linalg.norm(normal)
    axis = int(cosines.argmax())
    return _ORIENTATIONS[axis], round(float(np.degrees(np.arccos(min(1.0, cosines[axis])))), 2)


def _field_of_view(grid: VoxelGrid) -> list[Json]:
    return [round(float(n * side), 2) for n, side in zip(grid.size, grid.spacing, strict=True)]


def _repeated(values: Voxels, flat: list[bool]) -> int:
    """Count the slices that have the very voxels of the one before; constant ones are told elsewhere."""
    return sum(
        not flat[k] and bool(np.array_equal(values[:, :, k], values[:, :, k - 1]))
        for k in range(1, values.shape[2])
    )


def _slice_steps(values: Voxels, foreground: np.ndarray[Any, Any]) -> float | None:
    means = [
        float(values[:, :, k][foreground[:, :, k]].mean())
        for k in range(values.shape[2])
        if foreground[:, :, k].any()
    ]
    steps = [max(pair) / min(pair) for pair in itertools.pairwise(means) if min(pair) > 0]
    return _number(max(steps)) if steps else None


def _number(value: float) -> float:
    """Return six significant digits: enough to read, and the same on every machine."""
    return float(f"{value:.6g}")
