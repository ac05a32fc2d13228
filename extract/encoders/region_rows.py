"""One row a region: what every weight-free volume encoder does with a series, whatever it measures.

Enters: a series on its study's grid, regions, and a function that describes one region. Leaves: the rows, and
each as a token at the centroid of its region.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.encoders.card import EncodedSeries
from extract.volumes.volume import SeriesOnGrid

Mask = Bool[np.ndarray[Any, Any], "x y z"]
#: Series, name of the region, its mask -> its row.
Describe = Callable[[SeriesOnGrid, str, Mask], Float[np.ndarray[Any, Any], " dim"]]


def encode_regions(
    series: SeriesOnGrid, regions: Mapping[str, Mask], dim: int, describe: Describe
) -> EncodedSeries:
    """Describe each region of a series.

    Returns
    -------
    EncodedSeries
        `regions` (region, dim) f32; `coverage`: the share of the region's voxels inside the field of view,
        NaN for an empty region, which has no token either.
    """
    described = np.empty((len(regions), dim), dtype=np.float32)
    centroids = np.full((len(regions), 3), np.nan, dtype=np.float32)
    coverage = np.full(len(regions), np.nan)
    for row, (name, mask) in enumerate(regions.items()):
        described[row] = describe(series, name, mask)
        if mask.any():
            centroids[row] = series.affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + series.affine[:3, 3]
            coverage[row] = np.isfinite(series.voxels[mask]).mean()
    there = np.isfinite(coverage)
    return EncodedSeries(
        embeddings=described[there],
        token_xyz_mm=centroids[there],
        regions=described,
        coverage=coverage,
    )
