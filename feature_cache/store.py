"""The feature cache: what stage 1 promises and all that stage 2 may ask.

Enters: a folder on a disk; drafts to commit, keys to read. Leaves: entries that are complete or absent and
prove it on every read. This is the one door; how it is done stands in `commit.py` (the protocol),
`entry_files.py` (one entry), `verification.py`, `garbage.py`, `withdrawal.py` and `source_index.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from feature_cache.array_format import AnyArray, FormatName
from feature_cache.commit import CommitResult, commit_entry, is_done
from feature_cache.entry import EntryDraft, EntryKey, EntryRecord, Source
from feature_cache.entry_files import read_arrays, read_record
from feature_cache.errors import CacheError
from feature_cache.folders import entry_folders, is_cache
from feature_cache.garbage import Collected, collect_garbage
from feature_cache.inventory import CacheStatus, FeatureSet, count_cache, feature_sets_of
from feature_cache.names import INDEX, ROOMS, RUNS, encode_feature_set, encode_name, entry_path
from feature_cache.source_index import SourceIndex
from feature_cache.verification import EntryCheck, verify_entries
from feature_cache.withdrawal import forget_case


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry as read: its record, and its arrays by name, every byte compared with the record."""

    record: EntryRecord
    arrays: dict[str, AnyArray]


@dataclass(frozen=True, kw_only=True)
class FeatureCache:
    """A feature cache at `root`. It holds no open file and may be sent to other processes.

    `array_format` is the form in which this process writes new entries; every form is read.
    """

    root: Path
    array_format: FormatName = "zarr"

    @classmethod
    def open(cls, root: Path, array_format: FormatName = "zarr") -> FeatureCache:
        """Return the cache that is at `root`; `CacheError` where there is none. Writes nothing."""
        root = Path(root).absolute()
        if not root.is_dir() or not is_cache(root):
            raise CacheError(
                str(root),
                expected="a feature cache",
                got="a folder without one" if root.is_dir() else "no such folder",
                remedy="Give the CACHE that `python -m extract run` was given.",
            )
        return cls(root=root, array_format=array_format)

    @classmethod
    def create(cls, root: Path, array_format: FormatName = "zarr") -> FeatureCache:
        """Make a cache at `root`, or return the one that is there.

        Raises
        ------
        CacheError
            `root` is a file, cannot be made, or is a folder that holds something else.
        """
        root = Path(root).absolute()
        if root.is_dir() and not is_cache(root) and any(root.iterdir()):
            raise CacheError(
                str(root),
                expected="an empty folder, or a feature cache",
                got="a folder that holds something else",
                remedy="Give the cache a folder of its own.",
            )
        try:
            for room in ROOMS:
                (root / room).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheError(
                str(root),
                expected="a folder that can be made",
                got=error.strerror or "a failure",
                remedy="Choose another place or mend the permissions.",
            ) from error
        return cls(root=root, array_format=array_format)

    @property
    def runs_folder(self) -> Path:
        """Where runs keep their tables, logs and reports: `_runs`, one folder a run."""
        return self.root / RUNS

    def is_done(self, key: EntryKey, sources: tuple[Source, ...]) -> bool:
        """Whether the entry of this recipe and these sources is there, with all its files in full size."""
        return is_done(self.root, key, sources)

    def commit(self, draft: EntryDraft) -> CommitResult:
        """Write an entry: complete or, after any failure or kill, absent.

        Returns
        -------
        "committed"; "replaced" where an entry of other sources, or a damaged one, gave way;
        "already_there" where the same entry was there or another process came first.

        Raises
        ------
        CacheError
            The draft cannot be an entry, or the disk did not take it. Nothing half written is left behind.
        """
        return commit_entry(self.root, draft, self.array_format)

    def record(self, key: EntryKey) -> EntryRecord:
        """Return what `entry.json` says, after checking its seal, its place and its recipe.

        Raises
        ------
        CacheError
            There is no such entry.
        DamagedEntryError
            `entry.json` is not what was committed.
        """
        return read_record(self.root, self._folder(key))

    def read(self, key: EntryKey) -> Entry:
        """Return an entry after comparing every file and every array with the record.

        Raises
        ------
        CacheError
            There is no such entry.
        DamagedEntryError
            Something of it is not what was committed; the error names the entry and the part.
        """
        record = self.record(key)
        return Entry(record=record, arrays=self.arrays(record))

    def arrays(self, record: EntryRecord) -> dict[str, AnyArray]:
        """Return the arrays that a record promises, which this cache gave; every byte is compared with it.

        Who has read the records need not read them again. Errors are those of `read`: an entry that was
        replaced since then is not what the record says.
        """
        return read_arrays(self.root, self._folder(record.key), record)

    def records(
        self, cohort: str | None = None, modality: str | None = None, feature_set: str | None = None
    ) -> Iterator[EntryRecord]:
        """Yield the records of all entries (of a cohort, a modality, a feature set `<recipe>-<hash12>`).

        In the order of their folders. Only `entry.json` is read.

        Raises
        ------
        DamagedEntryError
            One of them is not what was committed, or a folder has none.
        """
        names = [None if name is None else encode_name(name) for name in (cohort, modality)]
        names.append(None if feature_set is None else encode_feature_set(feature_set))
        for folder in entry_folders(self.root, *names):
            yield read_record(self.root, folder)

    def feature_sets(self, cohort: str) -> list[FeatureSet]:
        """Return the feature sets of a cohort that hold an entry, sorted by modality and name."""
        return sorted(feature_set for feature_set, _ in feature_sets_of(self.root, cohort))

    def verify(self, *, quarantine: bool = False) -> Iterator[EntryCheck]:
        """Read everything and yield one check an entry; `quarantine` moves the damaged ones aside."""
        return verify_entries(self.root, quarantine=quarantine)

    def gc(self, older_than_s: float = 3600) -> Collected:
        """Empty `_trash`, and remove from `_tmp` what no writer touched for `older_than_s` seconds."""
        return collect_garbage(self.root, older_than_s)

    def forget(self, case_id: str) -> int:
        """Remove a withdrawn case everywhere and return the number of entries that went."""
        return forget_case(self.root, case_id)

    def status(self) -> CacheStatus:
        """Return counts and bytes of every feature set and of the rooms."""
        return count_cache(self.root)

    def hash_file(self, path: Path, *, rehash: bool = False) -> str:
        """Return the sha256 (hex) of a raw file, remembered as long as the file system says nothing changed.

        Raises
        ------
        SourceError
            The file is absent, unreadable or changing.
        """
        return SourceIndex(self.root / INDEX).hash_file(path, rehash=rehash)

    def _folder(self, key: EntryKey) -> Path:
        folder = self.root / entry_path(key)
        if not folder.exists():
            raise CacheError(
                str(key),
                expected="an entry in the cache",
                got="none",
                remedy="Run extract; `python -m extract status CACHE` lists what is there.",
            )
        return folder
