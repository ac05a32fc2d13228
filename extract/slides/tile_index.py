"""Where the JPEG tiles of one level of a TIFF are, and what they need to be decoded.

Enters: a page as tifffile parsed it. Leaves: a `TileIndex`, with which a tile is read by its number with
one positional read (so threads need no lock), or None for a page that other readers must take.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from typing import Any

import numpy as np
from jaxtyping import UInt8

from extract.slides.jpeg_stream import (
    TileError,
    UnscannedError,
    decode_tile,
    is_ycbcr_by_itself,
    join_stream,
    jpeg_header,
    stream_start,
)

_JPEG, _RGB, _YCBCR, _CONTIGUOUS = 7, 2, 6, 1
_LEAST_BYTES = 1 << 16
#: No colour at a lower resolution than another, in a JPEG's words: RGB is stored like this.
_ALL_SAMPLES = "444"
_NO_DATA = "never scanned: the file has no data there"


@dataclass(frozen=True, kw_only=True)
class TileIndex:
    """The tiles of one level, row by row; sizes are (width, height) in pixels of the level."""

    size_px: tuple[int, int]
    tile_px: tuple[int, int]
    columns: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    tables: bytes | None
    tag_is_ycbcr: bool

    @cached_property
    def most_bytes(self) -> int:
        """A JPEG has rarely more bytes than its pixels; more than twice as many are a lie."""
        return max(_LEAST_BYTES, 2 * 3 * self.tile_px[0] * self.tile_px[1])

    @property
    def unscanned(self) -> int:
        """Tiles of which the file has no data."""
        return self.counts.count(0)

    def read(self, file: FileIO, number: int) -> bytes:
        """Return the data of a tile as they are.

        Raises
        ------
        TileError
            There are none, they are cut short, or more than a tile can have.
        """
        count = self.counts[number]
        if not 0 < count <= self.most_bytes:
            raise TileError("JPEG data larger than its pixels") if count else UnscannedError(_NO_DATA)
        try:
            data = os.pread(file.fileno(), count, self.offsets[number])
        except (OSError, OverflowError) as error:  # a place that no file has, or a disk that fails
            raise TileError(f"unreadable bytes ({type(error).__name__})") from error
        if len(data) != count:
            raise TileError("truncated JPEG data: the file ends before")
        return data


class TileDecoder:
    """Decodes tiles of one level of an open file."""

    def __init__(self, index: TileIndex, file: FileIO) -> None:
        self.index = index
        self._file = file
        self._start = stream_start(index.tables, index.tag_is_ycbcr)

    def decode(self, number: int, pixels: UInt8[np.ndarray[Any, Any], "height width 3"], shrink: int) -> None:
        """Decode a tile into `pixels`, `shrink` times smaller (see `decode_tile`).

        Raises
        ------
        TileError
            It has no pixels.
        """
        decode_tile(self._start, self.index.read(self._file, number), pixels, shrink)

    def contradiction(self) -> str | None:
        """Say where the first tile's own markers tell other colours than the page's tag."""
        index = self.index
        number = next((number for number, count in enumerate(index.counts) if count), None)
        if number is None:
            return None
        try:
            data = index.read(self._file, number)
            told = is_ycbcr_by_itself(data)
            subsampling = jpeg_header(join_stream(self._start, data))[3]
        except (TileError, ValueError):
            return None  # whoever reads that tile hears of it
        if told is None and not index.tag_is_ycbcr and subsampling != _ALL_SAMPLES:
            return f"tagged RGB, but its colours are stored as YCbCr's are ({subsampling}): look at them"
        if told is None or told == index.tag_is_ycbcr:
            return None
        names = {False: "RGB", True: "YCbCr"}
        tag, markers = names[index.tag_is_ycbcr], names[told]
        return f"tagged {tag}, but its JPEG tiles say that they are {markers}, which is believed"


def index_tiles(page: Any) -> TileIndex | None:
    """Return the index of a page; None if it is no tiled 8-bit JPEG in RGB or YCbCr, pixel by pixel."""
    photometric = int(page.photometric)
    if not (
        page.is_tiled
        and int(page.compression) == _JPEG
        and photometric in (_RGB, _YCBCR)
        and (page.samplesperpixel, page.dtype) == (3, "uint8")
        and int(page.planarconfig) == _CONTIGUOUS
        and page.imagedepth == 1
    ):
        return None
    width, height = page.tilewidth, page.tilelength
    columns, rows = -(-page.imagewidth // width), -(-page.imagelength // height)
    if not len(page.dataoffsets) == len(page.databytecounts) == columns * rows:
        return None
    if width % 8 or height % 8:  # TIFF asks for multiples of 16; shrinking within the transform needs 8
        return None
    return TileIndex(
        size_px=(page.imagewidth, page.imagelength),
        tile_px=(width, height),
        columns=columns,
        offsets=tuple(page.dataoffsets),
        counts=tuple(page.databytecounts),
        tables=page.jpegtables,
        tag_is_ycbcr=photometric == _YCBCR,
    )
