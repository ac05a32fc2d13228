"""The histogram of a region's grey levels (IBSI reference manual 3.4).

Enters: grey levels. Leaves: the values of `HISTOGRAM`: the statistics of the levels, and what only a
histogram has. As in `first_order`, where a formula divides by zero the value is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.first_order import FIRST_ORDER, first_order
from extract.volumes.texture.cooccurrence import entropy_bits
from extract.volumes.texture.grey_levels import Levels

_OF_LEVELS = tuple(tag for tag in FIRST_ORDER if tag not in {"stat_energy", "stat_rms"})

#: Tags of the IBSI. Mean X6K6, variance CH89, skewness 88K1, excess kurtosis C3I7, median WIFQ, minimum 1PR8,
#: 10th GPMT and 90th OZ0C percentile, maximum 3NCY, interquartile range WR0O, range 5Z3W, mean D2ZX, robust
#: mean WRZB and median 4RNL absolute deviation, coefficient of variation CWYJ, quartile coefficient of
#: dispersion SLWD; mode AMMC, entropy TLU2, uniformity BJ5W; maximum gradient 12CE and its level 8E6O,
#: minimum gradient VQB3 and its level RHQZ.
HISTOGRAM = (
    *(tag.replace("stat_", "ih_") for tag in _OF_LEVELS),
    "ih_mode",
    "ih_entropy",
    "ih_uniformity",
    "ih_max_grad",
    "ih_max_grad_g",
    "ih_min_grad",
    "ih_min_grad_g",
)


def histogram(levels: Levels, count: int) -> Float[np.ndarray[Any, Any], " 23"]:
    """Return the values named in `HISTOGRAM` of one or more levels between 1 and `count`.

    Of several modes the one nearest to the mean is given, of several gradients the one at the lowest level.
    The gradient is in voxels per level, between the neighbours of a level; NaN where there is one level.
    """
    statistics = dict(zip(FIRST_ORDER, first_order(levels.astype(np.float64)), strict=True))
    number = np.bincount(levels, minlength=count + 1)[1:].astype(np.float64)
    share = number / number.sum()
    most = np.flatnonzero(number == number.max()) + 1
    mode = most[np.argmin(np.abs(most - statistics["stat_mean"]))]
    slope = np.gradient(number) if count > 1 else np.array([np.nan])
    steepest = (int(np.argmax(slope)), int(np.argmin(slope)))
    gradients = [value for at in steepest for value in (slope[at], at + 1.0 if count > 1 else np.nan)]
    return np.array(
        [
            *(statistics[tag] for tag in _OF_LEVELS),
            mode,
            entropy_bits(share[None])[0],
            (share**2).sum(),
            *gradients,
        ]
    )
