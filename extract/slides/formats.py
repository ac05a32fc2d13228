"""Which reader a slide file needs, decided by its name and its TIFF tags, and what is refused outright.

Enters: a path. Leaves: the reader's name and warnings, or a `SourceError` that says what to do. The rule,
not the luck of a try/except chain, decides: the direct reader for Aperio, generic and OME-TIFF whose levels
are all tiled JPEG; openslide for the other scanner formats and tiled 8-bit TIFF with a codec of libtiff
(and JPEG 2000 of Aperio); tiffslide for other OME-TIFF (which openslide refuses) and other TIFF.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from extract.slides.tiff_levels import count_left_out, find_levels, find_vendor
from extract.slides.tiff_pages import check_resolution, opened_tiff
from feature_cache.errors import SourceError

#: Hand-bumped when a file would get another reader.
FORMATS_ALGORITHM = 3

SCANNER_SUFFIXES = frozenset({".svs", ".mrxs", ".ndpi", ".scn", ".bif", ".svslide", ".vms", ".vmu"})
TIFF_SUFFIXES = frozenset({".tif", ".tiff", ".btf", ".tf8"})

#: TIFF compressions that libtiff, and so openslide, decodes: none, LZW, JPEG, deflate (2), LZMA, zstd.
_OPENSLIDE_COMPRESSIONS = frozenset({1, 5, 7, 8, 32946, 34925, 50000})
#: Classic and Big TIFF in either byte order.
_TIFF_STARTS = frozenset({b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"})
_DICOM_REMEDY = (
    "DICOM slides are not read yet: some label YCbCr frames as RGB and would come out in wrong colours "
    "without a word. Convert it to a pyramidal TIFF."
)


@dataclass(frozen=True, kw_only=True)
class SlideFormat:
    """The reader that a file gets and what is odd about the file; `has_gaps`: tiles were left out of it."""

    reader: Literal["direct", "openslide", "tiffslide"]
    warnings: tuple[str, ...] = ()
    has_gaps: bool = False


def find_format(path: Path) -> SlideFormat:
    """Decide the reader of a slide file from its name and, for TIFF, from its tags; decodes no pixel.

    Raises
    ------
    SourceError
        No such file; DICOM; a TIFF that is no 8-bit RGB image; a format that no reader here takes.
    """
    if not path.is_file():
        _refuse(path, "a slide file", "no such file", "Mend the path in slides.csv, or the root.")
    suffix = path.suffix.lower()
    if suffix == ".dcm" or _is_dicom(path):
        _refuse(path, "a slide in TIFF or a scanner's own format", "DICOM", _DICOM_REMEDY)
    if suffix == ".mrxs" and not path.with_suffix("").is_dir():
        _refuse(
            path,
            f"the folder {path.stem} with the pixels beside the .mrxs file",
            "the .mrxs file alone",
            "Copy the folder of the same name too.",
        )
    if suffix in SCANNER_SUFFIXES:
        if _is_tiff(path):
            with opened_tiff(path, path.name) as file:
                if suffix == ".svs" and find_levels(file, path.name) is not None:
                    return SlideFormat(reader="direct", warnings=_orientation(file.pages.first))
                return _openslides(path, file, ())
        return SlideFormat(reader="openslide")
    if suffix in TIFF_SUFFIXES:
        with opened_tiff(path, path.name) as file:
            return _tiff_format(path, file)
    known = ", ".join(sorted(SCANNER_SUFFIXES | TIFF_SUFFIXES))
    _refuse(path, f"one of {known}", f"a file named *{suffix}", "Convert it to a pyramidal TIFF.")


def _tiff_format(path: Path, file: Any) -> SlideFormat:
    page = file.pages.first
    _check_pixels(path, page)
    _check_compression(path, page)
    if find_levels(file, path.name) is not None:
        return SlideFormat(reader="direct", warnings=_orientation(page))
    ome = find_vendor(file, path.name) == "ome"
    if page.is_tiled and int(page.compression) in _OPENSLIDE_COMPRESSIONS and not ome:
        return _openslides(path, file, _orientation(page))
    check_resolution(path.name, page)
    return SlideFormat(reader="tiffslide", warnings=_orientation(page))


def _openslides(path: Path, file: Any, warnings: tuple[str, ...]) -> SlideFormat:
    left_out = count_left_out(file, path.name)
    if left_out:
        told = f"{left_out} TIFF tiles have no data: openslide shows what finer levels have there"
        warnings = (*warnings, told)
    return SlideFormat(reader="openslide", warnings=warnings, has_gaps=left_out > 0)


def _check_pixels(path: Path, page: Any) -> None:
    if page.dtype != "uint8" or page.samplesperpixel not in (3, 4):
        got = f"{page.samplesperpixel} channel(s) of {page.dtype}"
        remedy = "A mask belongs into mask_path; a fluorescence image cannot be encoded as H&E."
        _refuse(path, "8-bit RGB", got, remedy)


def _check_compression(path: Path, page: Any) -> None:
    from tifffile import COMPRESSION

    if not isinstance(page.compression, COMPRESSION):  # a number that no codec stands for
        got = f"Compression {page.compression}"
        _refuse(path, "a compression that TIFF knows (Compression)", got, "Convert it to a pyramidal TIFF.")


def _orientation(page: Any) -> tuple[str, ...]:
    tag = page.tags.get(274)
    if tag is None or int(tag.value) == 1:
        return ()
    return (f"orientation tag {int(tag.value)} is ignored: tiles may be mirrored or turned",)


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in _TIFF_STARTS


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _refuse(path: Path, expected: str, got: str, remedy: str) -> NoReturn:
    raise SourceError(path.name, expected=expected, got=got, remedy=remedy)
