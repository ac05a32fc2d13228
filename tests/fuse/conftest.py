"""Fixtures of stage 2: a small cohort with a known answer in a real cache."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.fuse.tiny_cohort import Tiny, write_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The cohort, to be read only; whether it survives a power cut does not matter here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def own_tiny(tiny: Tiny, tmp_path: Path) -> Tiny:
    """A copy that a test may spoil."""
    own = tmp_path / "own"
    shutil.copytree(tiny.cohort.parent, own)
    return Tiny.below(own)
