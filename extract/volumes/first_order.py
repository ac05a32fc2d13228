"""First-order statistics of one region of one series, as the IBSI defines and names them.

Enters: the intensities of the region's voxels, in any order. Leaves: the values of `FIRST_ORDER`. Names and
definitions are those of the Image Biomarker Standardisation Initiative's reference manual (Zwanenburg et al.
2020, arXiv 1612.07003, section 3.3), with one difference: where a formula divides by zero the value is NaN.
The manual sets skewness and kurtosis of a constant region to 0, which a model could not tell from symmetry.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

#: Tags of the IBSI in the order of its manual; the code of each is in the docstring of `first_order`.
FIRST_ORDER = (
    "stat_mean",
    "stat_var",
    "stat_skew",
    "stat_kurt",
    "stat_median",
    "stat_min",
    "stat_p10",
    "stat_p90",
    "stat_max",
    "stat_iqr",
    "stat_range",
    "stat_mad",
    "stat_rmad",
    "stat_medad",
    "stat_cov",
    "stat_qcod",
    "stat_energy",
    "stat_rms",
)

Values = Float[np.ndarray[Any, Any], " voxel"]


def first_order(values: Values) -> Float[np.ndarray[Any, Any], " 18"]:
    """Return the statistics named in `FIRST_ORDER`, in the unit of the intensities u.

    Mean Q4LE (u), variance ECT3 (u2, of the population), skewness KE2A, excess kurtosis IPH6, median Y12H
    (u), minimum 1GSF (u), 10th QG58 and 90th 8DWT percentile (u), maximum 84IY (u), interquartile range SALO
    (u), range 2OJQ (u), mean 4FUA, robust mean 1128 and median N72L absolute deviation (u), coefficient of
    variation 7TET, quartile coefficient of dispersion 9S40, energy N8CA (u2), root mean square 5ZWQ (u).
    Percentiles are interpolated linearly between the two nearest ranks.

    Parameters
    ----------
    values
        (voxel,) finite intensities of the region; the caller leaves voxels outside the field of view out.

    Returns
    -------
    statistics
        (18,) f64; all NaN without a voxel, NaN where a formula is undefined: skewness and kurtosis of equal
        intensities, coefficients whose denominator is 0.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        return np.full(len(FIRST_ORDER), np.nan)
    # the mean of equal numbers can be off in the last digit, and a variance of 1e-34 is not one
    mean = float(values[0] if np.ptp(values) == 0 else values.mean())
    from_mean = values - mean
    variance = _mean(from_mean**2)
    low, p10, p25, median, p75, p90, high = map(float, np.percentile(values, (0, 10, 25, 50, 75, 90, 100)))
    central = values[(values >= p10) & (values <= p90)]
    energy = float((values**2).sum())
    return np.array(
        [
            mean,
            variance,
            _ratio(_mean(from_mean**3), variance**1.5),
            _ratio(_mean(from_mean**4), variance**2) - 3,
            median,
            low,
            p10,
            p90,
            high,
            p75 - p25,
            high - low,
            _mean(np.abs(from_mean)),
            # of two different voxels neither lies between the percentiles
            _mean(np.abs(central - central.mean())) if len(central) else np.nan,
            _mean(np.abs(values - median)),
            _ratio(np.sqrt(variance), mean),
            _ratio(p75 - p25, p75 + p25),
            energy,
            np.sqrt(energy / len(values)),
        ]
    )


def _mean(values: Values) -> float:
    return float(values.mean())


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else float("nan")
