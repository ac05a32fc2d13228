"""Everything in a cache read and compared with what was committed.

Enters: the root of a cache. Leaves: one check an entry, in sorted order, saying what is wrong with it;
what is damaged can be moved to `_quarantine`, where no reader finds it and the next run makes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from feature_cache.commit import set_aside
from feature_cache.entry_files import read_arrays, read_record
from feature_cache.errors import DamagedEntryError, Problem
from feature_cache.folders import entry_folders, remove_empty
from feature_cache.names import QUARANTINE


@dataclass(frozen=True, kw_only=True)
class EntryCheck:
    """What `verify` found at one place.

    `name` is the folder of the entry relative to the cache. `damage` names the part that is wrong.
    """

    name: str
    damage: Problem | None = None
    quarantined: bool = False

    @property
    def ok(self) -> bool:
        """Whether the entry is what was committed."""
        return self.damage is None

    @property
    def problem(self) -> str:
        """Which part is wrong and how, in one line without the name; empty where nothing is."""
        found = self.damage
        if found is None:
            return ""
        part = found.where.removeprefix(f"{self.name}: ")
        return f"{part}: expected {found.expected}; got {found.got}"


def verify_entries(root: Path, *, quarantine: bool = False) -> Iterator[EntryCheck]:
    """Read every entry whole and yield a check of each.

    Found are: an `entry.json` that is absent, altered or of another place (swapped entries); settings
    that are not those of the folder's hash; files missing, added, cut or altered; arrays that differ.
    """
    for folder in entry_folders(root):
        damage = _damage(root, folder)
        if damage is not None:
            # A writer may have replaced the entry between the reading of two of its files.
            damage = _damage(root, folder)
        if damage is not None and not folder.exists() and not folder.is_symlink():
            continue
        moved = quarantine and damage is not None and set_aside(root, folder, QUARANTINE) is not None
        if moved:
            remove_empty(folder.parent, root)
        yield EntryCheck(name=folder.relative_to(root).as_posix(), damage=damage, quarantined=moved)


def _damage(root: Path, folder: Path) -> Problem | None:
    try:
        read_arrays(root, folder, read_record(root, folder))
    except DamagedEntryError as error:
        return error.as_problem()
    return None
