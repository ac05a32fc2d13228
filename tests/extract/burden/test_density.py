"""PSA density: the ratio, and what it lacks when one of the two is not there."""

from __future__ import annotations

import math

import pytest

from extract.burden.density import Stated, psa_density
from feature_cache.entry import (
    BOUNDED_ABOVE,
    BOUNDED_BELOW,
    MISSING,
    NOT_APPLICABLE,
    OBSERVED,
    UNKNOWN,
)

NAN = float("nan")


def test_the_ratio() -> None:
    """13 ng/mL and 52 mL are the .25 of ProstateX-0000 in PI-CAI's marksheet."""
    found = psa_density(Stated(value=13.0, state=OBSERVED), Stated(value=52.0, state=OBSERVED))
    assert found == Stated(value=0.25, state=OBSERVED)


@pytest.mark.parametrize("state", [BOUNDED_ABOVE, BOUNDED_BELOW])
def test_a_bound_stays_a_bound(state: int) -> None:
    found = psa_density(Stated(value=0.5, state=state), Stated(value=50.0, state=OBSERVED))
    assert found == Stated(value=0.01, state=state)


@pytest.mark.parametrize(
    ("psa", "gland", "state"),
    [
        (MISSING, OBSERVED, MISSING), (UNKNOWN, OBSERVED, UNKNOWN), (MISSING, UNKNOWN, MISSING),
        (NOT_APPLICABLE, UNKNOWN, NOT_APPLICABLE), (OBSERVED, UNKNOWN, UNKNOWN),
        (BOUNDED_ABOVE, UNKNOWN, UNKNOWN),
    ],
)  # fmt: skip
def test_what_one_lacks_the_ratio_lacks(psa: int, gland: int, state: int) -> None:
    has = {OBSERVED, BOUNDED_ABOVE}
    found = psa_density(
        Stated(value=5.0 if psa in has else NAN, state=psa),
        Stated(value=40.0 if gland in has else NAN, state=gland),
    )
    assert found.state == state and math.isnan(found.value)
