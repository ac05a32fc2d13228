"""A planted cohort as a user would have it: cohort.yaml, tables, and a cache written through feature_cache.

Enters: a folder, a situation, a number of cases, a seed. Leaves: what `python -m fuse benchmark` runs on.
Read back it is bitwise the cohort that `draw` gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from feature_cache.entry import MISSING, OBSERVED, EntryDraft, EntryKey, Source
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from tests.fuse.tiny_cohort import write_rows
from tests.planted.modalities import CLINICAL, OMICS, SLIDES, TILE_PX0, VARIABLES, column_names
from tests.planted.situations import Planted, Situation, draw

COHORT, ENDPOINT = "planted", "recurrence"
CARD: dict[str, Any] = {
    "schema_version": 1,
    "name": COHORT,
    "title": "A cohort with a known answer",
    "citation": "none",
    "licence": "CC0",
    "sites": ["A"],
    "modalities": [CLINICAL, OMICS, SLIDES],
    "index_event": "operation",
    "prediction_day": 0,
    "variables": {name: {"kind": "numeric", "unit": unit} for name, unit, *_ in VARIABLES},
    "endpoints": {
        ENDPOINT: {
            "kind": "survival",
            "definition": "recurrence",
            "time_unit": "days",
            "horizon_days": 1826.25,
        }
    },
}
RECIPES = {
    CLINICAL: ResolvedRecipe(
        name="planted",
        modality=CLINICAL,
        settings={
            "encoder": "values",
            "prediction_day": 0,
            "variables": [
                {"name": name, "kind": "numeric", "scale": "linear", "levels": []} for name, *_ in VARIABLES
            ],
        },
    ),
    OMICS: ResolvedRecipe(name="planted", modality=OMICS, settings={"encoder": "values"}),
    SLIDES: ResolvedRecipe(
        name="planted",
        modality=SLIDES,
        # a network's output: its columns share one scale that carries meaning
        settings={"encoder": "planted", "origin": "imported", "mpp": 0.5},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where the cohort lies, and what was drawn."""

    cohort: Path
    cache: Path
    planted: Planted


def write_planted(folder: Path, situation: Situation, cases: int, seed: int) -> Written:
    """Write a cohort of a situation below `folder`: `planted/` with its tables, `cache/` with its entries."""
    planted = draw(situation, cases, seed)
    written = Written(cohort=folder / COHORT, cache=folder / "cache", planted=planted)
    written.cohort.mkdir(parents=True)
    (written.cohort / "cohort.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    ids, outcome = planted.cases.case_ids, planted.outcome
    write_rows(written.cohort / "cases.csv", "case_id,site", [(case, "A") for case in ids])
    write_rows(
        written.cohort / "outcomes.csv",
        "case_id,endpoint,event,time,cause,value",
        [
            (case, ENDPOINT, int(event), f"{time:.0f}", "", "")
            for case, event, time in zip(ids, outcome.event, outcome.time_days, strict=True)
        ],
    )
    clinical = planted.cases.modalities[CLINICAL].values
    rows = [("" if np.isnan(value) else repr(float(value)) for value in values) for values in clinical]
    write_rows(
        written.cohort / "clinical.csv",
        ",".join(("case_id", *(name for name, *_ in VARIABLES))),
        [(case, *row) for case, row in zip(ids, rows, strict=True)],
    )
    write_rows(
        written.cohort / "slides.csv",
        "case_id,slide_id,path,mask_path,mpp",
        [(case, f"{case}_1", f"{case}_1.tif", "", "") for case in ids],
    )
    cache = FeatureCache.create(written.cache)
    for entry in _entries(planted):
        cache.commit(entry)
    return written


def _entries(planted: Planted) -> Iterator[EntryDraft]:
    modalities = planted.cases.modalities
    for row, case in enumerate(planted.cases.case_ids):
        yield _vector(CLINICAL, case, modalities[CLINICAL].values[row])
        if modalities[OMICS].present[row]:
            yield _vector(OMICS, case, modalities[OMICS].values[row])
        yield _bag(case, planted.readings.tiles[planted.readings.start[row] : planted.readings.stop[row]])


def _vector(modality: str, case: str, values: np.ndarray) -> EntryDraft:
    seen = np.isfinite(values)
    state = np.where(seen, OBSERVED, MISSING).astype(np.uint8)
    units = [unit for _, unit, *_ in VARIABLES] if modality == CLINICAL else ["1"] * len(values)
    names = [name for name, *_ in VARIABLES] if modality == CLINICAL else column_names()
    variables = [
        {"name": name, "kind": "numeric", "unit": unit, "scale": "linear", "day": 0}
        for name, unit in zip(names, units, strict=True)
    ]
    return _draft(modality, case, "vector", {"values": values, "state": state}, {"variables": variables})


def _bag(case: str, tiles: np.ndarray) -> EntryDraft:
    number = np.arange(len(tiles), dtype=np.int32)
    corners = np.stack([number % 10, number // 10], axis=1) * np.int32(TILE_PX0)
    arrays = {
        "embeddings": np.ascontiguousarray(tiles),
        "xy_px0": corners.astype(np.int32),
        "valid": np.ones(len(tiles), dtype=np.bool_),
    }
    return _draft(SLIDES, case, "bag", arrays, {"tile_px0": float(TILE_PX0)})


def _draft(
    modality: str, case: str, kind: Any, arrays: dict[str, np.ndarray], attrs: dict[str, Any]
) -> EntryDraft:
    recipe = RECIPES[modality]
    item = f"{case}_1" if modality == SLIDES else modality
    return EntryDraft(
        key=EntryKey.of(COHORT, recipe, case, item),
        kind=kind,
        sources=(Source(role="planted", sha256="0" * 64, bytes=1),),
        arrays=arrays,
        settings=recipe.settings,
        attrs=attrs,
    )
