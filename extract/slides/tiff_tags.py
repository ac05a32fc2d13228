"""How large the tags of a TIFF claim to be, read by hand: libraries load most of them while they open a file.

Enters: a path. Leaves: nothing, or a `SourceError` that names the tag. Nothing but the directories is read.
Format: TIFF 6.0 section 2, BigTIFF (https://www.awaresystems.be/imaging/tiff/bigtiff.html); Hamamatsu writes
classic TIFF with links of eight bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from extract.limits import MOST_TAG_BYTES, MOST_TIFF_PAGES
from feature_cache.errors import SourceError

#: Bytes of a value of each TIFF type.
_TYPE_BYTES = dict(zip(range(1, 19), (1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8), strict=True))
_SUB_IFDS = 330
#: More sub-directories than any pyramid has levels, and more tags than any page has.
_MOST_LINKS, _MOST_TAGS = 64, 4096
_NAMES = {270: "ImageDescription", 305: "Software", 700: "XMP", 34675: "ICCProfile"}


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How directories are written: struct codes of their count, of an entry, of an offset and of a link."""

    count: str
    entry: str
    offset: str
    link: str


def check_tags(path: Path, where: str) -> None:
    """Look at the directories of a file, sub-directories included; what is no TIFF is let pass.

    Raises
    ------
    SourceError
        A tag claims more bytes than any that is needed has.
    """
    with path.open("rb") as stream:
        layout = _layout(stream.read(4), path.suffix.lower() == ".ndpi")
        if layout is None:
            return
        waiting, seen = _numbers(stream, 8 if layout.count.endswith("Q") else 4, layout.link, 1), {0}
        while waiting and len(seen) <= MOST_TIFF_PAGES:
            place = waiting.pop()
            if place not in seen:
                seen.add(place)
                waiting.extend(_check_directory(stream, place, layout, where))


def _layout(start: bytes, is_ndpi: bool) -> _Layout | None:
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None or start[2:] not in (b"*\0", b"\0*", b"+\0", b"\0+"):
        return None
    if b"+" in start:
        return _Layout(count=f"{order}Q", entry=f"{order}HHQQ", offset=f"{order}Q", link=f"{order}Q")
    link = "Q" if is_ndpi else "I"
    return _Layout(count=f"{order}H", entry=f"{order}HHII", offset=f"{order}I", link=f"{order}{link}")


def _check_directory(stream: BinaryIO, place: int, layout: _Layout, where: str) -> list[int]:
    """Judge the tags of one directory and return where others are; one that is cut short has none."""
    (count,) = _numbers(stream, place, layout.count, 1) or (0,)
    raw = stream.read(min(count, _MOST_TAGS) * struct.calcsize(layout.entry))
    links = _numbers(stream, stream.tell(), layout.link, 1)
    for code, kind, values, value in struct.iter_unpack(layout.entry, raw) if links else ():
        _refuse_large(code, _TYPE_BYTES.get(kind, 0) * values, where)
        if code == _SUB_IFDS and values == 1:
            links.append(value)
        elif code == _SUB_IFDS:
            links.extend(_numbers(stream, value, layout.offset, min(values, _MOST_LINKS)))
    return links


def _refuse_large(code: int, size: int, where: str) -> None:
    if size > MOST_TAG_BYTES:
        raise SourceError(
            where,
            expected=f"tags of at most {MOST_TAG_BYTES:,} bytes",
            got=f"{_NAMES.get(code, 'a tag')} ({code}) of {size:,}",
            remedy="Copy the file again and compare its checksum.",
        )


def _numbers(stream: BinaryIO, place: int, form: str, count: int) -> list[int]:
    """Return `count` numbers from a place in the file; none where the file ends before."""
    size = struct.calcsize(form) * count
    if place >= 2**63:
        return []
    stream.seek(place)
    raw = stream.read(size)
    return [number for (number,) in struct.iter_unpack(form, raw)] if len(raw) == size else []
