"""Tiled JPEG slides in the layouts that scanners and converters write, and ways to damage them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tests.extract.slides.pyramids import shrink


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the JPEG tiles of a TIFF are written; `tables` in the tag JPEGTables instead of every tile."""

    subsampling: tuple[int, int] | None = (2, 2)
    rgb: bool = False
    tables: bool = False
    tile_px: tuple[int, int] = (128, 128)


LAYOUTS = {
    "ycbcr-420": Layout(),
    "ycbcr-422": Layout(subsampling=(2, 1)),
    "ycbcr-444": Layout(subsampling=(1, 1)),
    "rgb": Layout(rgb=True, subsampling=None),
    "tables-420": Layout(tables=True),
    "rgb-tables": Layout(rgb=True, subsampling=None, tables=True),
    "oblong-tiles": Layout(tile_px=(176, 240)),
}


def write_jpeg_slide(
    path: Path, image: np.ndarray, layout: Layout, steps: Sequence[int] = (1,), **options: object
) -> Path:
    """Write one page a level."""
    width, height = layout.tile_px
    arguments: dict[str, object] = {"level": 85, **({"outcolorspace": "rgb"} if layout.rgb else {})}
    with tifffile.TiffWriter(path) as writer:
        for step in steps:
            writer.write(
                shrink(image, step),
                tile=(height, width),
                photometric="rgb",
                subsampling=layout.subsampling,
                compression="jpeg",
                compressionargs=arguments,
                subfiletype=int(step > 1),
                metadata=None,
                **{"resolution": (20_000, 20_000), "resolutionunit": "centimeter", **options},
                **({"extratags": [(347, 7, 4096, b"\0" * 4096, True)]} if layout.tables else {}),
            )
    if layout.tables:
        _share_tables(path)
    return path


def _share_tables(path: Path) -> None:
    """Move the tables of every tile into the tag JPEGTables, and drop all other markers, as libtiff does."""

    def share(page: Any, contents: list[bytes]) -> list[bytes]:
        split = [_split(content) for content in contents]
        assert len({tables for tables, _ in split}) == 1
        page.tags[347].overwrite(b"\xff\xd8" + split[0][0] + b"\xff\xd9")
        return [b"\xff\xd8" + rest for _, rest in split]

    change_tiles(path, share)


def _split(stream: bytes) -> tuple[bytes, bytes]:
    """Return the tables of a JPEG, and its frame and scan."""
    tables, frame, place = b"", b"", 2
    while True:
        marker = stream[place + 1]
        if marker == 0xDA:
            return tables, frame + stream[place:]
        end = place + 2 + int.from_bytes(stream[place + 2 : place + 4], "big")
        if marker in (0xDB, 0xC4):
            tables += stream[place:end]
        elif marker < 0xE0:
            frame += stream[place:end]
        place = end


def change_tiles(path: Path, change: Callable[[Any, list[bytes]], list[bytes]], level: int = -1) -> None:
    """Replace the data of all tiles of a level (-1: of every level) by what a function makes of them."""
    with tifffile.TiffFile(path, mode="r+b") as file:
        for page in file.pages if level < 0 else [file.pages[level]]:
            contents = []
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
                file.filehandle.seek(offset)
                contents.append(file.filehandle.read(count))
            changed = change(page, contents)
            for offset, old, new in zip(page.dataoffsets, contents, changed, strict=True):
                assert len(new) <= len(old)
                file.filehandle.seek(offset)
                file.filehandle.write(new)
            page.tags["TileByteCounts"].overwrite([len(new) for new in changed])


def change_tile(path: Path, number: int, change: Callable[[bytes], bytes], level: int = 0) -> None:
    """Replace the data of one tile."""

    def at_number(_: Any, contents: list[bytes]) -> list[bytes]:
        return [change(content) if place == number else content for place, content in enumerate(contents)]

    change_tiles(path, at_number, level)
