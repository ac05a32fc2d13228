"""What is in a cache, counted: feature sets with their cases, entries and bytes, and what lies in the rooms.

Enters: the root of a cache. Leaves: frozen values for `status` and for choosing a feature set. Files are
counted, not read; only a name too long for the disk is taken from an entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from feature_cache.entry_files import read_record
from feature_cache.folders import boxes, entry_folders, feature_set_folders
from feature_cache.garbage import bytes_below
from feature_cache.names import QUARANTINE, TMP, TRASH, decode_name, encode_name


@dataclass(frozen=True, kw_only=True, order=True)
class FeatureSet:
    """One feature set of a cohort. `name` is `<recipe>-<hash12>`, as in `EntryKey.feature_set`."""

    cohort: str
    modality: str
    name: str


@dataclass(frozen=True, kw_only=True)
class FeatureSetSize:
    """How much one feature set holds."""

    feature_set: FeatureSet
    cases: int
    entries: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class CacheStatus:
    """The whole cache: its feature sets, and how many boxes lie in `_tmp`, `_trash` and `_quarantine`."""

    feature_sets: tuple[FeatureSetSize, ...]
    boxes: dict[str, int]

    def describe(self) -> str:
        """Return a line for each feature set, and one for the rooms."""
        lines = [
            f"{size.feature_set.cohort}/{size.feature_set.modality}/{size.feature_set.name}: "
            f"{size.cases} cases, {size.entries} entries, {size.bytes / 1e6:.1f} MB"
            for size in self.feature_sets
        ]
        rooms = ", ".join(f"{room} {count}" for room, count in self.boxes.items())
        return "\n".join([*(lines or ["no entries"]), f"beside them: {rooms}"])


def feature_sets_of(root: Path, cohort: str | None = None) -> Iterator[tuple[FeatureSet, Path]]:
    """Yield the feature sets that hold an entry (of one cohort), each with its folder."""
    for folder in feature_set_folders(root, None if cohort is None else encode_name(cohort)):
        first = next(entry_folders(root, *folder.relative_to(root).parts), None)
        if first is not None:
            yield _named(root, folder, first), folder


def count_cache(root: Path) -> CacheStatus:
    """Count everything."""
    sizes = []
    for feature_set, folder in feature_sets_of(root):
        entries = list(entry_folders(root, *folder.relative_to(root).parts))
        sizes.append(
            FeatureSetSize(
                feature_set=feature_set,
                cases=len({entry.parent for entry in entries}),
                entries=len(entries),
                bytes=bytes_below(folder),
            )
        )
    return CacheStatus(
        feature_sets=tuple(sorted(sizes, key=lambda size: size.feature_set)),
        boxes={room: len(boxes(root, room)) for room in (TMP, TRASH, QUARANTINE)},
    )


def _named(root: Path, folder: Path, first: Path) -> FeatureSet:
    recipe, _, hash12 = folder.name.rpartition("-")
    cohort, modality = folder.relative_to(root).parts[:2]
    names = [decode_name(part) for part in (cohort, modality, recipe)]
    if None in names:
        key = read_record(root, first).key
        return FeatureSet(cohort=key.cohort, modality=key.modality, name=key.feature_set)
    return FeatureSet(cohort=str(names[0]), modality=str(names[1]), name=f"{names[2]}-{hash12}")
