"""Hashes of raw files, remembered so that terabytes are not read again to find that nothing changed.

Enters: the path of a raw file. Leaves: its sha256. One small file below `_index` a path, named by the
sha256 of the path (paths can name people), replaced in one step and so safe for many processes. It is
never the truth: what is damaged, or differs in anything the file system says, is ignored and made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from feature_cache.canonical import canonical_json, sha256_of_file, sha256_of_json
from feature_cache.errors import SourceError

#: A file that changed less than this long ago is not remembered: a later change could fall into the same
#: tick of the file system's clock and leave every number as it is.
SETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class SourceIndex:
    """The memory in one folder."""

    folder: Path

    def hash_file(self, path: Path, *, rehash: bool = False) -> str:
        """Return the sha256 (hex) of a file, from memory where the file is as it was.

        As it was: the same path, size, mtime, ctime and inode. The ctime betrays a content that changed
        and an mtime that was put back. `rehash` reads the file whatever the memory says.

        Raises
        ------
        SourceError
            The file is absent or unreadable, or changed while it was read.
        """
        try:
            before = _state(path)
            if not rehash and (known := self._remembered(path, before)) is not None:
                return known
            sha256 = sha256_of_file(path)
            after = _state(path)
        except OSError as error:
            raise SourceError(
                path.name,
                expected="a readable file",
                got=error.strerror or "a failed read",
                remedy="Check the path in the manifest, --root and the permissions.",
            ) from error
        if before != after:
            raise SourceError(
                path.name,
                expected="a file that keeps still while it is read",
                got="another size or time after than before",
                remedy="Let the copy finish, then run again.",
            )
        if time.time_ns() - max(after["mtime_ns"], after["ctime_ns"]) > SETTLED_NS:
            self._remember(path, after, sha256)
        return sha256

    def forget(self, hashes: Collection[str]) -> int:
        """Remove the memory of all files with these sha256; return how many there were."""
        doomed = [path for path in self.folder.glob("*/*.json") if _content(path).get("sha256") in hashes]
        for path in doomed:
            path.unlink(missing_ok=True)
        return len(doomed)

    def _place(self, path: Path) -> Path:
        name = hashlib.sha256(os.fsencode(Path(os.path.abspath(path)))).hexdigest()  # noqa: PTH100  no links followed
        return self.folder / name[:2] / f"{name}.json"

    def _remembered(self, path: Path, state: dict[str, int]) -> str | None:
        content = _content(self._place(path))
        sha256 = content.pop("sha256", None)
        return sha256 if isinstance(sha256, str) and content == state else None

    def _remember(self, path: Path, state: dict[str, int], sha256: str) -> None:
        body = {**state, "sha256": sha256}
        place = self._place(path)
        fresh = place.with_name(f"{place.stem}.{uuid.uuid4().hex}.new")
        # A memory that cannot be written costs a second reading, and no more.
        with contextlib.suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(canonical_json({**body, "check": sha256_of_json(body)}))
            fresh.replace(place)


def _state(path: Path) -> dict[str, int]:
    stat = path.stat()
    return {
        "bytes": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "ctime_ns": stat.st_ctime_ns,
        "inode": stat.st_ino,
    }


def _content(place: Path) -> dict[str, object]:
    """Return what one file of the memory says, {} where it is absent or damaged."""
    try:
        content = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    check = content.pop("check", None)
    return content if check == sha256_of_json(content) else {}
