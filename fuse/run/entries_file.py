"""entries.csv: which entries a run has read, each with its own hash.

Enters: the chosen feature sets. Leaves: (modality, entry, entry_sha256), sorted; and when a run is repeated,
the name of the first entry that is not the one it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from feature_cache.errors import CacheError
from fuse.features.feature_sets import ChosenSet
from fuse.files import read_csv, write_csv

COLUMNS = ("modality", "entry", "entry_sha256")


def write_entries(path: Path, chosen: Mapping[str, ChosenSet]) -> None:
    """Write the entries of all modalities."""
    write_csv(path, COLUMNS, sorted(_rows(chosen)))


def compare_entries(path: Path, chosen: Mapping[str, ChosenSet]) -> None:
    """Compare the entries of a cache with those that a run has read.

    Raises
    ------
    CacheError
        One is absent, new or another one; it is named.
    """
    recorded = {row["entry"]: row["entry_sha256"] for row in read_csv(path)[1]}
    found = {entry: sha256 for _, entry, sha256 in _rows(chosen)}
    for entry in sorted(recorded.keys() | found.keys()):
        if recorded.get(entry) != found.get(entry):
            raise CacheError(
                f"cache: {entry}",
                expected=f"the entry that the run has read, {_short(recorded.get(entry))}",
                got=_short(found.get(entry)),
                remedy="Repeat the run with the cache it was made from, or make a new run.",
            )


def _rows(chosen: Mapping[str, ChosenSet]) -> list[tuple[str, str, str]]:
    return [
        (modality, str(record.key), record.entry_sha256)
        for modality, feature_set in chosen.items()
        for record in feature_set.records
    ]


def _short(sha256: str | None) -> str:
    return "no such entry" if sha256 is None else f"sha256 {sha256[:12]}"
