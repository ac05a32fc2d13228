"""NIfTI-1 (.nii, .nii.gz): 348 bytes of header with up to two affines, then the voxels.

Enters: a path. Leaves: its header as a `StoredVolume` that can decode its voxels. World is RAS. Where sform
and qform are both there they must agree: which of two differing ones is right, no reader can know.
Format: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
"""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from jaxtyping import Float, Shaped

from extract.volumes.geometry import VoxelGrid, grid_difference
from extract.volumes.stored import StoredVolume, VolumeFormatError

_HEADER_BYTES, _FIRST_VOXEL = 348, 352
_ORDERS: dict[bytes, Literal["<", ">"]] = {
    struct.pack("<i", _HEADER_BYTES): "<",
    struct.pack(">i", _HEADER_BYTES): ">",
}
_DTYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
#: Bits 3 to 5 of xyzt_units: seconds, milliseconds, microseconds.
_SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}
#: Times between points that stand for none, as a spacing of 1 x 1 x 1 does.
_NO_STEP_S = (0.0, 1.0)
#: Extensions between header and voxels longer than this are refused.
_MOST_BEFORE_VOXELS = 2**24
#: Differences of sform and qform below this share of a voxel are rounding of 32 bits.
_NOTEWORTHY_VOXELS = 0.01


@dataclass(frozen=True, kw_only=True)
class Nifti(StoredVolume):
    """A .nii or .nii.gz file; stored numbers times `slope` plus `intercept` are the values."""

    slope: float
    intercept: float

    def read_points(self) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        """Yield the voxels; see `StoredVolume.read_points`."""
        with _open(self.path, self.packed) as stream:
            stream.read(self.start)
            # One byte more than declared: to reach the end of a gzip stream is what checks its checksum.
            data = stream.read(self.voxel_bytes + 1)
        plain = (self.slope, self.intercept) == (1.0, 0.0)
        for voxels in self.points_of(data):
            yield voxels if plain else voxels.astype(np.float64) * self.slope + self.intercept


def open_nifti(path: Path) -> Nifti:
    """Read the header.

    Raises
    ------
    VolumeFormatError
        It is none, makes no sense, or its sform and qform differ.
    DECODING_ERRORS
        A damaged gzip stream.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with _open(path, packed) as stream:
        header = stream.read(_HEADER_BYTES)
    order = _ORDERS.get(header[:4])
    if len(header) != _HEADER_BYTES or order is None or header[344:348] != b"n+1\0":
        raise VolumeFormatError("no NIfTI-1 header with the voxels in the same file")

    def numbers(form: str, offset: int) -> tuple[float, ...]:
        return struct.unpack_from(f"{order}{form}", header, offset)

    axes, *sizes = (int(number) for number in numbers("8h", 40))
    if not 3 <= axes <= 7:
        raise VolumeFormatError(f"{axes} axes")
    kind, offset = int(numbers("h", 70)[0]), numbers("f", 108)[0]
    if kind not in _DTYPES:
        raise VolumeFormatError(f"voxels of NIfTI datatype {kind}, which are no plain numbers")
    if not _FIRST_VOXEL <= offset <= _MOST_BEFORE_VOXELS:
        raise VolumeFormatError(f"voxels at byte {offset:g} (vox_offset)")
    slope, intercept = numbers("2f", 112)
    if math.isinf(slope) or (
        slope not in (0.0, 1.0) and not math.isnan(slope) and not math.isfinite(intercept)
    ):
        raise VolumeFormatError("a scl_slope or scl_inter that is not finite")
    scaled = slope != 0.0 and math.isfinite(slope)
    x, y, z, *further = sizes[:axes]
    times_s = _times_s(header[123], numbers("8f", 76)[4], further[0]) if further else None
    affine, field, warnings = _affine(header, order, (x, y, z))
    return Nifti(
        path=path,
        shape=(x, y, z, *further),
        dtype=np.dtype(_DTYPES[kind]).newbyteorder(order),
        affine=affine,
        geometry_fields=field,
        placed=field != "pixdim",
        packed=packed,
        start=int(offset),
        times_s=times_s,
        times_from=None if times_s is None else "pixdim[4]",
        warnings=warnings,
        slope=slope if scaled else 1.0,
        intercept=intercept if scaled else 0.0,
    )


def _times_s(units: int, step: float, points: int) -> tuple[float, ...] | None:
    """Return when each point is, pixdim[4] apart; None without a unit of time or with a step of 0 or 1 s.

    Whoever knows no time writes 0 or leaves the unit out, SimpleITK 2.5 writes 1 s.
    """
    if points < 2 or units & 0x38 not in _SECONDS:
        return None
    # f4 in the header: 4.2 is 4.19999981
    step_s = float(f"{step:.7g}") * _SECONDS[units & 0x38]
    if not (math.isfinite(step_s) and step_s >= 0):
        raise VolumeFormatError("a time between time points (pixdim[4]) that is below 0 or not finite")
    if step_s in _NO_STEP_S:
        return None
    return tuple(round(point * step_s, 9) for point in range(points))


def _open(path: Path, packed: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(path)) if packed else path.open("rb")


def _affine(
    header: bytes, order: str, size: tuple[int, int, int]
) -> tuple[Float[np.ndarray[Any, Any], "4 4"], str, tuple[str, ...]]:
    """Return the affine, the fields it comes from, and what is odd."""
    qform_code, sform_code = struct.unpack_from(f"{order}2h", header, 252)
    pixdim = struct.unpack_from(f"{order}8f", header, 76)
    if min(pixdim[1:4]) < 0 and sform_code <= 0:  # which way an axis runs is for qform to say
        raise VolumeFormatError("a pixdim (spacing) below 0")
    if sform_code <= 0 and qform_code <= 0:
        return (
            np.diag([*pixdim[1:4], 1.0]),
            "pixdim",
            ("neither sform nor qform: the orientation is unknown",),
        )
    qform = _qform(header, order, pixdim)
    if sform_code <= 0:
        return qform, "qform and pixdim", ()
    sform = np.eye(4)
    sform[:3] = np.array(struct.unpack_from(f"{order}12f", header, 280)).reshape(3, 4)
    if qform_code <= 0:
        return sform, "sform", ()
    return sform, "sform", _agreement(VoxelGrid(size=size, affine=sform), VoxelGrid(size=size, affine=qform))


def _agreement(sform: VoxelGrid, qform: VoxelGrid) -> tuple[str, ...]:
    """Return a warning where they differ a little; `VolumeFormatError` where they show other voxels."""
    if not (np.isfinite(sform.affine).all() and sform.spacing.all()):
        return ()  # refused for that by whoever opened the file
    with np.errstate(divide="ignore", invalid="ignore"):  # a qform without a side differs by NaN
        apart = grid_difference(qform, sform)
    assert apart is not None  # of one size
    numbers = f"cosine {apart.cosine:.2g}, corner {apart.corner_mm:.3g} mm"
    if not apart.tolerated:
        raise VolumeFormatError(
            f"sform and qform that differ ({numbers}; tolerated {apart.tolerated_mm:.2g} mm)"
        )
    if apart.corner_mm > _NOTEWORTHY_VOXELS * sform.spacing.min():
        return (f"sform and qform differ ({numbers}); the sform counts",)
    return ()


def _qform(header: bytes, order: str, pixdim: tuple[float, ...]) -> Float[np.ndarray[Any, Any], "4 4"]:
    b, c, d, *origin = struct.unpack_from(f"{order}6f", header, 256)
    length = b * b + c * c + d * d
    # A half turn, stored in 32 bits: the root of what is left of 1 would be noise, 2e-4 in real files.
    half_turn = length > 1.0 - 1e-7
    a = 0.0 if half_turn else math.sqrt(1.0 - length)
    b, c, d = (part / math.sqrt(length) if half_turn else part for part in (b, c, d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    handedness = -1.0 if pixdim[0] < 0 else 1.0
    affine = np.eye(4)
    affine[:3, :3] = rotation * np.array([pixdim[1], pixdim[2], pixdim[3] * handedness])
    affine[:3, 3] = origin
    return affine
