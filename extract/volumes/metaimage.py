"""MetaImage (.mha): a header of lines `key = value`, then the voxels in the same file.

Enters: a path. Leaves: its header as a `StoredVolume` that can decode its voxels. ITK's world is LPS; the
affine that leaves is RAS. Format: MetaIO, https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, Shaped

from extract.volumes.stored import StoredVolume, VolumeFormatError, inflate

_DTYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: MetaIO knows three names for each.
_MATRIX, _ORIGIN = ("TransformMatrix", "Rotation", "Orientation"), ("Offset", "Position", "Origin")
#: More lines than any header has: a file that is no header at all is not read to its end.
_MOST_LINES = 200


@dataclass(frozen=True, kw_only=True)
class MetaImage(StoredVolume):
    """A .mha file."""

    def read_points(self) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        """Yield the voxels; see `StoredVolume.read_points`."""
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            packed = self.packed
            data = inflate(stream, self.voxel_bytes) if packed else stream.read(self.voxel_bytes + 1)
        yield from self.points_of(data)


def open_metaimage(path: Path) -> MetaImage:
    """Read the header.

    Raises
    ------
    VolumeFormatError
        It is none, makes no sense, or says that the voxels are elsewhere or several to a place.
    """
    with path.open("rb") as stream:
        fields = _fields(stream)
        start = stream.tell()
    axes = int(fields["NDims"])
    shape = tuple(int(number) for number in fields["DimSize"].split())
    if len(shape) != axes or axes < 3:
        raise VolumeFormatError(f"{len(shape)} sizes for {axes} axes")
    if fields["ElementDataFile"] != "LOCAL":
        raise VolumeFormatError("a header whose voxels are in another file")
    if fields.get("ElementNumberOfChannels", "1") != "1":
        raise VolumeFormatError("several values a voxel")
    if not _is(fields, "BinaryData", "True"):
        raise VolumeFormatError("voxels written as text")
    matrix, origin = (next((name for name in names if name in fields), None) for names in (_MATRIX, _ORIGIN))
    spacing = _numbers(fields, "ElementSpacing", axes)[:3] if "ElementSpacing" in fields else np.ones(3)
    if (spacing < 0).any():  # which way an axis runs is for the matrix to say
        raise VolumeFormatError("an ElementSpacing below 0")
    # The matrix lists one axis after the other: its rows are the columns of the direction.
    turn = np.eye(axes) if matrix is None else _numbers(fields, matrix, axes * axes).reshape(axes, axes).T
    affine = np.eye(4)
    affine[:3, :3] = turn[:3, :3] * spacing
    affine[:3, 3] = 0.0 if origin is None else _numbers(fields, origin, axes)[:3]
    little = _is(fields, "BinaryDataByteOrderMSB", "False") and _is(fields, "ElementByteOrderMSB", "False")
    return MetaImage(
        path=path,
        shape=shape,
        dtype=np.dtype(_DTYPES[fields["ElementType"]]).newbyteorder("<" if little else ">"),
        affine=_LPS_TO_RAS @ affine,
        geometry_fields="TransformMatrix, ElementSpacing, Offset",
        placed=matrix is not None and origin is not None,
        packed=not _is(fields, "CompressedData", "False"),
        start=start,
    )


def _fields(stream: BinaryIO) -> dict[str, str]:
    fields: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        key, equals, value = stream.readline(4096).decode("latin-1").partition("=")
        name = key.strip()
        if not equals:
            break
        if name in fields:  # readers disagree on which counts
            raise VolumeFormatError(f"a header that gives {name} twice")
        fields[name] = value.strip()
        if name == "ElementDataFile":
            if {"NDims", "DimSize", "ElementType"} - fields.keys():
                break
            if fields["ElementType"] not in _DTYPES:
                raise VolumeFormatError("an ElementType that is no whole or real number")
            return fields
    raise VolumeFormatError("no MetaImage header")


def _is(fields: dict[str, str], name: str, default: str) -> bool:
    """Whether a flag has the value that the format takes for granted where it is absent."""
    return fields.get(name, default).lower() == default.lower()


def _numbers(fields: dict[str, str], name: str, count: int) -> Float[np.ndarray[Any, Any], " number"]:
    numbers = np.array([float(number) for number in fields[name].split()], dtype=np.float64)
    if len(numbers) != count:
        raise VolumeFormatError(f"{len(numbers)} numbers in {name}, where {count} belong")
    if not np.isfinite(numbers).all():
        raise VolumeFormatError(f"a number in {name} that is not finite")
    return numbers
