"""PSA density: the PSA of a case over the volume of the gland in one of its studies, ng/mL/mL.

Enters: a value with its state, a volume with its state. Leaves: the ratio with a state. What one of the two
lacks the ratio lacks; a bounded PSA gives a bounded density.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from feature_cache.entry import BOUNDED_ABOVE, BOUNDED_BELOW, OBSERVED

PSA_DENSITY = "psa_density"
UNIT = "ng/mL/mL"


@dataclass(frozen=True, kw_only=True)
class Stated:
    """A number and its state (`feature_cache.entry.STATES`); NaN where the state goes without a value."""

    value: float
    state: int


def psa_density(psa: Stated, gland_ml: Stated) -> Stated:
    """Return PSA over gland volume.

    A PSA that is missing leaves the density missing, whatever the volume; an unknown volume leaves it
    unknown. The volume is that of the mask: a formula of three diameters gives another one.

    Examples
    --------
    >>> psa_density(Stated(value=13.0, state=OBSERVED), Stated(value=52.0, state=OBSERVED))
    Stated(value=0.25, state=0)
    """
    if psa.state not in (OBSERVED, BOUNDED_ABOVE, BOUNDED_BELOW):
        return Stated(value=math.nan, state=psa.state)
    if gland_ml.state != OBSERVED:
        return Stated(value=math.nan, state=gland_ml.state)
    return Stated(value=psa.value / gland_ml.value, state=psa.state)
