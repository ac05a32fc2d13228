"""PyRadiomics' 18 first-order features.

Enters: a region's intensities and their grey levels. Leaves: values by name. They are the IBSI's, but for
kurtosis, from which 3 is not taken away, and total energy, which counts mm3. Entropy and uniformity are those
of the grey levels. Skewness and kurtosis of equal intensities are 0 there.
"""

from __future__ import annotations

import numpy as np

from extract.volumes.first_order import FIRST_ORDER, first_order
from extract.volumes.texture.cooccurrence import entropy_bits
from extract.volumes.texture.grey_levels import Levels, Values

#: PyRadiomics' name -> tag of the IBSI.
_AS_IBSI = {
    "10Percentile": "stat_p10",
    "90Percentile": "stat_p90",
    "Energy": "stat_energy",
    "InterquartileRange": "stat_iqr",
    "Maximum": "stat_max",
    "MeanAbsoluteDeviation": "stat_mad",
    "Mean": "stat_mean",
    "Median": "stat_median",
    "Minimum": "stat_min",
    "Range": "stat_range",
    "RobustMeanAbsoluteDeviation": "stat_rmad",
    "RootMeanSquared": "stat_rms",
    "Variance": "stat_var",
}


def statistics(values: Values, levels: Levels, voxel_mm3: float) -> dict[str, float]:
    """Return `firstorder` name -> value; a total energy of NaN where the size of a voxel is not known."""
    ibsi = dict(zip(FIRST_ORDER, map(float, first_order(values)), strict=True))
    share = np.bincount(levels) / len(levels)
    equal = ibsi["stat_range"] == 0
    return {
        **{name: ibsi[tag] for name, tag in _AS_IBSI.items()},
        "Entropy": float(entropy_bits(share[None])[0]),
        "Kurtosis": 0.0 if equal else ibsi["stat_kurt"] + 3,
        "Skewness": 0.0 if equal else ibsi["stat_skew"],
        "TotalEnergy": ibsi["stat_energy"] * voxel_mm3,
        "Uniformity": float((share**2).sum()),
    }
