"""Arrays as one Zarr v3 group, `arrays.zarr`, every chunk with a CRC-32C.

Enters and leaves: see `array_format.py`. Zarr reads a missing chunk as zeros without a word, which is why
an entry lists every file and is checked against that list before this file is asked to read. Arrays that
are described as they are written here are read here too: a file each, against 1 ms of the library.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from feature_cache.array_format import (
    AnyArray,
    Arrays,
    Layout,
    array_bytes,
    array_sha256,
    chunk_shape,
    native,
)
from feature_cache.canonical import Json
from feature_cache.entry_contents import Bytes, EntryContents

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

    def read(self, contents: EntryContents, name: str, expected: Layout) -> tuple[AnyArray, str]:
        """Return one array of the group.

        What is described word for word as `write` describes this layout is read here, every other Zarr array
        (other chunks, other codecs) by the library.
        """
        described, _ = contents.read(f"{FOLDER}/{name}/zarr.json")
        if described.tobytes() == _json_bytes(_description(expected)):
            return _read_own(contents, f"{FOLDER}/{name}", expected)
        contents.check_others()
        array = _read_by_library(contents.folder / FOLDER, name, expected)
        return array, array_sha256(array)


def _read_own(contents: EntryContents, folder: str, expected: Layout) -> tuple[AnyArray, str]:
    """Read an array that `_write_array` wrote; of one chunk, file and array are hashed in one pass."""
    shape, dtype = expected
    stored = np.dtype(dtype).newbyteorder("<")
    size = math.prod(shape) * stored.itemsize
    if size == 0:
        empty = np.empty(shape, dtype=dtype)
        return empty, array_sha256(empty)
    chunk_bytes = math.prod(chunk_shape(shape, stored.itemsize)) * stored.itemsize
    if size == chunk_bytes:
        content, sha256 = _read_chunk(contents, f"{folder}/{_chunk_name(0, len(shape))}", size)
        return native(content.view(stored).reshape(shape)), sha256
    chunks = -(-size // chunk_bytes)
    whole = np.empty(chunks * chunk_bytes, dtype=np.uint8)
    for number, part in enumerate(np.split(whole, chunks)):
        part[:], _ = _read_chunk(contents, f"{folder}/{_chunk_name(number, len(shape))}", chunk_bytes)
    array = whole[:size].view(stored).reshape(shape)
    return native(array), array_sha256(array)


def _read_chunk(contents: EntryContents, path: str, size: int) -> tuple[Bytes, str]:
    """Return the bytes of one chunk, and their sha256, after comparing its CRC-32C."""
    import google_crc32c

    content, sha256 = contents.read(path, head=size)
    chunk, checksum = content[:size], content[size:]
    if len(checksum) != 4 or google_crc32c.value(chunk) != int.from_bytes(checksum.tobytes(), "little"):
        raise ValueError("unreadable as Zarr: a chunk of another length, or with another checksum")
    return chunk, sha256


def _read_by_library(group: Path, name: str, expected: Layout) -> AnyArray:
    import zarr

    with _named_failure():
        member = zarr.open_array(store=group, path=name, mode="r", zarr_format=3)
    if (member.shape, member.dtype.name) != expected:
        raise ValueError(f"shape and dtype are not the recorded {expected}")
    with _named_failure():
        return native(np.asarray(member[...]))


def _write_array(folder: Path, array: AnyArray) -> None:
    """Write one array: its description, and chunks that end in the CRC-32C of what is before."""
    import google_crc32c

    folder.mkdir()
    chunk = chunk_shape(array.shape, array.dtype.itemsize)
    _write_json(folder, _description((array.shape, array.dtype.name)))
    if 0 in array.shape:
        return
    chunk_bytes = math.prod(chunk) * array.dtype.itemsize
    content = np.frombuffer(array_bytes(array), dtype=np.uint8)  # the library of the checksum takes no view
    for number, start in enumerate(range(0, len(content), chunk_bytes)):
        part = content[start : start + chunk_bytes]
        filling = bytes(chunk_bytes - len(part))  # the last chunk is as long as the others
        checksum = google_crc32c.extend(google_crc32c.value(part), filling)
        path = folder / _chunk_name(number, array.ndim)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.writelines([part.data, filling, checksum.to_bytes(4, "little")])


def _chunk_name(number: int, dimensions: int) -> str:
    """Return where a chunk is: they lie along the first dimension alone."""
    return "/".join(["c", str(number), *["0"] * (dimensions - 1)]) if dimensions else "c"


def _description(layout: Layout) -> dict[str, Json]:
    """Return zarr.json of an array (Zarr version 3 core specification), in the order of the library."""
    shape, dtype = layout[0], np.dtype(layout[1])
    chunk = chunk_shape(shape, dtype.itemsize)
    fill: Json = {"b": False, "f": 0.0}.get(dtype.kind, 0)
    endian: dict[str, Json] = {"configuration": {"endian": "little"}} if dtype.itemsize > 1 else {}
    return {
        "shape": list(shape),
        "data_type": dtype.name,
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
    (folder / "zarr.json").write_bytes(_json_bytes(content))


def _json_bytes(content: dict[str, Json]) -> bytes:
    return json.dumps(content, indent=2).encode()


@contextmanager
def _named_failure() -> Iterator[None]:
    """Turn what Zarr raises on damage into one `ValueError` that quotes nothing."""
    try:
        yield
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"unreadable as Zarr ({type(error).__name__})") from error
