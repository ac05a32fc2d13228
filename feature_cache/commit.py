"""The commit protocol: an entry is complete or absent, whatever kills the writer.

Enters: a draft. Leaves: a folder under its final name, brought to the disk. Everything is written in a box
below `_tmp`, `entry.json` last, and renamed into place in one step. An entry is never changed: another one
moves in after it has moved to `_trash`. A kill between these two moves leaves the entry absent, and the
next run makes it. Two writers of one key need no lock: a folder cannot be renamed onto a full one.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from feature_cache.array_format import FormatName
from feature_cache.durability import sync_folder, sync_up_to
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.entry_files import check_draft, check_sizes, open_record, read_record, write_entry
from feature_cache.errors import CacheError, DamagedEntryError
from feature_cache.names import TMP, TRASH, entry_path

CommitResult = Literal["committed", "replaced", "already_there"]

#: How often a writer gives way to others that move in and out at the same moment.
_ATTEMPTS = 100
_TAKEN = frozenset([errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR])
#: What Windows says of a place that is taken, and every system of one that may not be written.
_DENIED = frozenset([errno.EACCES, errno.EPERM])


def is_done(root: Path, key: EntryKey, sources: tuple[Source, ...]) -> bool:
    """Whether the entry is there, whole by its own account, of this recipe and of these sources.

    `entry.json` is read and checked, and every file it lists must be there with its size. Contents are
    not read: that is what `read` and `verify` do.
    """
    folder = root / entry_path(key)
    try:
        record = read_record(root, folder)
        check_sizes(root, folder, record)
    except DamagedEntryError:
        return False
    return record.recipe_hash == key.recipe_hash and record.sources == sources


def commit_entry(root: Path, draft: EntryDraft, form: FormatName) -> CommitResult:
    """Write an entry and move it into place.

    Returns
    -------
    "committed" where nothing was there, "replaced" where an entry of other sources, or a damaged one, was
    moved to `_trash`, "already_there" where the same entry was there or another writer came first.

    Raises
    ------
    CacheError
        The draft is no entry, the disk did not take it, or its place is outside the cache. Nothing half
        written is left behind.
    """
    relative = entry_path(draft.key)
    check_draft(draft)
    if is_done(root, draft.key, draft.sources):
        return "already_there"
    try:
        with _box(root) as box:
            staged = box / relative
            staged.mkdir(parents=True)
            write_entry(staged, draft, form)
            return _install(root, staged, draft)
    except OSError as error:
        raise CacheError(
            str(draft.key),
            expected="a disk that takes the entry",
            got=error.strerror or str(error),
            remedy="Free space or mend the permissions and run again; nothing half written was left behind.",
        ) from error


def set_aside(root: Path, folder: Path, room: str) -> Path | None:
    """Move a folder of the cache into a fresh box of `_trash` or `_quarantine`, at the same relative path.

    Returns the new place, or None where another process had moved the folder first.
    """
    while os.path.lexists(folder):
        box = root / room / uuid.uuid4().hex
        place = box / folder.relative_to(root)
        try:
            _make_folder(root, place.parent)
            folder.rename(place)
        except FileNotFoundError:
            # Either the folder is gone, or `gc` took the empty box for garbage.
            shutil.rmtree(box, ignore_errors=True)
            continue
        sync_folder(folder.parent)
        return place
    return None


@contextmanager
def _box(root: Path) -> Iterator[Path]:
    """Give a fresh folder below `_tmp`, gone afterwards whatever happens.

    The time of the newest file in it is its lease: `gc` leaves boxes alone that were written to lately.
    """
    box = root / TMP / uuid.uuid4().hex
    _make_folder(root, box)
    try:
        yield box
    finally:
        shutil.rmtree(box, ignore_errors=True)


def _install(root: Path, staged: Path, draft: EntryDraft) -> CommitResult:
    target = root / entry_path(draft.key)
    displaced = False
    for _ in range(_ATTEMPTS):
        _make_folder(root, target.parent)
        try:
            os.rename(staged, target)  # noqa: PTH104  never onto a full folder, unlike os.replace on files
        except FileNotFoundError:
            if not staged.is_dir():
                raise
            continue  # the parent went away (`forget`, `gc`): make it again
        except OSError as error:
            # what was in the way may be gone by now, where another writer is moving it aside too
            if error.errno not in _TAKEN and not (error.errno in _DENIED and os.path.lexists(target)):
                raise
            if is_done(root, draft.key, draft.sources):
                return "already_there"
            _refuse_twin(root, target, draft.key)
            displaced = set_aside(root, target, TRASH) is not None or displaced
            continue
        sync_up_to(root, target.parent)
        return "replaced" if displaced else "committed"
    raise CacheError(
        str(draft.key),
        expected="a place that keeps still",
        got=f"other writers in {_ATTEMPTS} of {_ATTEMPTS} attempts",
        remedy="Let one process at a time write this entry.",
    )


def _make_folder(root: Path, folder: Path) -> None:
    """Make a folder of the cache, unless a link on the way leads out of it."""
    if not folder.resolve().is_relative_to(root.resolve()):
        raise CacheError(
            folder.relative_to(root).as_posix(),
            expected="a folder inside the cache",
            got="a link that leads out of it",
            remedy="Remove the link; nothing was written through it.",
        )
    folder.mkdir(parents=True, exist_ok=True)


def _refuse_twin(root: Path, target: Path, key: EntryKey) -> None:
    """Refuse to displace the entry of another id where the file system takes `a` and `A` for one name."""
    where = target.relative_to(root).as_posix()
    try:
        place = entry_path(open_record(target, where).key).as_posix()
    except CacheError:
        return
    if place != where and place.lower() == where.lower():
        raise CacheError(
            str(key),
            expected="ids that differ in more than upper and lower case",
            got="the entry of another id under the same name",
            remedy="Keep the cache on a file system that tells upper from lower case.",
        )
