"""All 107 features of one region, under the names that PyRadiomics gives them in its tables.

Enters: a region's voxels, their levels and the grid. Leaves: the values of `PYRADIOMICS`. The reference is
PyRadiomics 3.0.1 with its defaults (original image, symmetrical matrices, distance 1, no weighting); a test
compares all of them where it is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.volumes.pyradiomics.shape import SHAPE, shape
from extract.volumes.pyradiomics.statistics import statistics
from extract.volumes.pyradiomics.texture import texture, texture_names
from extract.volumes.texture.grey_levels import Levels, Values, levelled

_FIRST_ORDER = (
    "10Percentile",
    "90Percentile",
    "Energy",
    "Entropy",
    "InterquartileRange",
    "Kurtosis",
    "Maximum",
    "Mean",
    "MeanAbsoluteDeviation",
    "Median",
    "Minimum",
    "Range",
    "RobustMeanAbsoluteDeviation",
    "RootMeanSquared",
    "Skewness",
    "TotalEnergy",
    "Uniformity",
    "Variance",
)

_CLASSES = {"shape": SHAPE, "firstorder": _FIRST_ORDER, **texture_names()}

#: Columns of a table of PyRadiomics.
PYRADIOMICS = tuple(f"original_{group}_{name}" for group, names in _CLASSES.items() for name in names)


def pyradiomics_features(
    mask: Bool[np.ndarray[Any, Any], "x y z"],
    values: Values,
    levels: Levels,
    steps: Float[np.ndarray[Any, Any], "3 3"] | None,
    outline: Bool[np.ndarray[Any, Any], "x y z"] | None,
) -> Float[np.ndarray[Any, Any], " 107"]:
    """Return the values named in `PYRADIOMICS`.

    Parameters
    ----------
    mask
        The region, with one voxel or more; `values` and `levels` are of its voxels in C order.
    steps
        Columns of the affine in mm; None leaves shape and total energy NaN.
    outline
        The region whose shape is told, which may reach beyond what was measured; None leaves shape NaN.
    """
    region = levelled(mask, levels, int(levels.max()))
    voxel_mm3 = np.nan if steps is None else abs(float(np.linalg.det(steps)))
    measured: dict[str, dict[str, float]] = {
        "shape": dict.fromkeys(SHAPE, np.nan),
        "firstorder": statistics(values, levels, voxel_mm3),
        **texture(region),
    }
    if outline is not None and steps is not None:
        measured["shape"] = shape(outline, steps)
    return np.array([measured[group][name] for group, names in _CLASSES.items() for name in names])
