"""The simulated cohort of `tests/fuse/simulated.py`, made once."""

from __future__ import annotations

import pytest

from tests.fuse.simulated import Simulated, make_cohort


@pytest.fixture(scope="session")
def cohort() -> Simulated:
    """One simulated cohort."""
    return make_cohort()
