"""Tokens to regions: the mean of the tokens whose centre lies in a region.

Enters: token embeddings with their places, regions as masks on the study's grid. Leaves: one row a region,
NaN where it holds no token centre, and how much of the region its tokens stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

POOLING_ALGORITHM = 1

Regions = Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]


def pool_in_regions(
    embeddings: Float[np.ndarray[Any, Any], "token dim"],
    token_xyz_mm: Float[np.ndarray[Any, Any], "token 3"],
    regions: Regions,
    affine: Float[np.ndarray[Any, Any], "4 4"],
) -> tuple[Float[np.ndarray[Any, Any], "region dim"], Float[np.ndarray[Any, Any], " region"]]:
    """Average tokens inside each region.

    Parameters
    ----------
    embeddings, token_xyz_mm
        One row a token, and its centre in the frame of `affine` (RAS mm).
    regions
        Name -> mask on the grid of `affine`; the rows come in this order.
    affine
        Voxel index -> RAS mm.

    Returns
    -------
    pooled
        (region, dim) float32, NaN where no token centre lies in the region.
    coverage
        (region,) share of the region's voxels whose nearest token is one of those averaged; 0 where there is
        none, NaN where the region is empty. A small region that is cut by many tokens is low.
    """
    inside = _voxels_of(token_xyz_mm, affine)
    pooled = np.full((len(regions), embeddings.shape[1]), np.nan, dtype=np.float32)
    coverage = np.full(len(regions), np.nan)
    for row, mask in enumerate(regions.values()):
        chosen = _lookup(mask, inside)
        if chosen.any():
            pooled[row] = embeddings[chosen].astype(np.float64).mean(axis=0)
        if mask.any():
            coverage[row] = _share_nearest(mask, token_xyz_mm, chosen, affine)
    return pooled, coverage


def _voxels_of(
    xyz_mm: Float[np.ndarray[Any, Any], "token 3"], affine: Float[np.ndarray[Any, Any], "4 4"]
) -> Int[np.ndarray[Any, Any], "token 3"]:
    """Return the index of the voxel that holds each point; halves go up, so that a tie is decided once."""
    index = (np.asarray(xyz_mm, dtype=np.float64) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    # f4 positions are off by up to 1e-5 voxel: without rounding first, a tie would fall either way
    voxels: Int[np.ndarray[Any, Any], "token 3"] = np.floor(np.round(index, 3) + 0.5).astype(np.int64)
    return voxels


def _lookup(
    mask: Bool[np.ndarray[Any, Any], "x y z"], index: Int[np.ndarray[Any, Any], "token 3"]
) -> Bool[np.ndarray[Any, Any], " token"]:
    on_grid = ((index >= 0) & (index < mask.shape)).all(axis=1)
    chosen = np.zeros(len(index), dtype=bool)
    chosen[on_grid] = mask[tuple(index[on_grid].T)]
    return chosen


def _share_nearest(
    mask: Bool[np.ndarray[Any, Any], "x y z"],
    token_xyz_mm: Float[np.ndarray[Any, Any], "token 3"],
    chosen: Bool[np.ndarray[Any, Any], " token"],
    affine: Float[np.ndarray[Any, Any], "4 4"],
) -> float:
    from scipy.spatial import cKDTree

    if chosen.all() or not chosen.any():
        return float(bool(chosen.any()))
    voxels_mm = np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]
    _, nearest = cKDTree(token_xyz_mm).query(voxels_mm)
    return float(chosen[nearest].mean())
