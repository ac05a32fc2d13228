"""Grey level co-occurrence: which level lies beside which (IBSI reference manual 3.6).

Enters: a levelled region. Leaves: 25 values of each direction's matrix, averaged over the 13 directions
(`3D_avg`, ITBB), or of the one matrix in which all directions are counted together (`3D_comb`, IAZD).
Matrices are symmetric: a pair counts both ways. A direction without a pair of voxels has no matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.texture.grey_levels import LevelledRegion

#: Tags of the IBSI in the order of its manual; the code of each is in the docstring of `describe_pairs`.
COOCCURRENCE = (
    "cm_joint_max",
    "cm_joint_avg",
    "cm_joint_var",
    "cm_joint_entr",
    "cm_diff_avg",
    "cm_diff_var",
    "cm_diff_entr",
    "cm_sum_avg",
    "cm_sum_var",
    "cm_sum_entr",
    "cm_energy",
    "cm_contrast",
    "cm_dissimilarity",
    "cm_inv_diff",
    "cm_inv_diff_norm",
    "cm_inv_diff_mom",
    "cm_inv_diff_mom_norm",
    "cm_inv_var",
    "cm_corr",
    "cm_auto_corr",
    "cm_clust_tend",
    "cm_clust_shade",
    "cm_clust_prom",
    "cm_info_corr1",
    "cm_info_corr2",
)

Matrices = Float[np.ndarray[Any, Any], "direction level level"]
Rows = Float[np.ndarray[Any, Any], "direction k"]


def count_pairs(region: LevelledRegion) -> Matrices:
    """Return how often level i lies beside level j, of each direction that has a pair, both ways counted.

    Returns
    -------
    counts
        (direction, count, count) f64, symmetric; (0, count, count) for a region without neighbours.
    """
    size = region.count + 1
    counts = np.empty((len(region.steps), size, size))
    for direction, step in enumerate(region.steps):
        pair = region.levels * size + region.beside(step)
        counts[direction] = np.bincount(pair, minlength=size**2).reshape(size, size)
    pairs = counts[:, 1:, 1:]
    pairs = pairs[pairs.sum(axis=(1, 2)) > 0]
    both: Matrices = pairs + pairs.transpose(0, 2, 1)
    return both


def describe_pairs(counts: Matrices) -> Float[np.ndarray[Any, Any], "direction 25"]:
    """Return the values named in `COOCCURRENCE` of each matrix.

    Joint maximum GYBY, average 60VM, variance UR99 and entropy TU9B; difference average TF7R, variance D3YU
    and entropy NTRS; sum average ZGXS, variance OEEB and entropy P6QZ; angular second moment 8ZQL; contrast
    ACUI; dissimilarity 8S9J; inverse difference IB1Z, normalised NDRX, moment WF0Z, its normalised 1QCO;
    inverse variance E8JP; correlation NI2N; autocorrelation QWB0; cluster tendency DG8W, shade 7NFM and
    prominence AE86; information correlation 1 R8DG and 2 JN9H. Entropies are in bits.

    Parameters
    ----------
    counts
        (direction, level, level), symmetric, each with a sum above 0. The normalised differences are
        relative to the number of its rows.

    Returns
    -------
    values
        (direction, 25) f64. Correlation and information correlation 1 are NaN for a matrix of one level.
    """
    levels = counts.shape[1]
    pairs = counts / counts.sum(axis=(1, 2), keepdims=True)
    level, step, total = np.arange(1, levels + 1), np.arange(levels), np.arange(2, 2 * levels + 1)
    margin = pairs.sum(axis=2)
    differences, sums = _differences_and_sums(pairs)
    mean = margin @ level
    variance = (margin * (level - mean[:, None]) ** 2).sum(axis=1)
    entropy, of_margin = entropy_bits(pairs.reshape(len(pairs), -1)), entropy_bits(margin)
    dissimilarity, contrast = differences @ step, differences @ step**2
    product = (sums @ total**2 - contrast) / 4  # 4 i j = (i + j)^2 - (i - j)^2
    from_mean = total - 2 * mean[:, None]
    tendency, shade, prominence = ((sums * from_mean**power).sum(axis=1) for power in (2, 3, 4))
    columns = (
        pairs.max(axis=(1, 2)),
        mean,
        variance,
        entropy,
        dissimilarity,
        contrast - dissimilarity**2,
        entropy_bits(differences),
        2 * mean,
        tendency,
        entropy_bits(sums),
        (pairs**2).sum(axis=(1, 2)),
        contrast,
        dissimilarity,
        differences @ (1 / (1 + step)),
        differences @ (1 / (1 + step / levels)),
        differences @ (1 / (1 + step**2)),
        differences @ (1 / (1 + (step / levels) ** 2)),
        differences[:, 1:] @ (1 / step[1:] ** 2),
        _over(product - mean**2, variance),
        product,
        tendency,
        shade,
        prominence,
        # of a symmetric matrix both HXY1 and HXY2 are twice the entropy of its margin
        _over(entropy - 2 * of_margin, of_margin),
        np.sqrt(np.maximum(1 - np.exp(-2 * np.maximum(2 * of_margin - entropy, 0)), 0)),
    )
    return np.stack(columns, axis=1)


def cooccurrence(region: LevelledRegion) -> dict[str, Float[np.ndarray[Any, Any], " 25"]]:
    """Return the values named in `COOCCURRENCE` averaged over directions (`3D_avg`) and merged (`3D_comb`).

    An average leaves directions out in which a value is undefined. NaN without a pair of voxels.
    """
    counts = count_pairs(region)
    if len(counts) == 0:
        nothing = np.full(len(COOCCURRENCE), np.nan)
        return {"3D_avg": nothing, "3D_comb": nothing}
    return {
        "3D_avg": mean_of_known(describe_pairs(counts)),
        "3D_comb": describe_pairs(counts.sum(axis=0, keepdims=True))[0],
    }


def mean_of_known(rows: Rows) -> Float[np.ndarray[Any, Any], " k"]:
    """Return the mean of each column's finite values, NaN for a column without one."""
    known = np.isfinite(rows)
    return _over(np.where(known, rows, 0).sum(axis=0), known.sum(axis=0))


def entropy_bits(shares: Rows) -> Float[np.ndarray[Any, Any], " direction"]:
    """Return the entropy of each row in bits; a share of 0 adds nothing."""
    logs = np.log2(shares, where=shares > 0, out=np.zeros_like(shares))
    entropy: Float[np.ndarray[Any, Any], " direction"] = -(shares * logs).sum(axis=1)
    return entropy


def _differences_and_sums(pairs: Matrices) -> tuple[Rows, Rows]:
    """Return the shares of |i - j| = 0, 1, ... and of i + j = 2, 3, ..."""
    levels = pairs.shape[1]
    row, column = np.indices((levels, levels))
    apart, together = np.abs(row - column).ravel(), (row + column).ravel()
    flat = pairs.reshape(len(pairs), -1)
    differences = np.stack([np.bincount(apart, one, minlength=levels) for one in flat])
    sums = np.stack([np.bincount(together, one, minlength=2 * levels - 1) for one in flat])
    return differences, sums


def _over(
    numerator: Float[np.ndarray[Any, Any], " k"], denominator: Float[np.ndarray[Any, Any], " k"]
) -> Float[np.ndarray[Any, Any], " k"]:
    """Return the ratio, NaN where the denominator is 0."""
    ratio = np.full(len(numerator), np.nan)
    # a variance of 1e-32 is that of equal numbers
    np.divide(numerator, denominator, where=denominator > 1e-15, out=ratio)
    return ratio
