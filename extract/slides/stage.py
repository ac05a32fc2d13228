"""Slides as a modality: one entry a slide, one row a tile.

Enters: rows of slides.csv. Leaves: bags of embeddings with positions, validity and quality, a thumbnail and
the tissue on it. What a file needed (reader, native mpp, level) is written into its entry.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from extract.encoders.weights import WeightsSource
from extract.item import HashFile, ResolvedBlock, Task, WorkItem
from extract.slides.quality import QUALITY_MEASURES
from extract.slides.settings import MODALITY, THUMBNAIL_PX, card_of, resolve_slides, tiling_of
from extract.slides.slide_pass import find_grid, find_scale, open_named, open_pass
from feature_cache.canonical import Json, canonical_json, sha256_of_json
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.errors import BraidError


class SlideStage:
    """See `extract.item.Stage`."""

    block = modality = MODALITY

    def resolve(
        self, name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
    ) -> ResolvedBlock:
        """Return the recipe with the encoder's card and all defaults (see `settings.py`)."""
        return resolve_slides(name, block, weights)

    def items(self, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> list[WorkItem]:
        """Return one item for every row of slides.csv."""
        items = []
        for row in cohort.slides:
            files = {"slide": row.path}
            if row.mask_path is not None:
                files["tissue_mask"] = row.mask_path
            if row.roi_path is not None:
                files["roi"] = row.roi_path
            items.append(
                WorkItem(
                    block=self.block,
                    key=EntryKey.of(cohort.name, resolved.recipe, row.case_id, row.slide_id),
                    recipe=resolved.recipe,
                    root=root,
                    files=files,
                    facts={"mpp": row.mpp},
                    weights=resolved.weights,
                )
            )
        return items

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        """Hash slide and mask; the manifest's mpp is a source too, because it changes the tiles."""
        found = [_file_source(item, role, hash_file) for role in item.files]
        mpp = item.facts["mpp"]
        if mpp is not None:
            size = len(canonical_json(mpp))
            found.append(Source(role="manifest_mpp", sha256=sha256_of_json(mpp), bytes=size))
        return tuple(found)

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        """Tile, read and encode the slide.

        Raises
        ------
        SourceError
            It cannot be read, has no known scale, a mask of another slide, no tissue, or no readable tile.
        """
        (draft,) = self.build_together((item,), (sources,))
        if isinstance(draft, BraidError):
            raise draft
        return draft

    def build_together(
        self, task: Task, sources: tuple[tuple[Source, ...], ...]
    ) -> tuple[EntryDraft | BraidError, ...]:
        """Open the slide and find its tissue once; read the tiles of a size once for all their encoders."""
        drafts: dict[int, EntryDraft | BraidError] = {}
        with open_pass(task[0]) as slide:
            for tiling in dict.fromkeys(tiling_of(item.recipe) for item in task):
                group = [number for number, item in enumerate(task) if tiling_of(item.recipe) == tiling]
                made = slide.encode(tuple(task[number] for number in group), tiling)
                for number, encoded in zip(group, made, strict=True):
                    drafts[number] = (
                        encoded
                        if isinstance(encoded, BraidError)
                        else slide.draft(task[number], sources[number], encoded)
                    )
        return tuple(drafts[number] for number in range(len(task)))

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return the slide's bytes, how many tiles its grid has (tissue or not), and what they would take."""
        path = item.path_of("slide")
        with open_named(item) as reader:
            grid, _ = find_grid(item, reader, find_scale(item, reader), tiling_of(item.recipe))
            columns, rows = grid.counts
        tiles = columns * rows
        card = card_of(item.recipe)
        per_tile = np.dtype(card.stored_dtype).itemsize * (card.dim or 0) + 8 + 2 + 2 * len(QUALITY_MEASURES)
        return {
            "bytes": path.stat().st_size,
            "tiles_at_most": tiles,
            "cache_bytes_at_most": tiles * per_tile + 4 * THUMBNAIL_PX**2,
        }


def _file_source(item: WorkItem, role: str, hash_file: HashFile) -> Source:
    path = item.path_of(role)
    return Source(role=role, sha256=hash_file(path), bytes=path.stat().st_size)
