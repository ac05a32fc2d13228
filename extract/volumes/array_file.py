"""Slices and stacks kept as plain arrays (.npz, .h5), as M-PRTM and copies of ACDC have them.

Enters: a path and which of its arrays: `image` or `label`, stored (time, z, y, x), (z, y, x) or (y, x).
Leaves: a `StoredVolume`. Nothing in such a file says how large a voxel is, how it lies, or which side is
left.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from jaxtyping import Shaped

from extract.volumes.stored import StoredVolume, VolumeFormatError

Content = Literal["image", "label"]


@dataclass(frozen=True, kw_only=True)
class ArrayFile(StoredVolume):
    """One array of a .npz or .h5 file, in units of voxels."""

    content: Content

    def _points(
        self, stored: Shaped[np.ndarray[Any, Any], ...]
    ) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        for point in stored.reshape((self.points, *reversed(self.shape[:3]))):
            yield point.T


class NpzArray(ArrayFile):
    """An array of a .npz file."""

    def read_points(self) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        """Yield the voxels; see `StoredVolume.read_points`."""
        with zipfile.ZipFile(self.path) as archive, archive.open(f"{self.content}.npy") as member:
            stored = np.lib.format.read_array(member, allow_pickle=False)
            if member.read(1):  # reading on to the end is what checks the checksum
                raise VolumeFormatError("more bytes than its header declares")
        yield from self._points(stored)


class Hdf5Array(ArrayFile):
    """A dataset of a .h5 file."""

    def read_points(self) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        """Yield the voxels; see `StoredVolume.read_points`."""
        import h5py

        with h5py.File(self.path, "r") as file:
            stored = file[self.content][()]
        yield from self._points(stored)


def open_npz(path: Path, content: Content) -> NpzArray:
    """Read the header of one array; `VolumeFormatError` where there is none or it is no plain array."""
    with zipfile.ZipFile(path) as archive:
        if f"{content}.npy" not in archive.namelist():
            raise VolumeFormatError(f"no array `{content}`")
        with archive.open(f"{content}.npy") as member:
            shape, dtype = _npy_header(member)
    return NpzArray(**_described(path, content, shape, dtype))


def open_hdf5(path: Path, content: Content) -> Hdf5Array:
    """Read shape and type of a dataset; `VolumeFormatError` where there is none or it is kept elsewhere."""
    import h5py

    with h5py.File(path, "r") as file:
        if not isinstance(file.get(content, getlink=True), h5py.HardLink):  # others lead out of the file
            raise VolumeFormatError(f"no array `{content}` of its own")
        stored = file[content]
        if not isinstance(stored, h5py.Dataset) or stored.is_virtual or stored.external:
            raise VolumeFormatError(f"a `{content}` whose numbers are not in the file")
        return Hdf5Array(**_described(path, content, stored.shape or (), stored.dtype))


def _npy_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise VolumeFormatError(f"an array of version {version}")
    shape, _, dtype = readers[version](member)
    return shape, dtype


def _described(path: Path, content: Content, stored: tuple[int, ...], dtype: np.dtype[Any]) -> dict[str, Any]:
    if dtype.kind not in "biuf":
        raise VolumeFormatError(f"an array of {dtype.name}, which are no plain numbers")
    if len(stored) not in (2, 3, 4):
        got = f"an array of {len(stored)} axes where (time, z, y, x), (z, y, x) or (y, x) belong"
        raise VolumeFormatError(got)
    return {
        "path": path,
        "content": content,
        "shape": (*reversed(stored), 1)[: max(3, len(stored))],
        "dtype": dtype,
        "affine": np.eye(4),
        "geometry_fields": "no field",
        "placed": False,
        "packed": True,
        "warnings": ("an array without spacing or orientation: axes as stored",),
    }
