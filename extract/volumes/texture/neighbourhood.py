"""A voxel and its 26 neighbours: how many share its level, and how far their mean is from it.

Enters: a levelled region. Leaves: 17 values of the neighbouring grey level dependence matrix (IBSI reference
manual 3.11; coarseness 0, distance 1) and 5 of the neighbourhood grey tone difference matrix (3.10;
distance 1). Neighbours outside the region do not count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.texture.grey_levels import LevelledRegion
from extract.volumes.texture.tally import Tally, describe_tally, tally

#: Tags of the IBSI. Low and high dependence emphasis SODN, IMOQ; low and high grey level count emphasis TL9H,
#: OAE7; low dependence low and high EQ3F, JA6D; high dependence low and high NBZI, 9QMG; grey level
#: non-uniformity FP8K, normalised 5SPA; dependence count non-uniformity Z87G, normalised OKJI; dependence
#: count percentage 6XV8; grey level variance 1PFV; dependence count variance DNX2, entropy FCBV, energy CAS9.
DEPENDENCE = (
    "ngl_lde",
    "ngl_hde",
    "ngl_lgce",
    "ngl_hgce",
    "ngl_ldlge",
    "ngl_ldhge",
    "ngl_hdlge",
    "ngl_hdhge",
    "ngl_glnu",
    "ngl_glnu_norm",
    "ngl_dcnu",
    "ngl_dcnu_norm",
    "ngl_dc_perc",
    "ngl_gl_var",
    "ngl_dc_var",
    "ngl_dc_entr",
    "ngl_dc_energy",
)

#: Tags of the IBSI. Coarseness QCDE, contrast 65HE, busyness NQ30, complexity HDEZ, strength 1X9X.
TONE_DIFFERENCE = ("ngt_coarseness", "ngt_contrast", "ngt_busyness", "ngt_complexity", "ngt_strength")


def count_dependences(region: LevelledRegion) -> Tally:
    """Return how many voxels of a level have 1, 2, ... of it around them, themselves included."""
    alike = np.ones(len(region.levels), dtype=np.int32)
    for step in _both_ways(region):
        alike += region.beside(step) == region.levels
    return tally(region.levels, alike, len(region.levels))


def dependence(region: LevelledRegion) -> Float[np.ndarray[Any, Any], " 17"]:
    """Return the values named in `DEPENDENCE`."""
    counted = count_dependences(region)
    energy = ((counted.number / counted.number.sum()) ** 2).sum()
    return np.append(describe_tally(counted), energy)


def tone_difference(region: LevelledRegion) -> Float[np.ndarray[Any, Any], " 5"]:
    """Return the values named in `TONE_DIFFERENCE`.

    NaN where a formula divides by zero: all of a region whose voxels have no neighbour; coarseness and
    strength of a region without a difference; contrast and busyness of a region of one level. The manual sets
    some of them to a number of its choice, which a model could not tell from a measured one.
    """
    number, difference = count_differences(region)
    voxels = number.sum()
    if voxels == 0:
        return np.full(len(TONE_DIFFERENCE), np.nan)
    there = np.flatnonzero(number)
    level, share, summed = there + 1.0, number[there] / voxels, difference[there]
    apart = np.abs(level[:, None] - level)
    weighted, total = share * summed, summed.sum()
    occurring = len(there)
    pairs = occurring * (occurring - 1)
    values = (
        (1.0, weighted.sum()),
        ((share[:, None] * share * apart**2).sum() * total / voxels, pairs),
        (weighted.sum(), np.abs((level * share)[:, None] - level * share).sum()),
        ((apart * (weighted[:, None] + weighted) / (share[:, None] + share)).sum(), voxels),
        (((share[:, None] + share) * apart**2).sum(), total),
    )
    return np.array([above / below if below else np.nan for above, below in values])


def count_differences(
    region: LevelledRegion,
) -> tuple[Float[np.ndarray[Any, Any], " level"], Float[np.ndarray[Any, Any], " level"]]:
    """Return how many voxels of each level have neighbours, and the sum of how far these are off."""
    there, total = (np.zeros(len(region.levels), dtype=np.int32) for _ in range(2))
    for step in _both_ways(region):
        beside = region.beside(step)
        there += beside > 0
        total += beside
    known = there > 0
    mean, level = total[known] / there[known], region.levels[known]
    number = np.bincount(level, minlength=region.count + 1)[1:].astype(np.float64)
    return number, np.bincount(level, np.abs(level - mean), minlength=region.count + 1)[1:]


def _both_ways(region: LevelledRegion) -> tuple[int, ...]:
    """Return the steps to all 26 neighbours."""
    return (*region.steps, *(-step for step in region.steps))
