"""What may be thrown away: the trash, and what killed writers left in `_tmp`.

Enters: the root of a cache and an age. Leaves: an emptier cache. A box of `_tmp` in which anything was
written lately may belong to a living writer and stays. Ages are measured on the disk's own clock.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from feature_cache.folders import boxes
from feature_cache.names import INDEX, TMP, TRASH


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What `gc` did: boxes removed, their bytes, and boxes touched too lately to go."""

    removed: int
    bytes: int
    kept: int
    older_than_s: float

    def describe(self) -> str:
        """Return the same in one line."""
        kept = f"{self.kept} kept (touched within {self.older_than_s / 60:g} min)"
        return f"{self.removed} boxes removed ({self.bytes / 1e6:.1f} MB), {kept}"


def collect_garbage(root: Path, older_than_s: float) -> Collected:
    """Empty `_trash`, and remove from `_tmp` what nobody wrote to for `older_than_s` seconds.

    A stale box moves to `_trash` first, whole: its writer, should it wake up, finds nothing to commit
    and never commits half of it.
    """
    now = _clock(root)
    kept = 0
    for box in boxes(root, TMP):
        if now - _last_write(box) < older_than_s:
            kept += 1
        else:
            (root / TRASH).mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                box.rename(root / TRASH / uuid.uuid4().hex)
    for half_written in (root / INDEX).glob("*/*.new"):
        if now - _last_write(half_written) >= older_than_s:
            half_written.unlink(missing_ok=True)
    doomed = boxes(root, TRASH)
    size = sum(bytes_below(box) for box in doomed)
    for box in doomed:
        remove_tree(box)
    return Collected(removed=len(doomed), bytes=size, kept=kept, older_than_s=older_than_s)


def remove_tree(path: Path) -> None:
    """Remove a folder with all in it, or a file, or a link but not what it leads to."""
    if path.is_dir() and not path.is_symlink():
        # Once more where another process moved something in or out meanwhile.
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def bytes_below(path: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(inner.lstat().st_size for inner in [path, *path.rglob("*")] if not inner.is_dir())


def _clock(root: Path) -> float:
    """Return the time by the clock of the cache's disk, which may be another machine's."""
    (root / TMP).mkdir(exist_ok=True)
    tick = root / TMP / f"{uuid.uuid4().hex}.clock"
    tick.touch()
    now = tick.stat().st_mtime
    tick.unlink()
    return now


def _last_write(box: Path) -> float:
    """Return the time of the newest file or folder; the lease of the writer who made the box."""
    try:
        return max(path.lstat().st_mtime for path in [box, *box.rglob("*")])
    except FileNotFoundError:
        return math.inf  # something went away just now: its writer lives
