"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# a busy machine must not fail a test, and the same commit must test the same examples everywhere
settings.register_profile("braid", deadline=None, derandomize=True, database=None)
settings.load_profile("braid")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data(repository: Path) -> Path:
    """The folder of real inputs beside the checkout; tests that need it skip where it is absent."""
    folder = repository.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real inputs are not here: ../shared/data is absent")
    return folder
