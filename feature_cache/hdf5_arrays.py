"""Arrays as one HDF5 file, `arrays.h5`, every chunk with a Fletcher-32 checksum.

Enters and leaves: see `array_format.py`. Times are left out and the file version is pinned, so that the
same arrays give the same bytes. Locks are off: they fail on network disks, and the commit needs none.
A file is built in memory and written by Python: on a full disk the library itself crashes the process.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from feature_cache.array_format import AnyArray, Arrays, Layout, array_sha256, chunk_shape, native
from feature_cache.entry_contents import EntryContents

FILE = "arrays.h5"
_VERSION = ("v110", "v110")
_GROWTH = 16 * 2**20


class Hdf5Arrays:
    """The HDF5 form (`ArrayFormat`)."""

    def write(self, folder: Path, arrays: Arrays) -> None:
        """Write all arrays as datasets of `arrays.h5`."""
        import h5py

        with h5py.File(
            FILE, "w", driver="core", backing_store=False, block_size=_GROWTH, libver=_VERSION
        ) as file:
            for name in sorted(arrays):
                array = arrays[name]
                # HDF5 has chunks, and so checksums, only where there is something to cut.
                cut = array.size > 0 and array.ndim > 0
                chunks = chunk_shape(array.shape, array.dtype.itemsize) if cut else None
                file.create_dataset(name, data=array, chunks=chunks, fletcher32=cut, track_times=False)
            file.flush()
            image = file.id.get_file_image()
        (folder / FILE).write_bytes(image)

    def read(self, contents: EntryContents, name: str, expected: Layout) -> tuple[AnyArray, str]:
        """Return one dataset of the file."""
        import h5py

        contents.check_others()
        try:
            with h5py.File(contents.folder / FILE, "r", locking=False) as file:
                if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                    raise ValueError("no such dataset")
                dataset = file[name]
                if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
                    raise ValueError("not a plain dataset")
                if (dataset.shape, dataset.dtype.name) != expected:
                    raise ValueError(f"shape and dtype are not the recorded {expected}")
                array = native(np.asarray(dataset[()]))
        except (OSError, KeyError, RuntimeError) as error:
            raise ValueError(f"unreadable as HDF5 ({type(error).__name__})") from error
        return array, array_sha256(array)
