"""What the tests of volumes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extract.volumes.studies import write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study (`write_study`), one for the tests of a file: they only read it."""
    return write_study(tmp_path_factory.mktemp("study"))
