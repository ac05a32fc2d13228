"""One pass over one slide: what all recipes of the pass share is found once.

Enters: the items of one slide. Leaves: their entries. Opened once, hashed once, its tissue found once and its
thumbnail read once; tiles of one size are read once for all encoders that take them. What a recipe asks in
vain of the slide, or an encoder cannot do, concerns the items of that recipe alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from extract.encoders.registry import load_encoder
from extract.item import Task, WorkItem
from extract.slides.agreement import agreement, doubts
from extract.slides.bag import Bag
from extract.slides.bounds import Gaps
from extract.slides.colour import FieldColours
from extract.slides.fields import resampler_used
from extract.slides.grid import Grid, choose_level, scale_of, usable_downsamples
from extract.slides.overview import Overview
from extract.slides.quality import QUALITY_MEASURES
from extract.slides.reader import SlideReader, open_slide
from extract.slides.roi import read_roi, restrict
from extract.slides.scale import Scale, decide_scale
from extract.slides.settings import THUMBNAIL_PX, Tiling, card_of
from extract.slides.tiling import (
    ChosenTiles,
    Tiles,
    choose_tiles,
    find_gaps,
    read_thumbnail,
    read_tiles,
    tissue_from_image,
    tissue_on_grid,
)
from extract.slides.tissue_mask import TissueMask, read_mask
from feature_cache.canonical import Json
from feature_cache.entry import EntryDraft, Source
from feature_cache.errors import BraidError, SourceError


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What one encoder made of the tiles of a slide; tiles and choice are shared by those of one tiling."""

    chosen: ChosenTiles
    colours: FieldColours
    tiles: Tiles
    bag: Bag
    embeddings: Float[np.ndarray[Any, Any], "tile dim"]


@dataclass(frozen=True, kw_only=True)
class SlidePass:
    """An open slide and what was found on it before any tile is read."""

    reader: SlideReader
    scale: Scale
    tissue: TissueMask
    tissue_source: str
    gaps: Gaps | None
    mask_kappa: float | None
    thumbnail: Overview

    def encode(self, task: Task, tiling: Tiling) -> list[Encoded | BraidError]:
        """Read the tiles of one tiling and let the encoder of every item encode them."""
        try:
            chosen = self._choose(task[0], tiling)
            bags = [_bag(item, tiling) for item in task]
            colours = FieldColours(self.reader, tiling.colour, task[0].name_of("slide"))
            tiles = read_tiles(colours, chosen, [bag for bag in bags if isinstance(bag, Bag)])
            _refuse_unreadable(task[0], tiles)
        except SourceError as error:
            return [error] * len(task)
        return [_finish(chosen, colours, tiles, bag) for bag in bags]

    def draft(self, item: WorkItem, sources: tuple[Source, ...], encoded: Encoded) -> EntryDraft:
        """Return the entry of one item."""
        chosen, tiles, grid = encoded.chosen, encoded.tiles, encoded.chosen.grid
        reader, rgb = self.reader, self.thumbnail.rgb
        size = (rgb.shape[1], rgb.shape[0])
        return EntryDraft(
            key=item.key,
            kind="bag",
            sources=sources,
            settings=item.recipe.settings,
            arrays={
                "embeddings": encoded.embeddings,
                "xy_px0": chosen.xy_px0.astype("<i4"),
                "valid": tiles.valid,
                "quality": tiles.quality,
                "reason": tiles.reason,
                "thumbnail": rgb,
                "tissue": tissue_on_grid(self.tissue, reader.size_px0, size),
            },
            attrs={
                "mpp": list(self.scale.mpp),
                "mpp_source": self.scale.source,
                "tile_px": grid.tile_px,
                "tile_px0": list(grid.tile_px0),
                "step_px0": list(grid.step_px0),
                "level_read": chosen.level,
                "level_downsample": reader.level_downsamples[chosen.level],
                "level_doubt_px": scale_of(reader, chosen.level).doubt_px,
                "resampler": chosen.resampler,
                "quality_measures": list(QUALITY_MEASURES),
                "reasons": list(tiles.reasons),
                "feature_names": list(encoded.bag.encoder.feature_names),
                "slide_size_px0": list(reader.size_px0),
                "thumbnail_downsample": [reader.size_px0[0] / size[0], reader.size_px0[1] / size[1]],
            },
            used={
                "reader": reader.name,
                "reader_version": reader.version,
                "tissue_source": self.tissue_source,
                **encoded.colours.used,
                "encoder": card_of(item.recipe).name,
                **item.weights_used,
                **encoded.bag.encoder.used,
            },
            quality=_summary(tiles, self.mask_kappa),
            warnings=(
                *reader.warnings,
                *self.scale.warnings,
                *self.tissue.warnings,
                *encoded.colours.warnings,
                *_unread(tiles),
            ),
        )

    def _choose(self, item: WorkItem, tiling: Tiling) -> ChosenTiles:
        grid, level = find_grid(item, self.reader, self.scale, tiling)
        resampler = resampler_used(self.reader, tiling.resampler)
        chosen = choose_tiles(grid, level, resampler, self.tissue, tiling.min_tissue, self.gaps)
        if not len(chosen.xy_px0):
            raise SourceError(
                item.name_of("slide"),
                expected="readable tissue",
                got="no tile with enough tissue",
                remedy="Look at the slide and its mask; a blank slide is left out.",
            )
        return chosen


@contextmanager
def open_pass(item: WorkItem) -> Iterator[SlidePass]:
    """Open the slide of an item, find its scale, its tissue and its thumbnail.

    Raises
    ------
    SourceError
        It cannot be read, has no known scale, or a mask or regions of another slide.
    """
    with open_named(item) as reader:
        scale = find_scale(item, reader)
        tissue, kappa = tissue_from_image(reader, scale.mpp), None
        if "tissue_mask" in item.files:
            where = item.name_of("tissue_mask")
            mask = read_mask(item.path_of("tissue_mask"), where, reader.size_px0, scale.mpp)
            kappa = agreement(mask, tissue)
            tissue = replace(mask, warnings=(*mask.warnings, *doubts(kappa)))
        if "roi" in item.files:
            roi = read_roi(item.path_of("roi"), item.name_of("roi"), reader.size_px0, reader.bounds_px0)
            tissue = restrict(tissue, roi)
        yield SlidePass(
            reader=reader,
            scale=scale,
            tissue=tissue,
            tissue_source="mask" if "tissue_mask" in item.files else "image",
            gaps=find_gaps(reader, scale.mpp),
            mask_kappa=kappa,
            thumbnail=read_thumbnail(reader, THUMBNAIL_PX),
        )


def open_named(item: WorkItem) -> SlideReader:
    """Open the slide of an item; a refusal names the item."""
    try:
        return open_slide(item.path_of("slide"))
    except SourceError as error:
        raise SourceError(
            item.name_of("slide"), expected=error.expected, got=error.got, remedy=error.remedy
        ) from error


def find_scale(item: WorkItem, reader: SlideReader) -> Scale:
    """Return um per pixel by file and manifest; `SourceError` where neither tells."""
    mpp = item.facts["mpp"]
    given = float(mpp) if isinstance(mpp, float) else None
    return decide_scale(item.name_of("slide"), reader.mpp, reader.mpp_source, given, reader.warnings)


def find_grid(item: WorkItem, reader: SlideReader, scale: Scale, tiling: Tiling) -> tuple[Grid, int]:
    """Return the grid of a tiling and the level to read it from; `SourceError` where none is fine enough."""
    grid = Grid(
        slide_size_px0=reader.size_px0,
        mpp=scale.mpp,
        target_mpp=tiling.mpp,
        tile_px=tiling.tile_px,
        overlap_px=tiling.overlap_px,
        bounds_px0=reader.bounds_px0,
    )
    if 0 in grid.counts:
        side = " x ".join(f"{px0:.0f}" for px0 in grid.tile_px0)
        raise SourceError(
            item.name_of("slide"),
            expected=f"a slide as large as one tile, {side} level-0 pixels",
            got=f"{reader.size_px0[0]} x {reader.size_px0[1]}",
            remedy="Is it a thumbnail or a label? Take the slide itself, or leave it out.",
        )
    return grid, choose_level(item.name_of("slide"), usable_downsamples(reader), grid.wanted_downsample)


def _bag(item: WorkItem, tiling: Tiling) -> Bag | BraidError:
    card = card_of(item.recipe)
    try:
        return Bag(card, load_encoder(card, item.weights), tiling.mpp)
    except BraidError as error:
        return error


def _finish(
    chosen: ChosenTiles, colours: FieldColours, tiles: Tiles, bag: Bag | BraidError
) -> Encoded | BraidError:
    if isinstance(bag, BraidError):
        return bag
    try:
        return Encoded(chosen=chosen, colours=colours, tiles=tiles, bag=bag, embeddings=bag.finish())
    except BraidError as error:
        return error


def _refuse_unreadable(item: WorkItem, tiles: Tiles) -> None:
    if not tiles.valid.any():
        raise SourceError(
            item.name_of("slide"),
            expected="readable tissue",
            got=f"{len(tiles.valid)} tiles that cannot be decoded",
            remedy="Copy the file again.",
        )


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
