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
Slices = Float[np.ndarray[Any, Any], "z x y"]
#: The least and the greatest value, and what is beyond each.
_EDGES = ((np.min, np.inf), (np.max, -np.inf))


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
    values = np.moveaxis(voxels, 2, 0)  # slice by slice, so that what is made of one stays small
    finite = np.isfinite(values)
    foreground = _foreground(values, finite)
    noise = noise_of(voxels, np.moveaxis(foreground, 0, 2))
    least, greatest = (float(edge(values, where=finite, initial=start)) for edge, start in _EDGES)
    sums = np.array(
        [one.sum(where=own, dtype=np.float64) for one, own in zip(values, foreground, strict=True)]
    )
    counts = foreground.sum(axis=(1, 2))
    signal = float(sums.sum() / counts.sum()) if counts.any() else None
    flat = [bool(np.ptp(one) == 0) for one in values]
    orientation, tilt = _orientation(grid) if placed else (None, None)
    return {
        "field_of_view_mm": _field_of_view(grid) if spacing_known else None,
        "anisotropy": round(float(grid.spacing.max() / grid.spacing.min()), 4) if spacing_known else None,
        "orientation": orientation,
        "tilt_degrees": tilt,
        "greatest": _number(greatest),
        "share_at_greatest": _number(float((values == greatest).mean())),
        "clipped": _clipped(values, finite, least, greatest),
        "share_at_least": _number(float((values == least).mean())),
        "share_not_finite": _number(float((~finite).mean())),
        "constant_slices": int(sum(flat)),
        "repeated_slices": _repeated(values, flat),
        "noise": None if noise is None else _number(noise),
        "signal_to_noise": _number(signal / noise) if noise and signal is not None else None,
        "slice_steps": _slice_steps(sums[counts > 0] / counts[counts > 0]),
    }


def noise_of(values: Voxels, foreground: Bool[np.ndarray[Any, Any], "x y z"]) -> float | None:
    """Return the standard deviation of the noise; None where no slice has a foreground to look at.

    Immerkaer 1996 (Fast noise variance estimation, Computer Vision and Image Understanding 64:300), within
    slices: the mean magnitude of an image that was filtered by the difference of two Laplacians, which takes
    away what is linear, times sqrt(pi / 2) / 6. Here over the foreground alone, and over the median slice.
    Fine structure counts as noise; an image that the scanner interpolated has less of it than was measured.
    """
    found = []
    for k in range(values.shape[2]):
        rows = np.diff(values[:, :, k], n=2, axis=0)
        filtered = np.abs(np.diff(rows, n=2, axis=1))
        known = foreground[1:-1, 1:-1, k] & np.isfinite(filtered)
        if known.any():
            mean = filtered.sum(where=known, dtype=np.float64) / known.sum()
            found.append(float(mean) * np.sqrt(np.pi / 2) / 6)
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


def _foreground(values: Slices, finite: Bool[np.ndarray[Any, Any], "z x y"]) -> np.ndarray[Any, Any]:
    """Return the voxels above a share of the 99th percentile, which a quarter of a million voxels tell."""
    told = values[finite][:: max(1, values.size // 2**18)]
    if not len(told):
        return np.zeros(values.shape, dtype=bool)
    limit = np.float32(_FOREGROUND * float(np.percentile(told, 99)))
    return np.asarray(np.greater(values, limit, where=finite, out=np.zeros(values.shape, dtype=bool)))


def _clipped(values: Slices, finite: np.ndarray[Any, Any], least: float, greatest: float) -> bool:
    heap = int((values == greatest).sum())
    if heap <= CLIPPED_SHARE * values.size or least == greatest:
        return False
    below = values[finite & (values < greatest)]
    near = int((below > greatest - _NEAR * (greatest - least)).sum())
    following = int((below == below.max()).sum())
    return heap > max(near, _TIMES_NEXT * following)


def _orientation(grid: VoxelGrid) -> tuple[str, float]:
    """Return the plane that the slices are nearest to, and how far their normal is turned from it."""
    directions = grid.directions
    normal = np.cross(directions[:, 0], directions[:, 1])
    cosines = np.abs(normal) / np.linalg.norm(normal)
    axis = int(cosines.argmax())
    return _ORIENTATIONS[axis], round(float(np.degrees(np.arccos(min(1.0, cosines[axis])))), 2)


def _field_of_view(grid: VoxelGrid) -> list[Json]:
    return [round(float(n * side), 2) for n, side in zip(grid.size, grid.spacing, strict=True)]


def _repeated(values: Slices, flat: list[bool]) -> int:
    """Count the slices that have the very voxels of the one before; constant ones are told elsewhere."""
    return sum(not flat[k] and bool(np.array_equal(values[k], values[k - 1])) for k in range(1, len(values)))


def _slice_steps(means: Float[np.ndarray[Any, Any], " slice"]) -> float | None:
    steps = [float(max(pair) / min(pair)) for pair in itertools.pairwise(means) if min(pair) > 0]
    return _number(max(steps)) if steps else None


def _number(value: float) -> float | None:
    """Return six significant digits: enough to read, and the same on every machine; None for no number."""
    return float(f"{value:.6g}") if np.isfinite(value) else None
