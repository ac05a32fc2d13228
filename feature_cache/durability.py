"""Bytes and names that survive a power cut: fsync for files and for folders.

Enters: a path that was just written, or a folder in which a name changed. Leaves: nothing, after the
disk has it. A rename alone is atomic to other processes, but a crash may still forget or empty it.
"""

from __future__ import annotations

import os
from pathlib import Path


def sync_file(path: Path) -> None:
    """Bring the content of a file to the disk."""
    # Opened for writing because Windows flushes no other handle.
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; Windows has no such call and does it on its own."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_up_to(root: Path, folder: Path) -> None:
    """Bring the names in a folder, and in every folder above it up to `root`, to the disk."""
    while True:
        sync_folder(folder)
        if folder == root:
            return
        folder = folder.parent
