"""What a cache or a folder holds, to compare with another: damaged entries, fingerprints, left-overs.

Enters: a folder. Leaves: counts, or a hash of names and bytes. Nothing is changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from feature_cache.store import FeatureCache


def damaged(cache: Path) -> list[str]:
    """Return the entries that verify wrong, with what is wrong; none where there is no cache yet."""
    if not cache.is_dir() or not any(cache.iterdir()):
        return []
    checks = FeatureCache.open(cache).verify()
    return [f"{check.name}: {check.problem}" for check in checks if not check.ok]


def count_entries(cache: Path) -> int:
    """Return how many entries there are."""
    return sum(1 for _ in FeatureCache.open(cache).records())


def fingerprint(folder: Path) -> str:
    """Hash names and bytes of every file outside the `_*` rooms."""
    digest = hashlib.sha256()
    for path in _files(folder):
        relative = path.relative_to(folder)
        if not relative.parts[0].startswith("_"):
            content = path.read_bytes()
            digest.update(f"{relative}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def left_over(cache: Path, room: str = "_tmp") -> int:
    """Return how many boxes lie in a room."""
    folder = cache / room
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
