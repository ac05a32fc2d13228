"""A TIFF opened by tifffile, and what its pages claim, judged before any decoder believes it.

Enters: a path; only tags are read. Leaves: the open file, or a `SourceError` naming the tag: sizes that no
glass has, tiles that would fill the memory, XML that declares entities, and pictures that lie in other files:
tifffile follows their names out of the root, and shows zeros where it finds none.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from extract.limits import MOST_CHUNK_BYTES, MOST_SLIDE_SIDE_PX, MOST_TIFF_PAGES, MOST_XML_CHARACTERS
from extract.slides.tiff_tags import check_tags
from feature_cache.errors import SourceError

_DESCRIPTION, _XMP, _MICRO_MANAGER = 270, 700, 51123
_X_RESOLUTION, _Y_RESOLUTION = 282, 283


#: What tifffile raises on headers that make no sense, its TiffFileError included.
_HEADER_ERRORS = (ValueError, LookupError, TypeError, ArithmeticError, struct.error, OSError)


@contextmanager
def opened_tiff(path: Path, where: str, expected: str = "a TIFF file") -> Iterator[Any]:
    """Give a TIFF whose pages, sub-IFDs included, were judged; its headers are read inside the block too.

    Raises
    ------
    SourceError
        It is no TIFF, a tag is larger than any can be, or ImageWidth, ImageLength, TileWidth, TileLength,
        RowsPerStrip, ImageDescription or XMP cannot be true or may not be read.
    """
    import tifffile

    check_tags(path, where)
    try:
        with tifffile.TiffFile(path, _multifile=False) as file:
            for page in itertools.islice(_pages(file), MOST_TIFF_PAGES):
                _check_page(where, path.name, page)
            yield file
    except _HEADER_ERRORS as error:
        raise SourceError(
            where,
            expected=expected,
            got=f"bytes that are none ({type(error).__name__})",
            remedy="Copy the file again and compare its checksum.",
        ) from error


def check_resolution(where: str, page: Any) -> None:
    """Refuse a resolution of n/0, on which tiffslide fails without saying why."""
    for code, name in ((_X_RESOLUTION, "XResolution"), (_Y_RESOLUTION, "YResolution")):
        if code in page.tags and page.tags[code].value[1] == 0:
            got = f"{page.tags[code].value[0]}/0"
            _refuse(where, f"a resolution ({name}) that is a number", got, "Export the slide again.")


def _check_page(where: str, file_name: str, page: Any) -> None:
    _check_size(where, page)
    _check_chunk(where, page)
    if _MICRO_MANAGER in page.tags:
        _refuse(where, "a picture whole in its file", "a Micro-Manager stack (tag 51123)", "Export it again.")
    for code, tag in ((_DESCRIPTION, "ImageDescription"), (_XMP, "XMP")):
        root = _parse_xml(where, tag, page.tags[code].value) if code in page.tags else None
        if root is not None and root.tag.endswith("OME"):
            _check_ome(where, file_name, root)


def _pages(file: Any) -> Iterator[Any]:
    for page in file.pages:
        yield page
        yield from page.pages or ()


def _check_size(where: str, page: Any) -> None:
    for tag, value in (("ImageWidth", page.imagewidth), ("ImageLength", page.imagelength)):
        side = _number(where, tag, value)
        if not 1 <= side <= MOST_SLIDE_SIDE_PX:
            expected = f"1 to {MOST_SLIDE_SIDE_PX:,} pixels along a side ({tag})"
            _refuse(where, expected, f"{side:,}", "Copy the file again and compare its checksum.")


def _check_chunk(where: str, page: Any) -> None:
    """Refuse a tile or strip that decoders would unpack into more than memory can be spared for."""
    tiled = page.is_tiled or "TileWidth" in page.tags  # a tile of width 0 is a lie, not a strip
    if tiled:
        tags, claimed = "TileWidth x TileLength", (page.tilewidth, page.tilelength, page.tiledepth)
    else:
        tags, claimed = "RowsPerStrip", (page.imagewidth, page.rowsperstrip, page.imagedepth)
    width, length, depth = (_number(where, tags, value) for value in claimed)
    length = length if tiled else min(length, page.imagelength)
    samples = _number(where, "SamplesPerPixel", page.samplesperpixel)
    bits = _number(where, "BitsPerSample", page.bitspersample)
    needed = width * length * max(1, depth) * samples * bits // 8
    if min(width, length) < 1 or needed > MOST_CHUNK_BYTES:
        _refuse(
            where,
            f"pieces of at most {MOST_CHUNK_BYTES:,} bytes ({tags})",
            f"{width:,} x {length:,} pixels, {needed:,} bytes",
            "Convert it to a tiled pyramidal TIFF.",
        )


def _number(where: str, tag: str, value: object) -> int:
    if not isinstance(value, int):
        _refuse(where, f"one whole number ({tag})", "none", "Copy the file again and compare its checksum.")
    return value


def _parse_xml(where: str, tag: str, value: object) -> Any:
    """Return the root of a tag's XML, None where there is none; refuse what expands or reaches out."""
    if not isinstance(value, str | bytes) or (isinstance(value, str) and not value.lstrip().startswith("<")):
        return None  # bytes may be XML in any encoding, and the parser finds out which
    if len(value) > MOST_XML_CHARACTERS:
        expected = f"at most {MOST_XML_CHARACTERS:,} characters of XML ({tag})"
        _refuse(where, expected, f"{len(value):,}", "Export the slide again.")
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        return fromstring(value, forbid_dtd=True)
    except DefusedXmlException as error:
        got = f"a document type or entities ({type(error).__name__})"
        _refuse(where, f"plain XML ({tag})", got, "Do not open it elsewhere: no scanner writes this.")
    except ParseError:
        return None  # no XML, or broken before anything dangerous: its reader says what it lacks


def _check_ome(where: str, file_name: str, root: Any) -> None:
    """Refuse OME-XML that says planes are in other files; a file knows itself by its UUID or its name."""
    own = root.get("UUID")
    for data in root.iter():
        if not data.tag.endswith("TiffData"):
            continue
        for uuid in data:
            named_itself = own is None and uuid.get("FileName", "").lower() == file_name.lower()
            if uuid.tag.endswith("UUID") and uuid.text != own and not named_itself:
                _refuse(
                    where,
                    "an OME-TIFF whole in its file (UUID of TiffData)",
                    "one that refers to another file",
                    "Export it as one file; an OME-TIFF that names itself must keep its name.",
                )


def _refuse(where: str, expected: str, got: str, remedy: str) -> NoReturn:
    raise SourceError(where, expected=expected, got=got, remedy=remedy)
