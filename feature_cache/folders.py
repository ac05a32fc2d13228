"""Where things are in a cache: rooms, feature sets, cases, entries.

Enters: the root of a cache, or a box of one of its rooms (a box mirrors the layout below the root).
Leaves: folders, in sorted order. Nothing is opened; whether a folder is what its name says is
`verification.py`'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from feature_cache.entry_files import IGNORED
from feature_cache.names import ROOMS, encode_name

#: Cohort, modality, feature set, case, item.
DEPTH = 5
_FEATURE_SET = re.compile(r".+-[0-9a-f]{12}")


def entry_folders(base: Path, *known: str | None) -> Iterator[Path]:
    """Yield every folder that stands where an entry belongs.

    `known` are folder names of the first levels (cohort, modality, feature set); None is every one.
    A file in the place of a folder, at any level below the cohort, is yielded too: it is no entry, and
    whoever reads it will say so.
    """
    wanted = (*known, *(None,) * (DEPTH - len(known)))
    yield from _below(base, wanted)


def case_folders(base: Path, case_id: str) -> list[Path]:
    """Return the folders of one case in every cohort, modality and feature set."""
    name = encode_name(case_id)
    return [
        path / name
        for path in _below(base, (None, None, None))
        if (path / name).is_dir() and not (path / name).is_symlink()
    ]


def feature_set_folders(base: Path, cohort: str | None = None) -> Iterator[Path]:
    """Yield the folders of the feature sets (of one cohort, given as a folder name)."""
    for path in _below(base, (cohort, None, None)):
        if path.is_dir() and _FEATURE_SET.fullmatch(path.name):
            yield path


def boxes(root: Path, room: str) -> list[Path]:
    """Return what lies in a room: each box holds what one writer or one move put there."""
    folder = root / room
    return sorted(folder.iterdir()) if folder.is_dir() else []


def is_cache(root: Path) -> bool:
    """Whether a folder is a cache: it has a room or a feature set (rooms may be left out of a copy)."""
    return any((root / room).is_dir() for room in ROOMS) or any(True for _ in feature_set_folders(root))


def remove_empty(folder: Path, up_to: Path) -> None:
    """Remove a folder and those above it, below `up_to`, as far as they are empty."""
    while folder != up_to:
        try:
            folder.rmdir()
        except OSError:
            return  # not empty, or gone
        folder = folder.parent


def _below(folder: Path, wanted: tuple[str | None, ...], *, top: bool = True) -> Iterator[Path]:
    if not wanted:
        yield folder
        return
    name, *rest = wanted
    for path in sorted(folder.iterdir()) if name is None else [folder / name]:
        if path.is_dir():
            if not (top and path.name.startswith(("_", "."))):
                yield from _below(path, tuple(rest), top=False)
        elif not top and name is None and path.name not in IGNORED:
            yield path
