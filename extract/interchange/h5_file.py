"""Datasets of an HDF5 file that somebody else wrote: looked at before they are read.

Enters: a path and the name of a dataset. Leaves: an array, attributes as plain Python, or a `SourceError`. A
dataset whose bytes lie in another file is refused, so that no file can draw another one in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_cache.array_format import AnyArray
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

if TYPE_CHECKING:
    from h5py import Dataset, File

#: Bytes of one array of one slide: a million tiles of 4,096 numbers of four bytes.
MOST_ARRAY_BYTES = 2**34


@contextmanager
def opened_h5(path: Path, where: str) -> Iterator[File]:
    """Open an HDF5 file to read; `where` names the slide and the file for people.

    Raises
    ------
    SourceError
        It is no HDF5 file, damaged or cut short; also where a read inside the block fails.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError) as error:
        raise SourceError(
            where,
            expected="an HDF5 file that can be read",
            got=f"one that cannot ({type(error).__name__}): damaged, cut short, or another kind of file",
            remedy="Copy it again, or let its program finish it.",
        ) from error


def dataset(file: File, name: str, where: str) -> Dataset:
    """Return a dataset of the file itself.

    Raises
    ------
    SourceError
        There is none of this name, it is kept in another file, or is larger than the array of a slide can be.
    """
    import h5py

    found = file.get(name) if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise _unlike(where, f"a dataset {name} in the file itself", "none")
    if found.dtype.kind not in "fiu" or found.dtype.itemsize > 8:
        raise _unlike(where, f"numbers in {name}", f"dtype {found.dtype}")
    if found.size * found.dtype.itemsize > MOST_ARRAY_BYTES:
        raise _unlike(where, f"at most {MOST_ARRAY_BYTES:,} bytes in {name}", f"shape {found.shape}")
    return found


def read_rows(file: File, name: str, where: str) -> AnyArray:
    """Return a dataset as (row, column); a leading axis of one is taken off."""
    return as_rows(dataset(file, name, where)[()], name, where)


def as_rows(array: AnyArray, name: str, where: str) -> AnyArray:
    """Return an array as (row, column), little-endian; `SourceError` where it has other axes."""
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        raise _unlike(where, f"{name} with one row a tile", f"shape {array.shape}")
    return np.asarray(array)


def attribute(holder: Dataset | File, name: str) -> Json:
    """Return an attribute as plain Python, None where it is absent, says `None` or is no text or number."""
    if name not in holder.attrs:
        return None
    value: Any = holder.attrs[name]
    value = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
    value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return value if isinstance(value, str | int | float | list) and value not in ("None", "") else None


def number(value: Json) -> float | None:
    """Return an attribute that is a finite number above 0, None where it is not; of a list the first."""
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, bool) or not isinstance(first, int | float):
        return None
    return float(first) if np.isfinite(first) and first > 0 else None


def write_h5(
    path: Path, arrays: Mapping[str, AnyArray], attrs: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Write datasets, each in one piece; `attrs` are those of a dataset, or under "" those of the file."""
    import h5py

    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        for name, values in (attrs or {}).items():
            holder = file[name] if name else file
            for key, value in values.items():
                holder.attrs[key] = value


def _unlike(where: str, expected: str, got: str) -> SourceError:
    return SourceError(where, expected=expected, got=got, remedy="Name the program that wrote it.")
