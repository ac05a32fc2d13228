"""What it costs to get at the tiles of bags: packed once, then mapped, against numpy's memory map alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from feature_cache.tables import CaseRow, SlideRow
from fuse.cases import Bags
from fuse.features.cases_file import load_cases, save_cases
from fuse.features.feature_sets import choose_feature_sets
from fuse.features.table import read_cases
from fuse.models.bag_steps import draw_tiles
from tests.measurement import Measured
from tests.speed.tables import CARD
from tests.speed.timing import best

BAGS, TILES, DIM, DRAWN, BAR = 24, 6000, 1024, 512, 0.8
RECIPE = ResolvedRecipe(name="speed", modality="slides", settings={"encoder": "made_up"})


def bag_rows(work: Path) -> list[Measured]:
    """Pack the bags of a cache and read them, whole and by samples, from the page cache all."""
    with tempfile.TemporaryDirectory(dir=work) as name:
        folder = Path(name)
        cohort, cache = _write_bags(folder)
        chosen, problems = choose_feature_sets(cache, cohort, "auto")
        assert problems == []
        packed = best(lambda: read_cases(cache, chosen, cohort.case_ids, folder), 1)
        save_cases(read_cases(cache, chosen, cohort.case_ids, folder), folder)
        bags = load_cases(folder).modalities["slides"].bags
        assert bags is not None
        np.save(folder / "plain.npy", np.asarray(bags.tiles))
        plain = np.load(folder / "plain.npy", mmap_mode="r")
        mapped = best(lambda: [np.array(plain[row * TILES : (row + 1) * TILES]) for row in range(BAGS)])
        ours = best(lambda: [np.array(bags.of(row)) for row in range(BAGS)])
        sampled = best(lambda: _samples(bags, np.random.default_rng(0)))
    megabytes = BAGS * TILES * DIM * 2 / 1e6
    size = f"{BAGS} bags x {TILES:,} x {DIM:,} f16, {megabytes:,.0f} MB"
    share = BAGS * DRAWN * DIM * 2 / 1e6
    return [
        Measured(
            name="fuse/bag_reading_of_memory_map",
            value=mapped / ours,
            unit="of its speed",
            bar=f">= {BAR}",
            met=mapped / ours >= BAR,
            input=f"{size}; whole bags, {megabytes / ours / 1e3:.3g} GB/s",
        ),
        _row("fuse/bag_packing", megabytes / packed, "MB/s", f"{size}; verified, ordered, averaged"),
        _row("fuse/bag_sampling", share / sampled, "MB/s", f"{size}; {DRAWN} tiles of each bag"),
    ]


def _row(name: str, value: float, unit: str, source: str) -> Measured:
    return Measured(name=name, value=value, unit=unit, bar=None, met=None, input=source)


def _samples(bags: Bags, generator: np.random.Generator) -> None:
    for row in range(BAGS):
        draw_tiles(bags, np.array([row]), DRAWN, generator)


def _write_bags(folder: Path) -> tuple[Cohort, FeatureCache]:
    """Commit a slide a case."""
    cache = FeatureCache.create(folder / "cache")
    generator = np.random.default_rng(0)
    ids = [f"case-{number:03d}" for number in range(BAGS)]
    for case in ids:
        cache.commit(
            EntryDraft(
                key=EntryKey.of("speed", RECIPE, case, "slide"),
                kind="bag",
                sources=(Source(role="slide", sha256="0" * 64, bytes=1),),
                settings=RECIPE.settings,
                arrays={
                    "embeddings": generator.standard_normal((TILES, DIM), dtype=np.float32).astype("<f2"),
                    "xy_px0": np.zeros((TILES, 2), dtype="<i4"),
                    "valid": np.ones(TILES, dtype=bool),
                },
            )
        )
    card = CohortCard.model_validate({**CARD, "modalities": ["slides"]})
    cases = tuple(CaseRow(case_id=case) for case in ids)
    slides = tuple(SlideRow(case_id=case, slide_id="slide", path="slide.svs") for case in ids)
    return Cohort(folder=folder, card=card, cases=cases, slides=slides, clinical={}), cache
