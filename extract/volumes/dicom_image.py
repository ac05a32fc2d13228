"""One image of a DICOM series: the tags that say what it shows and where, and nothing about the patient.

Enters: a file. Leaves: a `DicomImage`; no voxel is decoded. Only the tags listed here are kept: no name, id,
date of birth or free text of a header outlives this file but as a comparison. The decoder sees bytes in
memory alone, so that no length that a header claims is ever allocated, and no stream that it could inflate.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.dicom_tags import Tags
from extract.volumes.stored import VolumeFormatError

#: One single-frame image of 5,792 x 5,792 voxels of 16 bits; more is none, or has many frames.
_MOST_FILE_BYTES = 2**26
_PREAMBLE = 128
#: Value representations whose length takes four bytes (DICOM PS3.5, 7.1.2).
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_SOP_CLASS, _TRANSFER_SYNTAX = (0x0002, 0x0002), (0x0002, 0x0010)
#: Images of CT, MR and PET, one or many to a file (PS3.4, B.5); all else is no scan.
_SCANS = tuple(
    f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "2.1", "4", "4.1", "4.4", "128", "130")
)
_DEFLATED = "1.2.840.10008.1.2.1.99"
_ONE_IMAGE = "DICOM files of one image each"
_AGAIN = "Fetch the series again."
_UNPACK = "Unpack the series losslessly (dcmconv, dcmdjpeg or dcmdjpls of DCMTK, or gdcmconv --raw)."
NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
RLE = "1.2.840.10008.1.2.5"
_SYNTAX_NAMES = {
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended", "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless", "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS", "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
}  # fmt: skip
_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class DicomImage:
    """One image. `directions` has the cosines along a row and down a column (LPS) as its two columns.

    `position_mm` (LPS) is the centre of the first voxel; `spacing_mm` the distance of voxels along a row and
    down a column. `tags` are all that was kept.
    """

    path: Path
    syntax: str
    size: tuple[int, int]
    directions: Float[np.ndarray[Any, Any], "3 2"]
    position_mm: Float[np.ndarray[Any, Any], " 3"]
    spacing_mm: tuple[float, float]
    dtype: np.dtype[Any]
    tags: Tags

    @property
    def normal(self) -> Float[np.ndarray[Any, Any], " 3"]:
        """The direction in which slices are counted (LPS)."""
        return np.cross(self.directions[:, 0], self.directions[:, 1])


@dataclass(frozen=True, kw_only=True, eq=False)
class UnusableImage:
    """An image that Braid does not read, and why: all of its series is refused for it."""

    tags: Tags
    error: VolumeFormatError


def is_dicom(path: Path) -> bool:
    """Whether a file starts as DICOM files do (PS3.10, 7.1); whatever it is called."""
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes; `VolumeFormatError` where it is too large for one image."""
    with path.open("rb") as stream:
        data = stream.read(_MOST_FILE_BYTES + 1)
    if len(data) > _MOST_FILE_BYTES:
        raise VolumeFormatError(f"a file of more than {_MOST_FILE_BYTES:,} bytes, {path.name}", _ONE_IMAGE)
    return data


def open_image(path: Path) -> DicomImage | UnusableImage | None:
    """Read the tags of one file; None for what is no image of a scanner (a report, a screen shot, DICOMDIR).

    Raises
    ------
    VolumeFormatError
        It does not say how it is written, or is deflated as a whole.
    DECODING_ERRORS
        It is damaged.
    """
    data = read_bytes(path)
    syntax, kind = (_meta(data, tag, path) for tag in (_TRANSFER_SYNTAX, _SOP_CLASS))
    if syntax == _DEFLATED:  # to read a single tag would be to inflate it all
        raise VolumeFormatError(f"a deflated file, {path.name}", "DICOM files not deflated", _UNPACK)
    tags = Tags.read(data, path)
    if kind not in _SCANS:
        return None
    if not tags.text("SeriesInstanceUID"):
        got = f"{path.name} without a SeriesInstanceUID"
        raise VolumeFormatError(got, "DICOM files that are whole", _AGAIN)
    try:
        return _image(path, syntax, tags, len(data))
    except VolumeFormatError as error:
        return UnusableImage(tags=tags, error=error)


def _image(path: Path, syntax: str, tags: Tags, held: int) -> DicomImage:
    _refuse_many(tags, path)
    if syntax not in (*NATIVE, RLE):
        kind = _SYNTAX_NAMES.get(syntax, "a compression that Braid does not know")
        got = f"voxels packed as {kind} in {path.name}"
        raise VolumeFormatError(got, "voxels uncompressed or run-length encoded", _UNPACK)
    columns, rows = tags.whole("Columns"), tags.whole("Rows")
    bits = tags.whole("BitsAllocated")
    if columns is None or rows is None or min(columns, rows) < 1 or bits not in (8, 16, 32):
        got = f"{columns} columns, {rows} rows and {bits} bits a voxel in {path.name}"
        raise VolumeFormatError(got, "Rows, Columns and BitsAllocated of an image", _AGAIN)
    if syntax in NATIVE and rows * columns * bits // 8 > held:
        got = f"a file of {held:,} bytes for {columns} x {rows} voxels of {bits} bits, {path.name}"
        raise VolumeFormatError(got, "all voxels that the header declares", _AGAIN)
    sign = "i" if tags.whole("PixelRepresentation") == 1 else "u"
    return DicomImage(
        path=path,
        syntax=syntax,
        size=(columns, rows),
        directions=_directions(tags, path),
        position_mm=_known(tags.numbers("ImagePositionPatient", 3), "ImagePositionPatient", path),
        spacing_mm=_spacing(tags.numbers("PixelSpacing", 2), path),
        dtype=np.dtype(f"{'>' if syntax == NATIVE[2] else '<'}{sign}{bits // 8}"),
        tags=tags,
    )


def _refuse_many(tags: Tags, path: Path) -> None:
    """Refuse several images in one file: frames, and the tiles of a Siemens mosaic."""
    remedy = "Convert it to NIfTI (dcm2niix knows this form), or export the series as single images."
    if "MOSAIC" in tags.texts("ImageType"):
        raise VolumeFormatError(
            f"a mosaic: all slices as tiles of one image, {path.name}", _ONE_IMAGE, remedy
        )
    frames, values = tags.whole("NumberOfFrames") or 1, tags.whole("SamplesPerPixel") or 1
    if frames != 1:
        raise VolumeFormatError(f"{frames:,} frames in {path.name}", _ONE_IMAGE, remedy)
    if values != 1 or tags.text("PhotometricInterpretation") != "MONOCHROME2":
        got = f"colours, an inverted scale or no image at all in {path.name}"
        raise VolumeFormatError(got, "one value a voxel (MONOCHROME2)", "Take the file out of the folder.")


def _known(
    numbers: Float[np.ndarray[Any, Any], " number"] | None, name: str, path: Path
) -> Float[np.ndarray[Any, Any], " number"]:
    if numbers is None:
        got = f"no {name}, or none that is finite, in {path.name}"
        remedy = "Export the series again; a screen shot or a report is no series."
        raise VolumeFormatError(got, "images that say where in the patient they lie", remedy)
    return numbers


def _directions(tags: Tags, path: Path) -> Float[np.ndarray[Any, Any], "3 2"]:
    cosines = _known(tags.numbers("ImageOrientationPatient", 6), "ImageOrientationPatient", path)
    pair = cosines.reshape(2, 3)
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.abs(pair @ pair.T - np.eye(2)).max()
    if not off <= _UNIT_TOLERANCE:
        got = f"cosines that are off by {off:.2g} in {path.name}"
        raise VolumeFormatError(got, "ImageOrientationPatient of two perpendicular unit vectors", _AGAIN)
    return pair.T


def _spacing(spacing: Float[np.ndarray[Any, Any], " 2"] | None, path: Path) -> tuple[float, float]:
    """Return the distances along a row and down a column: the tag has them the other way round."""
    down, along = _known(spacing, "PixelSpacing", path)
    if min(along, down) <= 0:
        got = f"{down:g} x {along:g} mm in {path.name}"
        raise VolumeFormatError(got, "a PixelSpacing above 0", _AGAIN)
    return float(along), float(down)


def _meta(data: bytes, wanted: tuple[int, int], path: Path) -> str:
    """Return an identifier of group 2: how the file is written, or what it is."""
    found = [value for tag, value in _meta_elements(data) if tag == wanted]
    if len(found) != 1:  # readers disagree on which of two counts
        name = "TransferSyntaxUID" if wanted == _TRANSFER_SYNTAX else "MediaStorageSOPClassUID"
        got = f"{len(found)} of them in {path.name}"
        raise VolumeFormatError(got, f"a DICOM file with one {name}", _AGAIN)
    return found[0].rstrip(b"\0 ").decode("ascii")


def _meta_elements(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield tag and value of the elements of group 2, which are explicit little endian (PS3.10, 7.1)."""
    place = _PREAMBLE + 4
    while place + 8 <= len(data):
        group, element = struct.unpack_from("<2H", data, place)
        if group != 2:
            return
        long = data[place + 4 : place + 6] in _LONG
        (length,) = struct.unpack_from("<I" if long else "<H", data, place + (8 if long else 6))
        start = place + (12 if long else 8)
        yield (group, element), data[start : start + length]
        place = start + length
