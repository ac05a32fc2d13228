"""The files of one entry as they are read: each compared with the record, in one pass over its bytes.

Enters: a folder and the files that its record promises. Leaves: their bytes, or a `DamagedEntryError` that
names the file. A form on disk gets at files through here, so that nothing is looked at before it is checked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from feature_cache.canonical import sha256_of_file
from feature_cache.entry import FileRecord
from feature_cache.errors import DamagedEntryError

Bytes = UInt8[np.ndarray, " byte"]


class EntryContents:
    """The files of an entry in `folder`, called `where` in errors. Their sizes have been compared before."""

    def __init__(self, folder: Path, where: str, files: Mapping[str, FileRecord]) -> None:
        self.folder = folder
        self._where = where
        self._files = files
        self._checked: set[str] = set()

    def read(self, name: str, head: int | None = None) -> tuple[Bytes, str]:
        """Read one file.

        Parameters
        ----------
        name
            Its path relative to the folder, as the record has it.
        head
            How many of its first bytes the returned hash is of; all where left out.

        Returns
        -------
        content, sha256
            The bytes, writeable; and the sha256 (hex) of the first `head`.

        Raises
        ------
        ValueError
            The record promises no such file.
        DamagedEntryError
            It cannot be read, or is not what was committed.
        """
        promised = self._files.get(name)
        if promised is None:
            raise ValueError(f"unreadable: no file {name.rpartition('/')[2]} of it")
        try:
            content = _read_file(self.folder / name, promised.bytes)
        except OSError as error:
            raise self._unreadable(name, error) from error
        cut = len(content) if head is None else head
        digest = hashlib.sha256(content.data[:cut])
        of_head = digest.hexdigest()
        if cut < len(content):
            digest.update(content.data[cut:])
        self._compare(name, digest.hexdigest())
        return content, of_head

    def check_others(self) -> None:
        """Compare every file that was not read so far; `DamagedEntryError` where one is another."""
        for name in sorted(self._files.keys() - self._checked):
            try:
                found = sha256_of_file(self.folder / name)
            except OSError as error:
                raise self._unreadable(name, error) from error
            self._compare(name, found)

    def _compare(self, name: str, found: str) -> None:
        if found != self._files[name].sha256:
            raise damaged(self._where, name, "the recorded sha256", "other bytes of the same length")
        self._checked.add(name)

    def _unreadable(self, name: str, error: OSError) -> DamagedEntryError:
        return damaged(self._where, name, "a readable file", error.strerror or "a failed read")


def damaged(where: str, part: str, expected: str, got: str) -> DamagedEntryError:
    """Return the error for one part of an entry, named by its folder below the root."""
    return DamagedEntryError(
        f"{where}: {part}",
        expected=expected,
        got=got,
        remedy="`python -m extract verify CACHE --quarantine` moves it aside; then run extract again.",
    )


def _read_file(path: Path, size: int) -> Bytes:
    """Return `size` bytes of a file, or as many as there are."""
    content = np.empty(size, dtype=np.uint8)
    with path.open("rb") as stream:
        return content[: stream.readinto(content.data)]
