"""A small cohort with a known answer, written as a manifest and as entries of a real cache."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from feature_cache.entry import BOUNDED_BELOW, MISSING, OBSERVED, EntryDraft, EntryKey, Source
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

N_CASES, TILES, DIM, NOTE_DIM = 60, 6, 4, 8
SLIDES = ResolvedRecipe(name="tiny", modality="slides", settings={"encoder": "made_up", "mpp": 0.5})
NOTES = ResolvedRecipe(
    name="tiny", modality="notes", settings={"encoder": "made_up_notes", "prediction_day": 0}
)
CLINICAL = ResolvedRecipe(
    name="tiny",
    modality="clinical",
    settings={
        "encoder": "values",
        "prediction_day": 0,
        "variables": [{"name": "psa", "kind": "numeric", "scale": "log", "levels": []}],
    },
)
VARIABLES = [
    {"name": "psa", "kind": "numeric", "unit": "ug/L", "scale": "log", "day": 0},
    {"name": "age", "kind": "numeric", "unit": "a", "scale": "linear", "day": 0},
]
CARD = {
    "schema_version": 1,
    "name": "tiny",
    "title": "A cohort that was made up",
    "citation": "none",
    "licence": "CC0",
    "sites": ["A", "B"],
    "modalities": ["clinical", "slides", "notes"],
    "index_event": "operation",
    "prediction_day": 0,
    "undated": {"notes": 0},
    "variables": {
        "psa": {"kind": "numeric", "unit": "ug/L", "scale": "log"},
        "age": {"kind": "numeric", "unit": "a"},
    },
    "endpoints": {
        "bcr": {
            "kind": "survival",
            "definition": "recurrence",
            "time_unit": "months",
            "horizon_days": 1000.0,
        }
    },
}
PROTOCOL = {
    "schema_version": 1,
    "name": "tiny",
    "repeats": 1,
    "folds": 3,
    "inner": 2,
    "arms": [{"model": "null", "modalities": "none"}, {"model": "ridge_cox", "modalities": "each"}],
    "fusion": [{"model": "early"}, {"model": "late"}],
}


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """Where the cohort lies: manifest, cache, protocol."""

    cohort: Path
    cache: Path
    protocol: Path

    @classmethod
    def below(cls, folder: Path) -> Tiny:
        """Return where it lies in a folder, written there or not yet."""
        return cls(cohort=folder / "tiny", cache=folder / "cache", protocol=folder / "protocol.yaml")


def write_rows(path: Path, columns: str, rows: list[tuple[object, ...]]) -> None:
    """Write one CSV."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        # the csv module of some versions leaves a lone CR unquoted
        odd = any("\r" in str(cell) for row in rows for cell in row)
        quoting = csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL
        writer = csv.writer(stream, lineterminator="\n", quoting=quoting)
        writer.writerow(columns.split(","))
        writer.writerows(rows)


def write_tiny(folder: Path, rename: Callable[[str], str] = str) -> Tiny:
    """Write 60 cases, a third with an event: slides for 54 of them, notes for 50, clinical values for all.

    Case 0003 has no outcome; case 0004 has nothing but clinical values. `rename` gives them other ids.
    """
    rng = np.random.default_rng(7)
    tiny = Tiny.below(folder)
    tiny.cohort.mkdir(parents=True)
    (tiny.cohort / "cohort.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    tiny.protocol.write_text(yaml.safe_dump(PROTOCOL), encoding="utf-8")
    ids = [rename(f"{number:04d}") for number in range(N_CASES)]
    latent = rng.normal(size=(N_CASES, 3))
    time = rng.exponential(40 * np.exp(-latent.sum(axis=1)))
    end = rng.uniform(5, 60, size=N_CASES)
    event = time < end
    event[:3] = True
    write_rows(tiny.cohort / "cases.csv", "case_id,site", [(case, "AB"[i % 2]) for i, case in enumerate(ids)])
    outcomes = [
        (case, "bcr", "1.0" if event[i] else "0.0", f"{min(time[i], end[i]) + 0.01:.3f}", "", "")
        for i, case in enumerate(ids)
        if i != 3
    ]
    write_rows(tiny.cohort / "outcomes.csv", "case_id,endpoint,event,time,cause,value", outcomes)
    cache = FeatureCache.create(tiny.cache)
    entries = []
    for i, case in enumerate(ids):
        entries.append(_clinical(case, latent[i, 0], rng, bounded=i == 5))
        if i % 10 and i != 4:
            entries.extend(_slide(case, slide, latent[i, 1], rng) for slide in range(1 + i % 2))
        if i % 6 and i != 4:
            entries.append(_note(case, latent[i, 2], rng))
    for entry in entries:
        cache.commit(entry)
    write_tables(tiny.cohort, entries)
    return tiny


def write_tables(folder: Path, entries: list[EntryDraft]) -> None:
    """Write the tables that list what was committed; the files that they name are not there."""
    for name, columns, cells in (
        ("slides", "case_id,slide_id,path,mask_path,mpp", ("", "")),
        ("notes", "case_id,note_id,path,column,day", ("", "")),
    ):
        keys = [entry.key for entry in entries if entry.key.modality == name]
        rows = [(key.case_id, key.item_id, f"{key.item_id}.raw", *cells) for key in keys]
        write_rows(folder / f"{name}.csv", columns, rows)
    cases = [entry.key.case_id for entry in entries if entry.key.modality == "clinical"]
    write_rows(folder / "clinical.csv", "case_id,psa,age", [(case, "1", "60") for case in cases])


def draft(recipe: ResolvedRecipe, case: str, item: str, kind: str, **parts: object) -> EntryDraft:
    """Return an entry to commit."""
    key = EntryKey.of("tiny", recipe, case, item)
    source = Source(role="made_up", sha256="0" * 64, bytes=1)
    return EntryDraft(key=key, kind=kind, sources=(source,), settings=recipe.settings, **parts)


def flip_one_bit(cache: Path, modality: str, case: str) -> None:
    """Flip the last bit of the largest file of a case's first entry (or of its inline arrays)."""
    (folder,) = (cache / "tiny" / modality).glob(f"*/{case}")
    path = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    data = bytearray(path.read_bytes())
    place = (
        data.index(b'"data":"') + 12 if path.name == "entry.json" and b'"data":"' in data else len(data) // 2
    )
    data[place] ^= 1
    path.write_bytes(bytes(data))


def _clinical(case: str, latent: float, rng: np.random.Generator, *, bounded: bool) -> EntryDraft:
    values = np.array([np.exp(latent + 0.3 * rng.normal() + 2), 65 + 5 * rng.normal()])
    state = np.array([OBSERVED, OBSERVED], dtype=np.uint8)
    if bounded:
        values, state = np.array([100.0, np.nan]), np.array([BOUNDED_BELOW, MISSING], dtype=np.uint8)
    return draft(
        CLINICAL,
        case,
        "clinical",
        "vector",
        arrays={"values": values, "state": state},
        attrs={"variables": VARIABLES},
    )


def _slide(case: str, slide: int, latent: float, rng: np.random.Generator) -> EntryDraft:
    embeddings = rng.normal(size=(TILES, DIM)).astype(np.float32)
    embeddings[:, 0] += latent
    valid = np.ones(TILES, dtype=np.bool_)
    valid[0] = False
    embeddings[0] = 1e6
    corner = np.arange(TILES, dtype=np.int32) * 100
    return draft(
        SLIDES,
        case,
        f"{case}_{slide}",
        "bag",
        arrays={
            "embeddings": embeddings,
            "valid": valid,
            "xy_px0": np.stack([corner, corner], axis=1),
            "thumbnail": np.full((60, 60, 3), 200, dtype=np.uint8),
        },
        attrs={"tile_px0": 100.0, "thumbnail_downsample": 10.0, "feature_names": list("abcd")},
    )


def _note(case: str, latent: float, rng: np.random.Generator) -> EntryDraft:
    embeddings = rng.normal(size=(2, NOTE_DIM)).astype(np.float32) * 0.1
    embeddings[:, 0] += latent
    spans = np.array([[0, 10], [5, 20]], dtype=np.int32)
    arrays = {"embeddings": embeddings, "char_span": spans}
    return draft(NOTES, case, f"{case}_note", "note", arrays=arrays, attrs={"day": 0})
