"""Entries to commit, small and different: the material of every trial on the cache itself.

Enters: a case, an item, a version of the source. Leaves: drafts whose content follows from these three.
"""

from __future__ import annotations

import hashlib

import numpy as np

from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.recipe import ResolvedRecipe

RECIPES = {
    "bag": ResolvedRecipe(name="weightfree", modality="slides", settings={"mpp": 0.5}),
    "note": ResolvedRecipe(name="weightfree", modality="notes", settings={"dim": 12}),
    "vector": ResolvedRecipe(name="weightfree", modality="clinical", settings={"variables": 9}),
}


def make_draft(kind: str, case: str, item: str, version: int = 0, rows: int = 20) -> EntryDraft:
    """Return a draft of a `bag` (three arrays), a `note` (two) or a `vector` (inline)."""
    source = f"{kind}/{case}/{item}/{version}".encode()
    generator = np.random.default_rng(list(source))
    recipe = RECIPES[kind]
    return EntryDraft(
        key=EntryKey.of("trial", recipe, case, item),
        kind=kind,
        sources=(Source(role="raw", sha256=hashlib.sha256(source).hexdigest(), bytes=len(source)),),
        arrays=_arrays(kind, rows, generator),
        settings=recipe.settings,
        attrs={"version": version, "mpp": [0.25, 0.25]},
        used={"reader": "none"},
    )


def _arrays(kind: str, rows: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    if kind == "vector":
        return {"values": generator.normal(size=9), "state": generator.integers(0, 3, 9).astype(np.uint8)}
    embeddings = generator.normal(size=(rows, 12)).astype(np.float32)
    if kind == "note":
        return {"embeddings": embeddings, "char_span": generator.integers(0, 9, (rows, 2)).astype(np.int32)}
    return {
        "embeddings": embeddings,
        "xy_px0": generator.integers(0, 9000, (rows, 2)).astype(np.int32),
        "valid": generator.random(rows) < 0.9,
    }
