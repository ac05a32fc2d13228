"""What a folder holds, to be compared with what it holds later: names, kinds, contents, times of reading.

Enters: a folder. Leaves: a mapping that is equal to another one if nothing was written, and a way to tell
that something was read, where the file system notes that.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

#: A day long gone: a file system that notes readings at all notes one of a file that was last read then.
LONG_AGO = 978_307_200


def snapshot(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return path -> kind, permissions, size, time of change, content; links are not followed."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        about = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(about.st_mode) else ""
        found[path.relative_to(folder).as_posix()] = (
            about.st_mode,
            about.st_size,
            about.st_mtime_ns,
            content,
        )
    return found


def forget_readings(folder: Path) -> None:
    """Let every file below the folder look as if it was read long ago."""
    for path in sorted(folder.rglob("*")):
        if stat.S_ISREG(path.lstat().st_mode):
            os.utime(path, (LONG_AGO, LONG_AGO))


def readings(folder: Path) -> list[str]:
    """Return the files that were read since."""
    files = (path for path in sorted(folder.rglob("*")) if stat.S_ISREG(path.lstat().st_mode))
    return [path.name for path in files if path.lstat().st_atime != LONG_AGO]


def notes_readings(folder: Path) -> bool:
    """Whether the file system below the folder notes readings."""
    probe = folder / "probe"
    probe.write_bytes(b"x")
    os.utime(probe, (LONG_AGO, LONG_AGO))
    probe.read_bytes()
    noted = probe.stat().st_atime != LONG_AGO
    probe.unlink()
    return noted
