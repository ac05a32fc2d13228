"""Arrays as one Zarr v3 group, `arrays.zarr`, every chunk with a CRC-32C.

Enters and leaves: see `array_format.py`. Zarr reads a missing chunk as zeros without a word, which is why
an entry lists every file and is checked against that list before this file is asked to read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from feature_cache.array_format import AnyArray, Arrays, Layout, array_bytes, chunk_shape, native
from feature_cache.canonical import Json

FOLDER = "arrays.zarr"


class ZarrArrays:
    """The Zarr form (`ArrayFormat`)."""

    def write(self, folder: Path, arrays: Arrays) -> None:
        """Write all arrays as members of the group `arrays.zarr`.

        The files are those that the zarr library writes, byte for byte (tested). It takes 20 ms of computing
        for them, as much as reading a hundred tiles of a slide.
        """
        group = folder / FOLDER
        group.mkdir()
        _write_json(group, {"attributes": {}, "zarr_format": 3, "node_type": "group"})
        for name in sorted(arrays):
            _write_array(group / name, arrays[name])

    def read(self, folder: Path, name: str, expected: Layout) -> AnyArray:
        """Return one array of the group."""
        import zarr

        with _named_failure():
            member = zarr.open_array(store=folder / FOLDER, path=name, mode="r", zarr_format=3)
        if (member.shape, member.dtype.name) != expected:
            raise ValueError(f"shape and dtype are not the recorded {expected}")
        with _named_failure():
            return native(np.asarray(member[...]))


def _write_array(folder: Path, array: AnyArray) -> None:
    """Write one array: its description, and chunks that end in the CRC-32C of what is before."""
    import google_crc32c

    folder.mkdir()
    chunk = chunk_shape(array.shape, array.dtype.itemsize)
    _write_json(folder, _description(array, chunk))
    if 0 in array.shape:
        return
    chunk_bytes = math.prod(chunk) * array.dtype.itemsize
    content = np.frombuffer(array_bytes(array), dtype=np.uint8)  # the library of the checksum takes no view
    for number, start in enumerate(range(0, len(content), chunk_bytes)):
        part = content[start : start + chunk_bytes]
        filling = bytes(chunk_bytes - len(part))  # the last chunk is as long as the others
        checksum = google_crc32c.extend(google_crc32c.value(part), filling)
        place = [str(number), *["0"] * (array.ndim - 1)] if array.ndim else []
        path = (folder / "c").joinpath(*place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.writelines([part.data, filling, checksum.to_bytes(4, "little")])


def _description(array: AnyArray, chunk: tuple[int, ...]) -> dict[str, Json]:
    """Return zarr.json of an array (Zarr version 3 core specification), in the order of the library."""
    fill: Json = {"b": False, "f": 0.0}.get(array.dtype.kind, 0)
    endian: dict[str, Json] = {"configuration": {"endian": "little"}} if array.dtype.itemsize > 1 else {}
    return {
        "shape": list(array.shape),
        "data_type": array.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill,
        "codecs": [{"name": "bytes", **endian}, {"name": "crc32c"}],
        "attributes": {},
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }


def _write_json(folder: Path, content: dict[str, Json]) -> None:
    (folder / "zarr.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


@contextmanager
def _named_failure() -> Iterator[None]:
    """Turn what Zarr raises on damage into one `ValueError` that quotes nothing."""
    try:
        yield
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"unreadable as Zarr ({type(error).__name__})") from error
