"""Slides as a modality: one entry a slide, one row a tile.

Enters: rows of slides.csv. Leaves: bags of embeddings with positions, validity and quality, a thumbnail and
the tissue on it. What a file needed (reader, native mpp, level) is written into its entry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from extract.encoders.card import TileEncoder
from extract.encoders.registry import load_encoder
from extract.encoders.weights import WeightsSource
from extract.item import HashFile, ResolvedBlock, WorkItem
from extract.slides.agreement import agreement, doubts
from extract.slides.grid import Grid, choose_level
from extract.slides.quality import QUALITY_MEASURES
from extract.slides.reader import SlideReader, open_slide
from extract.slides.scale import Scale, decide_scale
from extract.slides.settings import (
    MODALITY,
    RESAMPLER,
    THUMBNAIL_PX,
    card_of,
    resolve_slides,
    tiling_of,
)
from extract.slides.tiling import Tiles, read_thumbnail, read_tiles, tissue_from_image, tissue_on_grid
from extract.slides.tissue_mask import TissueMask, read_mask
from feature_cache.canonical import Json, canonical_json, sha256_of_json
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.errors import SourceError


@dataclass(frozen=True, kw_only=True)
class _Decided:
    """All that was decided about an open slide before its tiles are read."""

    scale: Scale
    grid: Grid
    level: int
    tissue: TissueMask
    tissue_source: str
    mask_kappa: float | None = None


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
        card = card_of(item.recipe)
        encoder: TileEncoder = load_encoder(card, item.weights)
        with _open(item) as reader:
            slide = _decide(item, reader)
            min_tissue = tiling_of(item.recipe).min_tissue
            tiles = read_tiles(reader, slide.grid, slide.level, slide.tissue, min_tissue, encoder)
            _refuse_empty(item, tiles)
            overview = read_thumbnail(reader, THUMBNAIL_PX)
            height, width = overview.rgb.shape[:2]
            return EntryDraft(
                key=item.key,
                kind="bag",
                sources=sources,
                settings=item.recipe.settings,
                arrays={
                    "embeddings": tiles.embeddings.astype(card.stored_dtype),
                    "xy_px0": tiles.xy_px0.astype("<i4"),
                    "valid": tiles.valid,
                    "quality": tiles.quality,
                    "thumbnail": overview.rgb,
                    "tissue": tissue_on_grid(slide.tissue, reader.size_px0, (width, height)),
                },
                attrs={
                    "mpp": list(slide.scale.mpp),
                    "mpp_source": slide.scale.source,
                    "tile_px": slide.grid.tile_px,
                    "tile_px0": list(slide.grid.tile_px0),
                    "level_read": slide.level,
                    "level_downsample": reader.level_downsamples[slide.level],
                    "resampler": RESAMPLER,
                    "quality_measures": list(QUALITY_MEASURES),
                    "feature_names": list(encoder.feature_names),
                    "slide_size_px0": list(reader.size_px0),
                    "thumbnail_downsample": [reader.size_px0[0] / width, reader.size_px0[1] / height],
                },
                used={
                    "reader": reader.name,
                    "reader_version": reader.version,
                    "tissue_source": slide.tissue_source,
                    "encoder": card.name,
                    **item.weights_used,
                    **encoder.used,
                },
                quality=_summary(tiles, slide.mask_kappa),
                warnings=(*reader.warnings, *slide.scale.warnings, *slide.tissue.warnings, *_unread(tiles)),
            )

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return the slide's bytes, how many tiles its grid has (tissue or not), and what they would take."""
        path = item.path_of("slide")
        with _open(item) as reader:
            grid = _grid(item, reader, _scale(item, reader))
            _level(item, reader, grid)
            columns, rows = grid.counts
        tiles = columns * rows
        card = card_of(item.recipe)
        per_tile = np.dtype(card.stored_dtype).itemsize * (card.dim or 0) + 8 + 1 + 2 * len(QUALITY_MEASURES)
        return {
            "bytes": path.stat().st_size,
            "tiles_at_most": tiles,
            "cache_bytes_at_most": tiles * per_tile + 4 * THUMBNAIL_PX**2,
        }


def _open(item: WorkItem) -> SlideReader:
    try:
        return open_slide(item.path_of("slide"))
    except SourceError as error:
        raise SourceError(
            item.name_of("slide"), expected=error.expected, got=error.got, remedy=error.remedy
        ) from error


def _decide(item: WorkItem, reader: SlideReader) -> _Decided:
    scale = _scale(item, reader)
    grid = _grid(item, reader, scale)
    level = _level(item, reader, grid)
    image = tissue_from_image(reader, scale.mpp)
    if "tissue_mask" not in item.files:
        return _Decided(scale=scale, grid=grid, level=level, tissue=image, tissue_source="image")
    where = item.name_of("tissue_mask")
    mask = read_mask(item.path_of("tissue_mask"), where, reader.size_px0, scale.mpp)
    kappa = agreement(mask, image)
    return _Decided(
        scale=scale,
        grid=grid,
        level=level,
        tissue=replace(mask, warnings=(*mask.warnings, *doubts(kappa))),
        tissue_source="mask",
        mask_kappa=kappa,
    )


def _scale(item: WorkItem, reader: SlideReader) -> Scale:
    mpp = item.facts["mpp"]
    where = item.name_of("slide")
    given = float(mpp) if isinstance(mpp, float) else None
    return decide_scale(where, reader.mpp, reader.mpp_source, given, reader.warnings)


def _grid(item: WorkItem, reader: SlideReader, scale: Scale) -> Grid:
    cut = tiling_of(item.recipe)
    return Grid(slide_size_px0=reader.size_px0, mpp=scale.mpp, target_mpp=cut.mpp, tile_px=cut.tile_px)


def _level(item: WorkItem, reader: SlideReader, grid: Grid) -> int:
    where = item.name_of("slide")
    return choose_level(where, reader.level_downsamples, grid.wanted_downsample)


def _file_source(item: WorkItem, role: str, hash_file: HashFile) -> Source:
    path = item.path_of(role)
    return Source(role=role, sha256=hash_file(path), bytes=path.stat().st_size)


def _refuse_empty(item: WorkItem, tiles: Tiles) -> None:
    if len(tiles.valid) == 0:
        got, remedy = (
            "no tile with enough tissue",
            "Look at the slide and its mask; a blank slide is left out.",
        )
    elif not tiles.valid.any():
        got, remedy = f"{len(tiles.valid)} tiles that cannot be decoded", "Copy the file again."
    else:
        return
    raise SourceError(item.name_of("slide"), expected="readable tissue", got=got, remedy=remedy)


def _unread(tiles: Tiles) -> tuple[str, ...]:
    unread = int((~tiles.valid).sum())
    return (f"{unread} of {len(tiles.valid)} tiles could not be decoded",) if unread else ()


def _summary(tiles: Tiles, mask_kappa: float | None) -> dict[str, Json]:
    means = np.nanmean(tiles.quality[tiles.valid].astype(np.float64), axis=0)
    return {
        "tiles": len(tiles.valid),
        "tiles_valid": int(tiles.valid.sum()),
        "mask_kappa": None if mask_kappa is None else round(mask_kappa, 4),
        **{f"{name}_mean": round(float(mean), 4) for name, mean in zip(QUALITY_MEASURES, means, strict=True)},
    }
