"""One small cohort of each layout, written once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from extract.synthetic.cohort import write_synthetic


@dataclass(frozen=True)
class Written:
    """A written cohort, its truth, and what `progress` was told."""

    root: Path
    truth: dict[str, Any]
    progress: list[int]

    def of_case(self, missing: str) -> list[str]:
        """Return the ids of the cases that have the modality."""
        return [case_id for case_id, case in self.truth["cases"].items() if missing not in case["missing"]]


def write(root: Path, layout: Any, cases: int, seed: int) -> Written:
    told: list[int] = []
    write_synthetic(root, layout=layout, cases=cases, seed=seed, progress=told.append)
    return Written(root=root, truth=json.loads((root / "truth.json").read_text()), progress=told)


@pytest.fixture(scope="session")
def chimera(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("synthetic") / "chimera", "chimera", cases=6, seed=5)


@pytest.fixture(scope="session")
def mprtm(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("synthetic") / "mprtm", "mprtm", cases=30, seed=5)
