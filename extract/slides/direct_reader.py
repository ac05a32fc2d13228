"""Slides in tiled JPEG (generic TIFF, Aperio SVS, OME-TIFF) at the cost of their JPEG.

Enters: a path that `formats.py` gave to this reader. Leaves: RGB, the same pixels as openslide at whole
pixels of a level; between them openslide interpolates, and this reader starts at the nearest. The index is
parsed once, each tile is one positional read and one strict decode.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from extract.slides.batch_memory import make_pixels
from extract.slides.decode_once import read_averaged
from extract.slides.field_plan import Boxes, choose_shrink, plan_fields
from extract.slides.fields import FieldBatch, Resampler
from extract.slides.grid import scale_of
from extract.slides.jpeg_stream import TileError, UnscannedError
from extract.slides.reader import RgbImage
from extract.slides.region import ClosingReader, RegionError, check_region
from extract.slides.scale import parse_mpp
from extract.slides.scatter import read_scattered
from extract.slides.tiff_levels import find_levels
from extract.slides.tiff_pages import opened_tiff
from extract.slides.tile_index import TileDecoder
from feature_cache.errors import SourceError

_WHITE = 255


class DirectReader(ClosingReader):
    """A slide whose JPEG tiles are decoded here (`SlideReader`)."""

    name = "direct"
    resamplers: tuple[Resampler, ...] = ("area", "jpeg")

    def __init__(self, path: Path, warnings: tuple[str, ...] = ()) -> None:
        with opened_tiff(path, path.name) as file:
            found = find_levels(file, path.name)
        if found is None:
            raise SourceError(
                path.name,
                expected=f"a slide that {self.name} opens: tiled JPEG in every level",
                got="another layout",
                remedy="Let its format choose its reader.",
            )
        self._path = path
        self._slide = path.open("rb", buffering=0)
        self._decoders = [TileDecoder(index, self._slide) for index in found.levels]
        width, height = found.levels[0].size_px
        self.version = _decoder_version()
        self.size_px0 = (width, height)
        self.level_sizes_px = tuple(index.size_px for index in found.levels)
        self.level_downsamples = tuple(
            (width / index.size_px[0] + height / index.size_px[1]) / 2 for index in found.levels
        )
        self.mpp, doubts = parse_mpp(*found.mpp)
        self.mpp_source = found.mpp_source
        self._icc_profile = found.icc_profile
        self.has_gaps = any(index.unscanned for index in found.levels)
        self.warnings = (*warnings, *doubts, *_doubts(self._decoders))

    @property
    def icc_profile(self) -> bytes | None:
        """The profile in the tag of level 0."""
        return self._icc_profile

    def read_region(self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]) -> RgbImage:
        """Read a region of a level (see `SlideReader`); tiles that were never scanned are white in it."""
        check_region(self, xy_px0, level, size_px)
        pixels = np.empty((size_px[1], size_px[0], 3), dtype=np.uint8)
        decoder = self._decoders[level]
        tile = make_pixels((decoder.index.tile_px[1], decoder.index.tile_px[0], 3))
        for number, here, there in self._tiles(xy_px0, level, size_px):
            try:
                decoder.decode(number, tile, 1)
            except UnscannedError:
                pixels[here] = _WHITE
                continue
            except TileError as error:
                raise RegionError(
                    self._path.name,
                    expected=f"pixels at {xy_px0} of level {level}",
                    got=f"{self.name}: {error}",
                    remedy="Copy the file again and compare its checksum.",
                ) from error
            pixels[here] = tile[there]
        return pixels

    def read_scanned(
        self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]
    ) -> Bool[np.ndarray[Any, Any], "height width"]:
        """Read where a region was scanned: where the file has data."""
        check_region(self, xy_px0, level, size_px)
        scanned = np.zeros((size_px[1], size_px[0]), dtype=bool)
        counts = self._decoders[level].index.counts
        for number, here, _ in self._tiles(xy_px0, level, size_px):
            scanned[here] = counts[number] > 0
        return scanned

    def read_fields(
        self, boxes_px0: Boxes, level: int, size_px: tuple[int, int], resampler: Resampler, batch: int
    ) -> Iterator[FieldBatch]:
        """Read many fields (see `SlideReader`), each TIFF tile once; what was never scanned fails."""
        decoder, scale = self._decoders[level], scale_of(self, level)
        shrink = choose_shrink(boxes_px0, scale, size_px) if resampler == "jpeg" else 1
        plan = plan_fields(boxes_px0, scale, decoder.index.tile_px, shrink)
        whole = plan.whole(size_px)
        if whole.size and whole.all():
            yield from read_scattered(decoder, plan, size_px, batch)
            return
        for read, rows in ((read_scattered, np.flatnonzero(whole)), (read_averaged, np.flatnonzero(~whole))):
            if len(rows):
                for found in read(decoder, plan.only(rows), size_px, batch):
                    yield replace(
                        found,
                        rows=rows[found.rows],
                        failed=tuple((int(rows[row]), reason) for row, reason in found.failed),
                    )
                    del found

    def _tiles(
        self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]
    ) -> Iterator[tuple[int, tuple[slice, slice], tuple[slice, slice]]]:
        """Give the number of each tile of a region, its place in the region, and the region's place in it."""
        index = self._decoders[level].index
        left, top = (
            min(int(start / self.level_downsamples[level] + 0.5), whole - size)
            for start, size, whole in zip(xy_px0, size_px, index.size_px, strict=True)
        )
        (width, height), (tile_width, tile_height) = size_px, index.tile_px
        for row in range(top // tile_height, (top + height - 1) // tile_height + 1):
            down = row * tile_height - top
            y0, y1 = max(0, down), min(height, down + tile_height)
            for column in range(left // tile_width, (left + width - 1) // tile_width + 1):
                across = column * tile_width - left
                x0, x1 = max(0, across), min(width, across + tile_width)
                here = (slice(y0, y1), slice(x0, x1))
                there = (slice(y0 - down, y1 - down), slice(x0 - across, x1 - across))
                yield row * index.columns + column, here, there


@cache
def _decoder_version() -> str:
    return f"simplejpeg {version('simplejpeg')}"


def _doubts(decoders: list[TileDecoder]) -> tuple[str, ...]:
    """Say what is odd about the tiles of any level."""
    said = []
    for level, decoder in enumerate(decoders):
        contradiction = decoder.contradiction()
        if contradiction is not None:
            said.append(f"level {level} is {contradiction}")
        if decoder.index.unscanned:
            counted = f"{decoder.index.unscanned} of {len(decoder.index.counts)} TIFF tiles"
            said.append(f"{counted} of level {level} were never scanned")
    return tuple(said)
