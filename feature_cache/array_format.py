"""Arrays on disk: what the two forms have in common, and the protocol behind which they stand.

Enters: numpy arrays by name. Leaves: files in the folder of an entry, and the same arrays again. The form
is no identity: an entry says which one it has, and any cache reads both. Both write the same bytes for
the same arrays, keep them uncompressed (half-precision features gain 8 %), and give each chunk a checksum.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Shaped

from feature_cache.entry_contents import EntryContents

FormatName = Literal["zarr", "hdf5"]
FORMAT_NAMES: tuple[FormatName, ...] = ("zarr", "hdf5")

_BITS = {"float": (16, 32, 64), "int": (8, 16, 32, 64), "uint": (8, 16, 32, 64)}
#: What an array of an entry may be; anything else (objects, text, complex) is refused at commit.
DTYPES = frozenset(["bool", *(f"{kind}{n}" for kind, sizes in _BITS.items() for n in sizes)])

#: Largest chunk in bytes. A bag of 10,000 tiles of 1,536 half-precision numbers is one chunk.
CHUNK_BYTES = 64 * 2**20

AnyArray = Shaped[np.ndarray, "..."]
Arrays = Mapping[str, AnyArray]
#: Shape and dtype name of an array.
Layout = tuple[tuple[int, ...], str]


class ArrayFormat(Protocol):
    """One form on disk. Arrays arrive little-endian and C-contiguous, of a dtype in `DTYPES`."""

    def write(self, folder: Path, arrays: Arrays) -> None:
        """Write all arrays below `folder`; `OSError` where the disk does not take them."""

    def read(self, contents: EntryContents, name: str, expected: Layout) -> tuple[AnyArray, str]:
        """Return one array and its `array_sha256`.

        `ValueError` where it is absent, unreadable, or not of the expected layout, `DamagedEntryError` where
        a file of it is not what was committed. The layout is compared before anything is allocated.
        """


def array_format(name: FormatName) -> ArrayFormat:
    """Return the form of that name; its library is imported by the first write or read."""
    from feature_cache.hdf5_arrays import Hdf5Arrays
    from feature_cache.zarr_arrays import ZarrArrays

    formats: dict[FormatName, ArrayFormat] = {"zarr": ZarrArrays(), "hdf5": Hdf5Arrays()}
    return formats[name]


def little_endian(array: AnyArray) -> AnyArray:
    """Return the same values, C-contiguous and little-endian, of the same shape."""
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def array_bytes(array: AnyArray) -> memoryview:
    """Return the little-endian bytes in C order, without a copy where they are that already."""
    return little_endian(array).reshape(-1).view(np.uint8).data


def array_sha256(array: AnyArray) -> str:
    """Return the sha256 (hex) of the little-endian bytes in C order; shape and dtype are not in it."""
    return hashlib.sha256(array_bytes(array)).hexdigest()


def array_from_bytes(raw: bytes, layout: Layout) -> AnyArray:
    """Return the array whose `array_bytes` are `raw`; `ValueError` where the length does not fit."""
    shape, dtype = layout
    stored = np.frombuffer(raw, dtype=np.dtype(dtype).newbyteorder("<")).reshape(shape)
    return native(stored.copy())


def native(array: AnyArray) -> AnyArray:
    """Return the array in this machine's byte order; nothing to do on nearly all of them."""
    return array if sys.byteorder == "little" else array.astype(array.dtype.newbyteorder("="))


def chunk_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return the chunks of an array: whole rows, as many as fit `CHUNK_BYTES`, all of them if they do."""
    if not shape:
        return ()
    row_bytes = max(1, math.prod(shape[1:]) * itemsize)
    rows = min(max(1, shape[0]), max(1, CHUNK_BYTES // row_bytes))
    return (rows, *(max(1, length) for length in shape[1:]))
