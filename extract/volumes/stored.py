"""A volume in its file: what the header says, and the one way to its voxels.

Enters: what a format's header holds. Leaves: `StoredVolume`, the base of the three formats (metaimage.py,
nifti.py, array_file.py). Volumes are decoded here by hand, with every checksum checked: SimpleITK 2.5.7
returns wrong voxels for a damaged compressed .mha and says so on stderr alone, and reading a .nii.gz only as
far as its voxels go never reaches the checksum at its end.
"""

from __future__ import annotations

import lzma
import math
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, Shaped

from extract.volumes.geometry import VoxelGrid
from feature_cache.canonical import Json

#: How far a spacing may be from 1 mm and still be the placeholder that peers write (facts: M-PRTM).
_UNIT_TOLERANCE = 1e-6
_BLOCK_BYTES = 2**20
#: What decoders raise on files that are not what they say.
DECODING_ERRORS = (
    ValueError,
    KeyError,
    OverflowError,
    RuntimeError,
    OSError,
    EOFError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)


class VolumeFormatError(ValueError):
    """What is wrong with a file, in our words: decoders may quote what stands in it.

    `expected` and `remedy` are None where those of any volume fit.
    """

    def __init__(self, got: str, expected: str | None = None, remedy: str | None = None) -> None:
        super().__init__(got)
        self.expected, self.remedy = expected, remedy


@dataclass(frozen=True, kw_only=True)
class StoredVolume(ABC):
    """A header that was read: `shape` (x, y, z, further axes), `dtype` as stored, `affine` to RAS mm.

    `geometry_fields` names the fields that the affine comes from, for messages. `placed` is false where they
    do not say where the volume lies. `start` is the byte at which the voxels begin in an unpacked file.

    `points` counts the time points of a series over time, whose fourth axis is time; `times_s` are their
    times where the header tells, and `times_from` what of it tells them.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    affine: Float[np.ndarray[Any, Any], "4 4"]
    geometry_fields: str
    placed: bool
    packed: bool
    start: int = 0
    points: int = 1
    times_s: tuple[float, ...] | None = None
    times_from: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def grid(self) -> VoxelGrid:
        """The grid of the first three axes."""
        return VoxelGrid(size=(self.shape[0], self.shape[1], self.shape[2]), affine=self.affine)

    @property
    def spacing_known(self) -> bool:
        """Whether the spacing is another than 1 x 1 x 1, which says nothing."""
        return bool(np.abs(self.grid.spacing - 1.0).max() > _UNIT_TOLERANCE)

    @property
    def held_bytes(self) -> int:
        """How many bytes the file has."""
        return self.path.stat().st_size

    @property
    def described(self) -> dict[str, Json]:
        """What an entry keeps of the file beside its grid."""
        return {}

    @property
    def voxel_bytes(self) -> int:
        """How many bytes the header declares."""
        return math.prod(self.shape) * self.points * self.dtype.itemsize

    def read(self) -> Shaped[np.ndarray[Any, Any], "x y z"]:
        """Return all voxels of a volume of one time point; see `read_points`."""
        (voxels,) = self.read_points()
        return voxels

    @abstractmethod
    def read_points(self) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        """Yield the voxels of each time point, scaled as the header says; further axes are dropped.

        Raises
        ------
        VolumeFormatError
            It holds more or fewer bytes than its header declares.
        DECODING_ERRORS
            It is damaged.
        """

    def points_of(self, data: bytes | bytearray) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        """Yield `data`, x running fastest and time slowest, as voxels in the machine's byte order."""
        if len(data) != self.voxel_bytes:
            raise VolumeFormatError(
                f"{len(data):,} bytes of voxels where the header declares {self.voxel_bytes:,}"
            )
        voxels = np.frombuffer(data, dtype=self.dtype).reshape((*self.shape[:3], self.points), order="F")
        for point in range(self.points):
            yield voxels[..., point].astype(self.dtype.newbyteorder("="), copy=False)


def inflate(stream: BinaryIO, at_most: int) -> bytearray:
    """Return what a zlib or gzip stream holds, its checksum checked.

    Raises
    ------
    VolumeFormatError
        More than `at_most` bytes, or a stream that does not end.
    zlib.error
        Damaged data or a wrong checksum.
    """
    unpacker, data = zlib.decompressobj(wbits=47), bytearray()
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or stream.read(_BLOCK_BYTES)
        if not packed:
            raise VolumeFormatError("a compressed stream that is cut short")
        data += unpacker.decompress(packed, at_most + 1 - len(data))
        if len(data) > at_most:
            raise VolumeFormatError(f"more than the {at_most:,} bytes that the header declares")
    return data
