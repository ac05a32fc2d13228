"""One tile of a TIFF as a JPEG of its own: tables joined, colours said, decoded strictly.

Enters: the bytes of a tile as the file has them, and the tables of its page. Leaves: RGB pixels, exactly
those of libjpeg's accurate transform, or a `TileError`. A TIFF keeps tables that tiles share in the tag
JPEGTables, and says in PhotometricInterpretation what their colours are (TIFF Technical Note 2); a JPEG
library knows of neither and guesses by markers. So tables and an Adobe marker (APP14) are put in front of
each tile. A tile that has a marker itself is believed: its encoder wrote both, and QuPath's OME-TIFFs are
tagged RGB but hold YCbCr.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import UInt8

_START, _END = b"\xff\xd8", b"\xff\xd9"
#: APP14 "Adobe", version 100, no flags; the last byte is the transform: 0 is RGB, 1 is YCbCr.
_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"
_JFIF = b"\xff\xe0"
_OTHER_SIZE = "JPEG data of another size than the tile's"


class TileError(Exception):
    """A tile of a TIFF has no pixels; the text says why and holds no path."""


class UnscannedError(TileError):
    """The file has no data for a tile: nobody scanned that place."""


def stream_start(tables: bytes | None, is_ycbcr: bool) -> bytes:
    """Return what goes in front of a tile's data after its first marker."""
    between = b""
    if tables is not None:
        between = tables.removeprefix(_START)
        between = between[: between.rfind(_END)] if between.endswith(_END) else between
    return _START + _ADOBE + (b"\x01" if is_ycbcr else b"\x00") + between


def join_stream(start: bytes, data: bytes) -> bytes:
    """Return the whole JPEG: what `stream_start` made, and the tile's data without their first marker."""
    return b"".join((start, memoryview(data)[len(_START) :]))


def is_ycbcr_by_itself(data: bytes) -> bool | None:
    """Return what the markers before a tile's first table say of its colours; None if they say nothing."""
    found = None
    place = len(_START)
    while data[place : place + 1] == b"\xff" and 0xE0 <= data[place + 1] <= 0xEF:
        segment = data[place : place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")]
        if segment.startswith(_JFIF) and segment[4:8] == b"JFIF":
            return True
        if segment.startswith(_ADOBE[:9]) and len(segment) >= len(_ADOBE) + 1:
            found = segment[len(_ADOBE)] != 0
        place += len(segment)
        if len(segment) < 4:
            break
    return found


def decode_tile(
    start: bytes, data: bytes, pixels: UInt8[np.ndarray[Any, Any], "height width 3"], shrink: int
) -> None:
    """Decode a tile into `pixels` (C-contiguous), 1, 2, 4 or 8 times smaller within the JPEG transform.

    Raises
    ------
    TileError
        The data are no JPEG, damaged, cut short, or a picture of another size.
    """
    if not data.startswith(_START):
        raise TileError("no JPEG data")
    decode, whole = _decoder(), join_stream(start, data)
    try:
        if shrink == 1:
            found = decode(whole, "RGB", buffer=pixels)
        else:
            height, width = pixels.shape[:2]
            if jpeg_header(whole)[:2] != (height * shrink, width * shrink):
                raise TileError(_OTHER_SIZE)
            least = {"min_factor": shrink, "min_height": height, "min_width": width}
            found = decode(whole, "RGB", buffer=pixels, **least)
    except ValueError as error:  # libjpeg's warnings too: what follows a wrong bit is noise
        raise TileError(_reason(str(error))) from error
    if found.shape != pixels.shape:
        raise TileError(_OTHER_SIZE)


def jpeg_header(data: bytes) -> tuple[int, int, str, str]:
    """Return height, width, colour space and subsampling ("420") of a JPEG; `ValueError` where it is none."""
    from simplejpeg import decode_jpeg_header

    height, width, colours, subsampling = decode_jpeg_header(data)
    return int(height), int(width), str(colours), str(subsampling)


@cache
def _decoder() -> Callable[..., UInt8[np.ndarray[Any, Any], "height width 3"]]:
    from simplejpeg import decode_jpeg

    decode: Callable[..., UInt8[np.ndarray[Any, Any], "height width 3"]] = decode_jpeg
    return decode


def _reason(text: str) -> str:
    if "remature end" in text:
        return "truncated JPEG data"
    if "buffer is too small" in text:
        return _OTHER_SIZE
    return "damaged JPEG data"
