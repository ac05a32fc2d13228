"""A series as networks are shown it: slices the way a radiologist sees them, whichever way a file lies.

Enters: a series on its study's grid. Leaves: the same voxels as (slice, row, column) and the affine of that
order; and the tokens that a network made of them, placed and pooled. Networks are not indifferent to
mirroring, and the same scan is stored LPS, RAS or mirrored by one tool or another: after this step it gives
the same tokens at the same places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

from extract.encoders.card import EncodedSeries
from extract.encoders.slice_axes import nearest_axes, slices_rows_columns
from extract.volumes.pooling import pool_in_regions
from extract.volumes.volume import SeriesOnGrid


@dataclass(frozen=True, kw_only=True)
class RadiologicalView:
    """Slices from feet to head (or back to front, left to right); rows and columns run to feet, back, left.

    `affine` takes (slice, row, column) to RAS mm.
    """

    voxels: Float32[np.ndarray[Any, Any], "slice row column"]
    affine: Float[np.ndarray[Any, Any], "4 4"]


def view(series: SeriesOnGrid) -> RadiologicalView:
    """Reorder and mirror the axes of a series; no voxel is changed.

    Slices lie along the axis with by far the longest step, else along the third. Of the other two, the one
    nearest to feet-head, else to front-back, gives the rows.
    """
    nearest = nearest_axes(series.affine)
    order = slices_rows_columns(series.affine)
    voxels = series.voxels.transpose(order)
    to_index = np.zeros((4, 4))  # (slice, row, column) -> (x, y, z) of the grid
    to_index[3, 3] = 1
    for position, axis in enumerate(order):
        ascends = series.affine[nearest[axis], axis] > 0
        if ascends != (position == 0):
            voxels = np.flip(voxels, position)
            to_index[axis, 3] = voxels.shape[position] - 1
        to_index[axis, position] = 1 if ascends == (position == 0) else -1
    return RadiologicalView(voxels=np.ascontiguousarray(voxels), affine=series.affine @ to_index)


def place(
    tokens: Float32[np.ndarray[Any, Any], "token dim"],
    centres: Float[np.ndarray[Any, Any], "token 3"],
    shown: RadiologicalView,
    series: SeriesOnGrid,
    regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]],
) -> EncodedSeries:
    """Return tokens with their places, and pooled in regions.

    Parameters
    ----------
    tokens
        One row a token.
    centres
        (token, 3) centre of each in (slice, row, column) of `shown`, fractions of voxels allowed.
    shown, series
        What the network was shown, and what it is a view of.
    regions
        Name -> mask on the grid of the series.

    Returns
    -------
    EncodedSeries
        Without the tokens whose centre is outside the field of view (NaN).
    """
    nearest = np.clip(np.rint(centres).astype(np.int64), 0, np.array(shown.voxels.shape) - 1)
    inside = np.isfinite(shown.voxels[tuple(nearest.T)])
    xyz_mm = centres[inside] @ shown.affine[:3, :3].T + shown.affine[:3, 3]
    pooled, coverage = pool_in_regions(tokens[inside], xyz_mm, regions, series.affine)
    return EncodedSeries(embeddings=tokens[inside], token_xyz_mm=xyz_mm, regions=pooled, coverage=coverage)
