"""What the commit protocol and the verifying read cost, against numpy's plain files."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

import numpy as np

from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from tests.measurement import Measured

TILES, DIM, ENTRIES = 4096, 1024, 5


def cache_rows(work: Path) -> list[Measured]:
    """Commit and read a few 8 MB bags in both forms and as .npy with fsync."""
    rng = np.random.default_rng(0)
    bags = [rng.standard_normal((TILES, DIM)).astype("<f2") for _ in range(ENTRIES)]
    plain_write, plain_read = _plain(work, bags)
    source = f"{ENTRIES} bags of {TILES} x {DIM} f16 (8 MB), against .npy with fsync"
    rows = []
    for array_format in ("zarr", "hdf5"):
        write, read = _cached(work / array_format, bags, array_format)  # type: ignore[arg-type]
        for verb, value in (("commit", write / plain_write), ("verified_read", read / plain_read)):
            rows.append(
                Measured(
                    name=f"cache/{verb}_{array_format}",
                    value=value,
                    unit="times plain",
                    bar=None,
                    met=None,
                    input=source,
                )
            )
    return rows


def _plain(work: Path, bags: list[np.ndarray]) -> tuple[float, float]:
    started = time.perf_counter()
    for number, bag in enumerate(bags):
        with (work / f"{number}.npy").open("wb") as stream:
            np.save(stream, bag)
            stream.flush()
            os.fsync(stream.fileno())
    written = time.perf_counter()
    for number in range(len(bags)):
        np.load(work / f"{number}.npy")
    return written - started, time.perf_counter() - written


def _cached(root: Path, bags: list[np.ndarray], array_format: Literal["zarr", "hdf5"]) -> tuple[float, float]:
    cache = FeatureCache.create(root, array_format=array_format)
    recipe = ResolvedRecipe(name="speed", modality="slides", settings={"algorithm": 1})
    keys = [EntryKey.of("speed", recipe, str(number), "1") for number in range(len(bags))]
    started = time.perf_counter()
    for key, bag in zip(keys, bags, strict=True):
        cache.commit(
            EntryDraft(
                key=key,
                kind="bag",
                sources=(Source(role="slide", sha256="0" * 64, bytes=1),),
                settings=recipe.settings,
                arrays={
                    "embeddings": bag,
                    "xy_px0": np.zeros((TILES, 2), dtype="<i4"),
                    "valid": np.ones(TILES, dtype=bool),
                },
            )
        )
    written = time.perf_counter()
    for key in keys:
        cache.read(key)
    return written - started, time.perf_counter() - written
