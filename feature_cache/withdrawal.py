"""A withdrawn case leaves the cache: entries, remains and traces.

Enters: the root of a cache and a case id. Leaves: a cache in which nothing speaks of the case. Entries go
to `_trash` first, in one step each, so that a kill leaves no half of one under its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from feature_cache.commit import set_aside
from feature_cache.entry_files import open_record
from feature_cache.errors import DamagedEntryError
from feature_cache.folders import boxes, case_folders, remove_empty
from feature_cache.garbage import remove_tree
from feature_cache.names import INDEX, QUARANTINE, RUNS, TMP, TRASH
from feature_cache.run_traces import remove_traces
from feature_cache.source_index import SourceIndex


def forget_case(root: Path, case_id: str) -> int:
    """Remove a case from every cohort, modality, feature set and room of the cache.

    Its entries, whole, damaged or half written; the remembered hashes of its sources, as far as an entry
    still says which they were; its rows, lines and items in the tables, logs and reports of `_runs`.
    No run may be writing the case: take it out of the manifest first.

    Returns
    -------
    int
        The number of entries removed, those of `_tmp`, `_trash` and `_quarantine` included.
    """
    rooms = [box for room in (TMP, TRASH, QUARANTINE) for box in boxes(root, room) if box.is_dir()]
    found = [(base, folder) for base in (root, *rooms) for folder in case_folders(base, case_id)]
    hashes = {sha256 for _, folder in found for sha256 in _source_hashes(folder)}
    count = sum(1 for _, folder in found for item in folder.iterdir() if item.is_dir())
    for base, folder in found:
        place = set_aside(root, folder, TRASH) if base == root else folder
        if place is not None:
            remove_tree(place)
            remove_empty(place.parent, root / place.relative_to(root).parts[0])
        remove_empty(folder.parent, base if base == root else base.parent)
    SourceIndex(root / INDEX).forget(hashes)
    remove_traces(root / RUNS, case_id)
    return count


def _source_hashes(case_folder: Path) -> Iterator[str]:
    for item in case_folder.iterdir():
        try:
            yield from (source.sha256 for source in open_record(item, item.name).sources)
        except DamagedEntryError:
            continue  # what made it is not known any more; the entry goes all the same
