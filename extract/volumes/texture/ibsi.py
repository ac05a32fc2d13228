"""All texture of one region under the names of the IBSI's reference values.

Enters: a levelled region. Leaves: the values of `TEXTURE`. Matrices with directions are given averaged
(`3D_avg`) and merged (`3D_comb`), the others, and so the names, as `3D`; the histogram has no form.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.texture.cooccurrence import COOCCURRENCE, cooccurrence
from extract.volumes.texture.grey_levels import LevelledRegion
from extract.volumes.texture.histogram import HISTOGRAM, histogram
from extract.volumes.texture.neighbourhood import DEPENDENCE, TONE_DIFFERENCE, dependence, tone_difference
from extract.volumes.texture.run_lengths import RUN_LENGTHS, run_lengths
from extract.volumes.texture.zones import DISTANCE_ZONES, SIZE_ZONES, zones

_FORMS = ("3D_avg", "3D_comb")

TEXTURE = (
    *HISTOGRAM,
    *(f"{tag}_{form}" for form in _FORMS for tag in COOCCURRENCE),
    *(f"{tag}_{form}" for form in _FORMS for tag in RUN_LENGTHS),
    *(f"{tag}_3D" for tag in (*SIZE_ZONES, *DISTANCE_ZONES, *TONE_DIFFERENCE, *DEPENDENCE)),
)


def texture(region: LevelledRegion) -> Float[np.ndarray[Any, Any], " 159"]:
    """Return the values named in `TEXTURE`; NaN where a formula is undefined for this region."""
    pairs, runs = cooccurrence(region), run_lengths(region)
    return np.concatenate(
        [
            histogram(region.levels, region.count),
            *(pairs[form] for form in _FORMS),
            *(runs[form] for form in _FORMS),
            *zones(region),
            tone_difference(region),
            dependence(region),
        ]
    )
