"""Drafts and caches for the tests of the store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from feature_cache.array_format import FORMAT_NAMES, FormatName
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

MakeDraft = Callable[..., EntryDraft]


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without fsync, which is most of a test's time; `test_store.py` sees that it is called."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(params=FORMAT_NAMES)
def form(request: pytest.FixtureRequest) -> FormatName:
    """Both forms on disk."""
    name: FormatName = request.param
    return name


@pytest.fixture
def cache(tmp_path: Path, form: FormatName) -> FeatureCache:
    """An empty cache that writes one of the forms."""
    return FeatureCache.create(tmp_path / "cache", form)


@pytest.fixture(scope="session")
def make_draft() -> MakeDraft:
    """Make a small bag (or a vector) of a case and an item from the text of its source."""

    def make(
        case_id: str = "0071",
        item_id: str = "slide-1",
        *,
        source: str = "pixels",
        kind: str = "bag",
        cohort: str = "chimera",
        recipe: str = "weightfree",
        mpp: float = 0.5,
    ) -> EntryDraft:
        modality = {"bag": "slides", "vector": "clinical"}[kind]
        resolved = ResolvedRecipe(name=recipe, modality=modality, settings={"mpp": mpp})
        raw = source.encode()
        rng = np.random.default_rng(list(raw))
        if kind == "bag":
            arrays = {
                "embeddings": rng.normal(size=(70, 24)).astype(np.float32),
                "xy_px0": rng.integers(0, 9000, size=(70, 2)).astype(np.int32),
                "valid": rng.random(70) < 0.9,
            }
        else:
            arrays = {"values": rng.normal(size=9), "state": np.zeros(9, dtype=np.uint8)}
        return EntryDraft(
            key=EntryKey(
                cohort=cohort,
                modality=modality,
                recipe_name=recipe,
                recipe_hash=resolved.hash,
                case_id=case_id,
                item_id=item_id,
            ),
            kind="bag" if kind == "bag" else "vector",
            sources=(Source(role="slide", sha256=hashlib.sha256(raw).hexdigest(), bytes=len(raw)),),
            arrays=arrays,
            settings=resolved.settings,
            attrs={"mpp": [0.25, 0.25], "note": "ä\x1f"},
            used={"reader": "none"},
        )

    return make


@pytest.fixture(scope="session")
def tree_bytes() -> Callable[[Path], dict[str, bytes]]:
    """Read every file below a folder, by relative path, rooms of the cache left out."""

    def read(root: Path) -> dict[str, bytes]:
        files: Iterable[Path] = (path for path in root.rglob("*") if path.is_file())
        named = {path.relative_to(root).as_posix(): path for path in files}
        return {name: path.read_bytes() for name, path in named.items() if not name.startswith("_")}

    return read
