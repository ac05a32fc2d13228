"""A series as a segmenting network sees it, and its answer back on the series' own grid.

Enters: voxels (x, y, z) with their affine, and a `Preparation`. Leaves: slices in radiological view, brought
to the pixel side and the grey values that the network learnt with; and probabilities laid back on the very
voxels that came. What lies outside the field of view, or beyond the edge of a small slice, looks like air.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Shaped, UInt8

from extract.encoders.radiological_view import view
from extract.segment.losses import IGNORED
from extract.segment.record import Intensity, Preparation
from extract.volumes.geometry import VoxelGrid, find_reordering
from extract.volumes.resample import resample_linear, resample_nearest
from extract.volumes.study_grid import raster
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import SourceError

#: Percentiles of a series' own voxels between which grey values are kept.
CLIPPED = (0.5, 99.5)
_ADC_SCALE = 1e-3

Slices = Float32[np.ndarray[Any, Any], "slice row column"]
Affine = Float[np.ndarray[Any, Any], "4 4"]


@dataclass(frozen=True, kw_only=True)
class PreparedSeries:
    """Slices as a network sees them, at least one window wide.

    `grid` is that of the slices before `margins` (rows above, columns left) were put around them; `shown`
    is the radiological view in the series' own pixels, `source` the series as it came. All are in
    (slice, row, column) but `source`, which is in (x, y, z).
    """

    images: Slices
    grid: VoxelGrid
    margins: tuple[int, int]
    shown: VoxelGrid
    source: VoxelGrid


def prepare(
    voxels: Float32[np.ndarray[Any, Any], "x y z"],
    affine: Affine,
    preparation: Preparation,
    *,
    spacing_known: bool,
) -> PreparedSeries:
    """Return a series as a network sees it.

    Parameters
    ----------
    voxels
        As read; NaN = outside the field of view.
    affine
        Voxel index to RAS mm, its steps placeholders where the spacing is not known.

    Raises
    ------
    SourceError
        A network that needs millimetres and a series that has none; a series without voxels or contrast.
    """
    sequence = preparation.sequence
    if preparation.inplane_mm is not None and not spacing_known:
        raise SourceError(
            f"series {sequence}",
            expected=f"a known spacing: this segmenter sees pixels of {preparation.inplane_mm:g} mm",
            got="1 x 1 x 1 in the header and none in series.csv",
            remedy="Give spacing_mm in series.csv, or fit a segmenter with `inplane_mm: native`.",
        )
    series = SeriesOnGrid(
        sequence=sequence, voxels=voxels, affine=affine, spacing_known=spacing_known, is_reference=True
    )
    radiological = view(series)
    shown = _grid(radiological.voxels, radiological.affine)
    grid = _raster(shown, preparation.inplane_mm)
    grey = _grey_values(radiological.voxels, preparation.intensity, sequence)
    laid = resample_linear(grey, shown, grid)
    air = np.float32(0 if preparation.intensity == "thousandth" else np.nanmin(grey))
    images, margins = _at_least(np.where(np.isfinite(laid), laid, air), preparation.side_px, air)
    return PreparedSeries(
        images=images, grid=grid, margins=margins, shown=shown, source=_grid(voxels, affine)
    )


def prepare_labels(
    labels: UInt8[np.ndarray[Any, Any], "x y z"], prepared: PreparedSeries
) -> UInt8[np.ndarray[Any, Any], "slice row column"]:
    """Return labels, given on the series' own voxels, as they lie on the slices of the network.

    Around slices that are smaller than a window they are `IGNORED`: nobody drew there.
    """
    turn = find_reordering(prepared.source, prepared.shown)
    assert turn is not None  # a view is a reordering
    shown = turn.of_array(labels)
    laid = np.zeros(prepared.grid.size, dtype=np.uint8)
    for label in np.unique(shown[shown > 0]):
        laid[resample_nearest(shown == label, prepared.shown, prepared.grid)] = label
    rows, columns = prepared.margins
    placed = np.full(prepared.images.shape, IGNORED, dtype=np.uint8)
    placed[:, rows : rows + laid.shape[1], columns : columns + laid.shape[2]] = laid
    return placed


def label_voxels(
    probabilities: Float32[np.ndarray[Any, Any], "class slice row column"], prepared: PreparedSeries
) -> UInt8[np.ndarray[Any, Any], "x y z"]:
    """Return the most probable class of every voxel of the series as it came; 0 outside all windows."""
    rows, columns = prepared.margins
    _, high, wide = prepared.grid.size
    inner = probabilities[:, :, rows : rows + high, columns : columns + wide]
    laid = [resample_linear(np.ascontiguousarray(one), prepared.grid, prepared.shown) for one in inner]
    best = np.argmax(np.nan_to_num(np.stack(laid), nan=-1.0), axis=0).astype(np.uint8)
    turn = find_reordering(prepared.shown, prepared.source)
    assert turn is not None
    return np.ascontiguousarray(turn.of_array(best))


def _grid(voxels: Shaped[np.ndarray[Any, Any], "a b c"], affine: Affine) -> VoxelGrid:
    a, b, c = voxels.shape
    return VoxelGrid(size=(a, b, c), affine=affine)


def _raster(shown: VoxelGrid, inplane_mm: float | None) -> VoxelGrid:
    """Return the grid of slices with square pixels of that side; its own where None."""
    if inplane_mm is None:
        return shown
    return raster(shown, (float(shown.spacing[0]), inplane_mm, inplane_mm))


def _grey_values(voxels: Slices, intensity: Intensity, sequence: str) -> Slices:
    if not np.isfinite(voxels).any():
        raise SourceError(
            f"series {sequence}",
            expected="voxels",
            got="none: nothing of it lies in its field of view",
            remedy="Look where its header lays it; take it out of series.csv if it is of another place.",
        )
    if intensity == "thousandth":
        return np.clip(voxels, 0, None) * np.float32(_ADC_SCALE)
    low, high = np.nanpercentile(voxels, CLIPPED)
    clipped = np.clip(voxels, low, high)
    mean, deviation = np.nanmean(clipped, dtype=np.float64), np.nanstd(clipped, dtype=np.float64)
    if not deviation > 0:
        raise SourceError(
            f"series {sequence}",
            expected="a series with contrast",
            got="one grey value everywhere",
            remedy="Look at the series; take it out of series.csv if it shows nothing.",
        )
    return ((clipped - np.float32(mean)) / np.float32(deviation)).astype(np.float32)


def _at_least(images: Slices, side: int, air: np.float32) -> tuple[Slices, tuple[int, int]]:
    """Return slices with air around those smaller than a window, and how much of it above and left."""
    lacking = [max(0, side - n) for n in images.shape[1:]]
    above, left = (n // 2 for n in lacking)
    around = ((0, 0), (above, lacking[0] - above), (left, lacking[1] - left))
    return np.pad(images, around, constant_values=float(air)).astype(np.float32), (above, left)
