"""PyRadiomics' 75 texture features: glcm, glrlm, glszm, gldm, ngtdm.

Enters: a levelled region. Leaves: values by class and name. Definitions are the IBSI's, of matrices with
directions the average over all 13; only MCC of glcm is not in the IBSI's manual. Where a formula is undefined
PyRadiomics gives a number of its choice (a correlation of 1, a coarseness of 1e6), and so do we.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.texture.cooccurrence import COOCCURRENCE, Matrices, count_pairs, describe_pairs
from extract.volumes.texture.grey_levels import LevelledRegion
from extract.volumes.texture.neighbourhood import count_dependences, tone_difference
from extract.volumes.texture.run_lengths import count_runs
from extract.volumes.texture.tally import describe_tally
from extract.volumes.texture.zones import count_sizes

_GLCM = {
    "Autocorrelation": "cm_auto_corr",
    "ClusterProminence": "cm_clust_prom",
    "ClusterShade": "cm_clust_shade",
    "ClusterTendency": "cm_clust_tend",
    "Contrast": "cm_contrast",
    "Correlation": "cm_corr",
    "DifferenceAverage": "cm_diff_avg",
    "DifferenceEntropy": "cm_diff_entr",
    "DifferenceVariance": "cm_diff_var",
    "Id": "cm_inv_diff",
    "Idm": "cm_inv_diff_mom",
    "Idmn": "cm_inv_diff_mom_norm",
    "Idn": "cm_inv_diff_norm",
    "Imc1": "cm_info_corr1",
    "Imc2": "cm_info_corr2",
    "InverseVariance": "cm_inv_var",
    "JointAverage": "cm_joint_avg",
    "JointEnergy": "cm_energy",
    "JointEntropy": "cm_joint_entr",
    "MaximumProbability": "cm_joint_max",
    "SumAverage": "cm_sum_avg",
    "SumEntropy": "cm_sum_entr",
    "SumSquares": "cm_joint_var",
}

#: Names in the order of `describe_tally`; None: PyRadiomics has no such feature.
_GLRLM = (
    "ShortRunEmphasis",
    "LongRunEmphasis",
    "LowGrayLevelRunEmphasis",
    "HighGrayLevelRunEmphasis",
    "ShortRunLowGrayLevelEmphasis",
    "ShortRunHighGrayLevelEmphasis",
    "LongRunLowGrayLevelEmphasis",
    "LongRunHighGrayLevelEmphasis",
    "GrayLevelNonUniformity",
    "GrayLevelNonUniformityNormalized",
    "RunLengthNonUniformity",
    "RunLengthNonUniformityNormalized",
    "RunPercentage",
    "GrayLevelVariance",
    "RunVariance",
    "RunEntropy",
)
_GLSZM = (
    "SmallAreaEmphasis",
    "LargeAreaEmphasis",
    "LowGrayLevelZoneEmphasis",
    "HighGrayLevelZoneEmphasis",
    "SmallAreaLowGrayLevelEmphasis",
    "SmallAreaHighGrayLevelEmphasis",
    "LargeAreaLowGrayLevelEmphasis",
    "LargeAreaHighGrayLevelEmphasis",
    "GrayLevelNonUniformity",
    "GrayLevelNonUniformityNormalized",
    "SizeZoneNonUniformity",
    "SizeZoneNonUniformityNormalized",
    "ZonePercentage",
    "GrayLevelVariance",
    "ZoneVariance",
    "ZoneEntropy",
)
_GLDM = (
    "SmallDependenceEmphasis",
    "LargeDependenceEmphasis",
    "LowGrayLevelEmphasis",
    "HighGrayLevelEmphasis",
    "SmallDependenceLowGrayLevelEmphasis",
    "SmallDependenceHighGrayLevelEmphasis",
    "LargeDependenceLowGrayLevelEmphasis",
    "LargeDependenceHighGrayLevelEmphasis",
    "GrayLevelNonUniformity",
    None,
    "DependenceNonUniformity",
    "DependenceNonUniformityNormalized",
    None,
    "GrayLevelVariance",
    "DependenceVariance",
    "DependenceEntropy",
)
#: In the order of `tone_difference`, with what PyRadiomics gives where the formula divides by zero.
_NGTDM = {"Coarseness": 1e6, "Contrast": 0.0, "Busyness": 0.0, "Complexity": 0.0, "Strength": 0.0}


def texture(region: LevelledRegion) -> dict[str, dict[str, float]]:
    """Return class -> name -> value."""
    runs = np.mean([describe_tally(one) for one in count_runs(region)], axis=0)
    return {
        "glcm": _glcm(count_pairs(region), region.count),
        "gldm": _named(_GLDM, describe_tally(count_dependences(region))),
        "glrlm": _named(_GLRLM, runs),
        "glszm": _named(_GLSZM, describe_tally(count_sizes(region))),
        "ngtdm": _ngtdm(tone_difference(region)),
    }


def _glcm(counts: Matrices, levels: int) -> dict[str, float]:
    if len(counts) == 0:
        return {name: np.nan for name in (*_GLCM, "MCC")}
    columns = dict(zip(COOCCURRENCE, describe_pairs(counts).T, strict=True))
    for tag, chosen in (("cm_corr", 1.0), ("cm_info_corr1", 0.0)):
        columns[tag] = np.where(np.isnan(columns[tag]), chosen, columns[tag])
    named = {name: float(columns[tag].mean()) for name, tag in _GLCM.items()}
    return {**named, "MCC": _maximal_correlation(counts)}


def _maximal_correlation(counts: Matrices) -> float:
    """Return the maximal correlation coefficient, averaged over directions; 1 for a region of one level.

    PyRadiomics takes the root of the second eigenvalue of Q(i, j) = sum over k of p(i, k) p(j, k) / (p(i)
    p(k)). Of a symmetric matrix those are the squares of the eigenvalues of p(i, j) / sqrt(p(i) p(j)).
    """
    there = counts.sum(axis=(0, 1)) > 0
    if there.sum() < 2:
        return 1.0
    pairs = counts[:, there][:, :, there]
    pairs = pairs / pairs.sum(axis=(1, 2), keepdims=True)
    root = np.sqrt(pairs.sum(axis=2))
    scale = np.divide(1.0, root, where=root > 0, out=np.zeros_like(root))
    eigenvalues = np.abs(np.linalg.eigvalsh(pairs * scale[:, :, None] * scale[:, None, :]))
    return float(np.sort(eigenvalues, axis=1)[:, -2].mean())


def _ngtdm(values: Float[np.ndarray[Any, Any], " 5"]) -> dict[str, float]:
    measured = zip(_NGTDM, values, strict=True)
    return {name: float(value) if np.isfinite(value) else _NGTDM[name] for name, value in measured}


def _named(names: Iterable[str | None], values: Float[np.ndarray[Any, Any], " 16"]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True) if name is not None}


def texture_names() -> Mapping[str, tuple[str, ...]]:
    """Return class -> names, sorted as PyRadiomics sorts them."""
    classes: dict[str, Iterable[str | None]] = {
        "glcm": (*_GLCM, "MCC"),
        "gldm": _GLDM,
        "glrlm": _GLRLM,
        "glszm": _GLSZM,
        "ngtdm": _NGTDM,
    }
    return {name: tuple(sorted(one for one in names if one)) for name, names in classes.items()}
