"""The header of a MetaImage or NIfTI volume: its grid, and whether the file is whole. No voxel is read.

Enters: a path. Leaves: size and affine in RAS mm. Read by hand: a check must run where the imaging
libraries are not installed, and both headers are small and fixed.
Formats: MetaIO https://itk.org/Wiki/ITK/MetaIO/Documentation; NIfTI-1 https://nifti.nimh.nih.gov/nifti-1
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float

_ELEMENT_BYTES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: More lines than any header has: a file that is no header at all is not read to its end.
_MOST_LINES = 200


@dataclass(frozen=True, kw_only=True)
class VolumeHeader:
    """The grid of a volume: `size` as (x, y, z), further axes dropped; `affine` voxel index -> RAS mm."""

    size: tuple[int, int, int]
    affine: Float[np.ndarray, "4 4"]


def read_volume_header(path: Path) -> VolumeHeader:
    """Read the header of a .mha, .nii or .nii.gz file.

    Raises
    ------
    ValueError
        Another format, a header that makes no sense, or an uncompressed file that is cut short.
    OSError
        The file cannot be read.
    """
    name = path.name.lower()
    if name.endswith(".mha"):
        return _read_mha(path)
    if name.endswith((".nii", ".nii.gz")):
        try:
            return _read_nifti(path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError("a damaged gzip stream") from error
    raise ValueError("another format than .mha, .nii or .nii.gz")


def _read_mha(path: Path) -> VolumeHeader:
    with path.open("rb") as stream:
        fields = _mha_fields(stream)
        start = stream.tell()
    size = [int(number) for number in fields["DimSize"].split()]
    axes = int(fields["NDims"])
    if axes not in (3, 4) or len(size) != axes or min(size) < 1:
        raise ValueError("a volume that has not 3 or 4 axes")
    kind = fields["ElementType"].removeprefix("MET_").removeprefix("U")
    if fields["ElementDataFile"] == "LOCAL" and fields.get("CompressedData", "False") != "True":
        channels = int(fields.get("ElementNumberOfChannels", "1"))
        needed = start + int(np.prod(size)) * channels * _ELEMENT_BYTES[kind]
        if path.stat().st_size < needed:
            raise ValueError(f"a file cut short: {path.stat().st_size:,} of {needed:,} bytes")
    spacing = _numbers(fields.get("ElementSpacing", "1 " * axes))[:3]
    matrix = _numbers(fields.get("TransformMatrix", " ".join(map(str, np.eye(axes).ravel()))))
    # The matrix lists one axis after the other: its rows are the columns of the direction.
    direction = matrix.reshape(axes, axes)[:3, :3].T
    affine = np.eye(4)
    affine[:3, :3] = direction * spacing
    affine[:3, 3] = _numbers(fields.get("Offset", fields.get("Position", "0 " * axes)))[:3]
    return VolumeHeader(size=(size[0], size[1], size[2]), affine=_LPS_TO_RAS @ affine)


def _mha_fields(stream: BinaryIO) -> dict[str, str]:
    fields: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        key, equals, value = stream.readline(4096).decode("latin-1").partition("=")
        if not equals:
            break
        fields[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            lacking = {"NDims", "DimSize", "ElementType"} - fields.keys()
            if lacking or fields["ElementType"].removeprefix("MET_").removeprefix("U") not in _ELEMENT_BYTES:
                break
            return fields
    raise ValueError("no MetaImage header")


def _numbers(text: str) -> Float[np.ndarray, " number"]:
    return np.array([float(number) for number in text.split()], dtype=np.float64)


def _read_nifti(path: Path) -> VolumeHeader:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.GzipFile(path) if packed else path.open("rb") as stream:
        header = stream.read(348)
    order = next((o for o in "<>" if len(header) == 348 and struct.unpack(f"{o}i", header[:4])[0] == 348), "")
    if not order or header[344:347] not in (b"n+1", b"ni1"):
        raise ValueError("no NIfTI-1 header")
    dim = struct.unpack(f"{order}8h", header[40:56])
    if dim[0] not in (3, 4, 5) or min(dim[1:4]) < 1:
        raise ValueError("a volume that has not 3 or more axes")
    bits = struct.unpack(f"{order}h", header[72:74])[0]
    offset = struct.unpack(f"{order}f", header[108:112])[0]
    needed = int(offset) + int(np.prod(dim[1 : dim[0] + 1])) * bits // 8
    if not packed and path.stat().st_size < needed:
        raise ValueError(f"a file cut short: {path.stat().st_size:,} of {needed:,} bytes")
    return VolumeHeader(size=(dim[1], dim[2], dim[3]), affine=_nifti_affine(header, order))


def _nifti_affine(header: bytes, order: str) -> Float[np.ndarray, "4 4"]:
    qform, sform = struct.unpack(f"{order}2h", header[252:256])
    affine = np.eye(4)
    if sform > 0:
        affine[:3] = np.array(struct.unpack(f"{order}12f", header[280:328])).reshape(3, 4)
        return affine
    pixdim = struct.unpack(f"{order}8f", header[76:108])
    if qform <= 0:
        affine[:3, :3] = np.diag(pixdim[1:4])
        return affine
    b, c, d, *origin = struct.unpack(f"{order}6f", header[256:280])
    length = b * b + c * c + d * d
    # A half turn, stored in 32 bits: the root of what is left of 1 would be noise, 2e-4 in real files.
    half_turn = length > 1.0 - 1e-7
    a = 0.0 if half_turn else np.sqrt(1.0 - length)
    b, c, d = (part / np.sqrt(length) if half_turn else part for part in (b, c, d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    handedness = -1.0 if pixdim[0] < 0 else 1.0
    affine[:3, :3] = rotation * np.array([pixdim[1], pixdim[2], pixdim[3] * handedness])
    affine[:3, 3] = origin
    return affine
