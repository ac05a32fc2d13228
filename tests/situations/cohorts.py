"""A cohort of a situation on disk, as a user would have it: cohort.yaml, tables, a cache, a protocol.

Enters: a folder, a situation, a seed. Leaves: what `python -m fuse benchmark` runs on and, where the
situation has another cohort, what `python -m fuse validate` runs on. Clinical values are six columns, three
of which show what the clinic knows; imaging is one vector of a slide.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import yaml
from jaxtyping import Float

from feature_cache.entry import OBSERVED, EntryDraft, EntryKey, Source
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from fuse.outcomes.outcomes import Survival
from tests.fuse.tiny_cohort import write_rows
from tests.situations.situations import Situation

ENDPOINT, HORIZON_DAYS = "recurrence", 1826.25
VARIABLES = ("psa", "grade", "volume", "age", "crp", "albumin")
#: How much of a column's variance is what the modality knows, and how many columns of clinical values and of
#: imaging show it.
LOADING, SHOWING, DIM = 0.9, 3, 12
#: Weibull shape of the time to the event; cases are followed for two to eight years.
SHAPE, SHORTEST, LONGEST = 1.3, 730.0, 2922.0


PROTOCOL: dict[str, Any] = {
    "schema_version": 1,
    "name": "situations",
    "repeats": 3,
    "folds": 5,
    "inner": 4,
    "arms": [{"model": "ridge_cox", "modalities": "each"}],
    "fusion": [{"model": "late", "over": "ridge_cox"}],
    "comparators": ["clinical", "selected_single", "published_score"],
}


@dataclass(frozen=True, kw_only=True)
class OnDisk:
    """Where a cohort of a situation lies; `other` is the one to which its models are applied."""

    cohort: Path
    cache: Path
    protocol: Path
    other: Path | None


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Cases of a situation: clinical values (case, 6), imaging (case, dim), and what became of them."""

    clinical: Float[np.ndarray, "case variable"]
    imaging: Float[np.ndarray, "case dim"]
    outcome: Survival


def draw(situation: Situation, count: int, seed: int, *, other: bool = False) -> Drawn:
    """Draw cases; the same arguments give bitwise the same ones."""
    rng = np.random.default_rng([zlib.crc32(situation.name.encode()), seed, int(other)])
    known = rng.standard_normal((2, count))
    clinical = _show(known[0], len(VARIABLES), rng)
    if situation.from_where == "copy_of_clinical":
        # of what was measured, not of what is behind it: whoever has the values learns nothing from it
        imaging = _show(clinical[:, :SHOWING].mean(axis=1) * np.sqrt(1.3), DIM, rng)
    else:
        imaging = _show(known[1], DIM, rng)
    there = situation.elsewhere if other else None
    shown = situation.imaging if there is None else there.imaging
    hazard = np.exp(situation.clinical * known[0] + shown * known[1]) * (
        1.0 if there is None else there.hazard
    )
    time = _scale(situation) * (rng.exponential(size=count) / hazard) ** (1 / SHAPE)
    time, end = np.maximum(1.0, np.ceil(time)), np.floor(rng.uniform(SHORTEST, LONGEST, size=count))
    outcome = Survival(event=time <= end, time_days=np.minimum(time, end))
    return Drawn(clinical=clinical, imaging=imaging, outcome=outcome)


def write_situation(folder: Path, situation: Situation, seed: int) -> OnDisk:
    """Write the cohort, and the other one where the situation has one.

    Nothing is forced to the disk: what is thrown away after a benchmark need not outlive a power cut.
    """
    with patch.object(os, "fsync", lambda _: None):
        return _write_both(folder, situation, seed)


def _write_both(folder: Path, situation: Situation, seed: int) -> OnDisk:
    cache = FeatureCache.create(folder / "cache")
    protocol = folder / "protocol.yaml"
    protocol.write_text(yaml.safe_dump(PROTOCOL), encoding="utf-8")
    cohort = _write(folder / "planted", cache, draw(situation, situation.cases, seed))
    other = None
    if situation.elsewhere is not None:
        other = _write(folder / "elsewhere", cache, draw(situation, situation.cases, seed, other=True))
    return OnDisk(cohort=cohort, cache=cache.root, protocol=protocol, other=other)


def _show(
    known: Float[np.ndarray, " case"], columns: int, rng: np.random.Generator
) -> Float[np.ndarray, "case column"]:
    """Return columns of variance about 1, the first of which show what is known."""
    values = rng.standard_normal((len(known), columns))
    values[:, :SHOWING] *= np.sqrt(1 - LOADING)
    values[:, :SHOWING] += np.sqrt(LOADING) * known[:, None]
    return values


def _scale(situation: Situation) -> float:
    """Return the Weibull scale (days) that makes the share of events the situation's."""
    rng = np.random.default_rng(11)
    log_hazard = np.hypot(situation.clinical, situation.imaging) * rng.standard_normal(40_000)
    time = (rng.exponential(size=len(log_hazard)) / np.exp(log_hazard)) ** (1 / SHAPE)
    end = rng.uniform(SHORTEST, LONGEST, size=len(time))
    # events come by `end` where scale <= end / time: the share is a quantile
    return float(np.quantile(end / time, 1 - situation.events))


def _write(folder: Path, cache: FeatureCache, drawn: Drawn) -> Path:
    name, ids = folder.name, [f"{folder.name[0]}{number:04d}" for number in range(len(drawn.outcome))]
    folder.mkdir(parents=True)
    (folder / "cohort.yaml").write_text(yaml.safe_dump(_card(name)), encoding="utf-8")
    write_rows(folder / "cases.csv", "case_id,site", [(case, "A") for case in ids])
    times = zip(ids, drawn.outcome.event, drawn.outcome.time_days, strict=True)
    write_rows(
        folder / "outcomes.csv",
        "case_id,endpoint,event,time,cause,value",
        [(case, ENDPOINT, int(event), f"{time:.0f}", "", "") for case, event, time in times],
    )
    rows = [(case, *map(repr, values.tolist())) for case, values in zip(ids, drawn.clinical, strict=True)]
    write_rows(folder / "clinical.csv", ",".join(("case_id", *VARIABLES)), rows)
    slides = [(case, f"{case}_1", f"{case}_1.tif", "", "") for case in ids]
    write_rows(folder / "slides.csv", "case_id,slide_id,path,mask_path,mpp", slides)
    columns = tuple(f"column{number:03d}" for number in range(drawn.imaging.shape[1]))
    for row, case in enumerate(ids):
        cache.commit(_entry(name, (case, "clinical"), VARIABLES, drawn.clinical[row]))
        cache.commit(_entry(name, (case, f"{case}_1"), columns, drawn.imaging[row]))
    return folder


def _entry(cohort: str, key: tuple[str, str], names: tuple[str, ...], values: np.ndarray) -> EntryDraft:
    case, item = key
    modality = "clinical" if item == "clinical" else "slides"
    settings: dict[str, Any] = {"encoder": "values"}
    if modality == "clinical":
        described = [{"name": name, "kind": "numeric", "scale": "linear", "levels": []} for name in names]
        settings |= {"prediction_day": 0, "variables": described}
    recipe = ResolvedRecipe(name="planted", modality=modality, settings=settings)
    variables = [
        {"name": name, "kind": "numeric", "unit": "1", "scale": "linear", "day": 0} for name in names
    ]
    return EntryDraft(
        key=EntryKey.of(cohort, recipe, case, item),
        kind="vector",
        sources=(Source(role="planted", sha256="0" * 64, bytes=1),),
        arrays={"values": values, "state": np.full(len(values), OBSERVED, dtype=np.uint8)},
        settings=settings,
        attrs={"variables": variables},
    )


def _card(name: str) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": name,
        "title": "A cohort with a planted situation",
        "citation": "none",
        "licence": "CC0",
        "sites": ["A"],
        "modalities": ["clinical", "slides"],
        "index_event": "operation",
        "prediction_day": 0,
        "variables": {variable: {"kind": "numeric", "unit": "1"} for variable in VARIABLES},
        "endpoints": {
            ENDPOINT: {
                "kind": "survival",
                "definition": "recurrence",
                "time_unit": "days",
                "horizon_days": HORIZON_DAYS,
                "thresholds": [0.2, 0.4],
            }
        },
    }
