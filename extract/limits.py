"""What is too large to be true: refused from the header, before anything of that size is allocated.

Every number has its reason beside it. Volumes have theirs in `extract/volumes/header.py`, tables and YAML in
`feature_cache`; memory and time of a whole task are `caps.py`'s.
"""

from __future__ import annotations

from pathlib import Path

from feature_cache.errors import SourceError

#: Pixels along one side of a slide: 20 cm of glass at .1 um per pixel. Positions are int32.
MOST_SLIDE_SIDE_PX = 2_000_000
#: Levels of a pyramid: halving the longest side 21 times leaves one pixel, and real ones have up to 12.
MOST_LEVELS = 32
#: Bytes of one TIFF tile or strip, which decoders unpack at once. Tiles have some 0.2 to 48 MB; a whole slide
#: written as one strip of 16,000 x 16,000 px still passes.
MOST_CHUNK_BYTES = 2**30
#: Bytes of one level of a tissue mask, which is read whole: 32,768 x 32,768 px of one byte. At the 8 um per
#: pixel that are used, a slide has a hundredth of that.
MOST_MASK_BYTES = 2**30
#: Bytes of one TIFF tag: the offsets of four million tiles need a quarter of it.
MOST_TAG_BYTES = 2**27
#: Pages of a TIFF whose headers are looked at; a slide has its levels, a label, a macro and a thumbnail.
MOST_TIFF_PAGES = 256
#: Characters of XML in a TIFF tag; Philips puts pictures of label and glass into it, some MB.
MOST_XML_CHARACTERS = 2**25
#: Bytes of one note: two and a half million words.
MOST_NOTE_BYTES = 2**24
#: Bytes of a table of notes, which is read whole: 50,000 letters of two pages.
MOST_NOTE_TABLE_BYTES = 2**29
#: Bytes of a list of case ids: a million of 60 characters.
MOST_CASE_LIST_BYTES = 2**26
#: Bytes of one clinical record in JSON.
MOST_RECORD_BYTES = 2**24


def refuse_large_file(path: Path, where: str, most_bytes: int) -> None:
    """Raise `SourceError` where a file is larger than its kind can be; it is not opened."""
    size = path.stat().st_size
    if size > most_bytes:
        raise SourceError(
            where,
            expected=f"at most {most_bytes:,} bytes in {path.name}",
            got=f"{size:,}",
            remedy="It is another kind of file: mend the path, or cut it into parts.",
        )
