"""Arrays as one Zarr v3 group, `arrays.zarr`, every chunk with a CRC-32C.

Enters and leaves: see `array_format.py`. Zarr reads a missing chunk as zeros without a word, which is why
an entry lists every file and is checked against that list before this file is asked to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from feature_cache.array_format import AnyArray, Arrays, Layout, chunk_shape, native

FOLDER = "arrays.zarr"


class ZarrArrays:
    """The Zarr form (`ArrayFormat`)."""

    def write(self, folder: Path, arrays: Arrays) -> None:
        """Write all arrays as members of the group `arrays.zarr`."""
        import zarr
        from zarr.codecs import Crc32cCodec

        group = zarr.create_group(store=folder / FOLDER, zarr_format=3)
        for name in sorted(arrays):
            array = arrays[name]
            member = group.create_array(
                name,
                shape=array.shape,
                dtype=array.dtype,
                chunks=chunk_shape(array.shape, array.dtype.itemsize),
                filters=None,
                compressors=[Crc32cCodec()],
                fill_value=0,
                config={"write_empty_chunks": True},
            )
            member[...] = array

    def read(self, folder: Path, name: str, expected: Layout) -> AnyArray:
        """Return one array of the group."""
        import zarr

        with _named_failure():
            member = zarr.open_array(store=folder / FOLDER, path=name, mode="r", zarr_format=3)
        if (member.shape, member.dtype.name) != expected:
            raise ValueError(f"shape and dtype are not the recorded {expected}")
        with _named_failure():
            return native(np.asarray(member[...]))


@contextmanager
def _named_failure() -> Iterator[None]:
    """Turn what Zarr raises on damage into one `ValueError` that quotes nothing."""
    try:
        yield
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"unreadable as Zarr ({type(error).__name__})") from error
