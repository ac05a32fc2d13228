"""An archive that cannot be unpacked is refused by whoever reads it, whatever its decoder raises."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from extract.interchange.array_files import read_npz
from extract.interchange.table_file import open_table
from feature_cache.errors import SourceError

METHODS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
#: Where the flags and the method of a member stand, behind its local and its central header.
HEADERS = ((b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10))


def write_table(path: Path, method: int) -> None:
    numbers = np.random.default_rng(0).normal(size=4000)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("t.csv", "case_id,a\n" + "".join(f"{n},{one}\n" for n, one in enumerate(numbers)))


def write_arrays(path: Path, method: int) -> None:
    stream = io.BytesIO()
    np.save(stream, np.random.default_rng(0).normal(size=(50, 50)))
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.npy", stream.getvalue())


def damage(path: Path) -> None:
    """Change bytes within what was packed."""
    raw = bytearray(path.read_bytes())
    middle = slice(len(raw) // 3, len(raw) // 3 + 60)
    raw[middle] = bytes(byte ^ 0x5A for byte in raw[middle])
    path.write_bytes(raw)


def claim(path: Path, flags: int, method: int) -> None:
    """Say of the one member that it has these flags and was packed by this method."""
    raw = bytearray(path.read_bytes())
    for mark, flags_at, method_at in HEADERS:
        start = raw.index(mark)
        raw[start + flags_at], raw[start + method_at] = flags, method
    path.write_bytes(raw)


def read_table(path: Path) -> int:
    with open_table(path) as table:
        return sum(1 for _ in table.rows)


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_archive_is_refused_by_both(tmp_path: Path, method: int) -> None:
    table, arrays = tmp_path / "t.zip", tmp_path / "a.npz"
    write_table(table, method)
    write_arrays(arrays, method)
    assert read_table(table) == 4000 and read_npz(arrays, "slide 1")["a"].shape == (50, 50)
    damage(table)
    damage(arrays)
    with pytest.raises(SourceError, match=r"^t\.zip"):  # what is unpacked before the damage may be no table
        read_table(table)
    with pytest.raises(SourceError, match=r"expected arrays in a\.npz; got one that cannot be read"):
        read_npz(arrays, "slide 1")


@pytest.mark.parametrize(
    ("flags", "method", "got_of_table", "got_of_arrays"),
    [
        (0, 99, "NotImplementedError", r"cannot be read \(NotImplementedError\)"),
        (1, zipfile.ZIP_DEFLATED, "one behind a password", "one behind a password"),
    ],
)
def test_an_archive_that_nobody_here_can_unpack_is_refused(
    tmp_path: Path, flags: int, method: int, got_of_table: str, got_of_arrays: str
) -> None:
    table, arrays = tmp_path / "t.zip", tmp_path / "a.npz"
    write_table(table, zipfile.ZIP_DEFLATED)
    write_arrays(arrays, zipfile.ZIP_DEFLATED)
    claim(table, flags, method)
    claim(arrays, flags, method)
    with pytest.raises(SourceError, match=got_of_table):
        read_table(table)
    with pytest.raises(SourceError, match=got_of_arrays):
        read_npz(arrays, "slide 1")
