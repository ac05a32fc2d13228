"""The cache against a model of it: put, get, replace, kill, gc, verify, forget, corrupt, in any order.

Enters: nothing; Hypothesis chooses the steps. Leaves: an AssertionError at the first step where the cache
does not do what the model says. The model: a key is absent, or holds a version, sound or damaged; damage is
loud where `entry.json` or a size betrays it, silent where only reading does, and empty where nothing is left
that a writer would have to move aside. A writer is killed by letting every call that changes the disk fail
from some step on, clearing up included.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, get_args
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from feature_cache.array_format import FORMAT_NAMES, FormatName
from feature_cache.errors import CacheError, DamagedEntryError
from feature_cache.names import entry_path
from feature_cache.store import FeatureCache
from tests.trials.cache_state import left_over
from tests.trials.disk_faults import Killed, death_at, failing_disk
from tests.trials.drafts import make_draft

Damage = Literal["loud", "silent", "empty"]
How = Literal["bit of the record", "no record", "cut", "file gone", "bit of an array", "one file more"]
CASES, KINDS, VERSIONS = ("case-a", "case-b", "case-c"), ("bag", "vector"), 3
KEYS = [(case, kind) for case in CASES for kind in KINDS]
Key = tuple[str, str]
DRAFTS = {(*key, v): make_draft(key[1], key[0], "item", v, rows=5) for key in KEYS for v in range(VERSIONS)}

keys, cases, versions = st.sampled_from(KEYS), st.sampled_from(CASES), st.integers(0, VERSIONS - 1)
steps = st.integers(1, 63)


@dataclass(frozen=True)
class Held:
    """What the model says of a key that is not absent."""

    version: int
    damage: Damage | None = None


class CacheMachine(RuleBasedStateMachine):
    """See the module. These count over all machines; `told` hears of every step.

    `played` counts, by rule, the steps that found something in the cache: the others are easily right.
    """

    games = 0
    steps_run = 0
    played: ClassVar[Counter[str]] = Counter()
    told: Callable[[], None] | None = None

    def __init__(self) -> None:
        super().__init__()
        CacheMachine.games += 1
        self.folder = Path(tempfile.mkdtemp(prefix="braid-machine-"))
        self.unsynced = patch.object(os, "fsync", lambda handle: None)
        self.unsynced.start()
        self.model: dict[Key, Held] = {}

    @initialize(form=st.sampled_from(FORMAT_NAMES))
    def make(self, form: FormatName) -> None:
        self.cache = FeatureCache.create(self.folder / "cache", form)

    def teardown(self) -> None:
        try:
            if hasattr(self, "cache"):
                self._see_damage()
                for key in KEYS:
                    self._see(key)
        finally:
            self.unsynced.stop()
            shutil.rmtree(self.folder)

    @rule(some=st.lists(keys, min_size=1, max_size=len(KEYS), unique=True), version=versions)
    def put(self, some: list[Key], version: int) -> None:
        self._count("put")
        for key in some:  # several, for more rules take away than put in
            expected = self._expected_of_put(key, version)
            assert self.cache.commit(DRAFTS[*key, version]) == expected
            if expected != "already_there":
                self.model[key] = Held(version)

    @rule(key=keys, version=versions, step=steps)
    def put_and_die(self, key: Key, version: int, step: int) -> None:
        self._count("put_and_die")
        allowed = {self.model.get(key)}
        if self._expected_of_put(key, version) != "already_there":
            allowed |= {Held(version), None}
        with self._killed(step):
            self.cache.commit(DRAFTS[*key, version])
        self._adopt(key, allowed)

    @rule(key=keys)
    def get(self, key: Key) -> None:
        self._count("get")
        self._see(key)

    @rule(key=keys, version=versions)
    def ask_whether_done(self, key: Key, version: int) -> None:
        self._count("ask_whether_done")
        draft = DRAFTS[*key, version]
        assert self.cache.is_done(draft.key, draft.sources) == self._is_done(key, version)

    @rule(key=keys, how=st.sampled_from(get_args(How)), number=st.integers(0, 255))
    def corrupt(self, key: Key, how: How, number: int) -> None:
        self._count("corrupt")
        held = self.model.get(key)
        if held is None or held.damage is not None:
            return
        damage = _spoil(self.cache.root / entry_path(DRAFTS[*key, 0].key), how, random.Random(number))
        self.model[key] = Held(held.version, damage)

    @rule(quarantine=st.booleans())
    def verify(self, quarantine: bool) -> None:
        self._count("verify")
        self._see_damage(quarantine=quarantine)

    @rule(step=steps)
    def quarantine_and_die(self, step: int) -> None:
        self._count("quarantine_and_die")
        with self._killed(step):
            list(self.cache.verify(quarantine=True))
        for key, held in list(self.model.items()):
            self._adopt(key, {held, None} if held.damage else {held})

    @rule(stale_only=st.booleans())
    def collect(self, stale_only: bool) -> None:
        self._count("collect")
        living = left_over(self.cache.root)
        collected = self.cache.gc(older_than_s=3600 if stale_only else 0)
        assert collected.kept == (living if stale_only else 0)
        assert left_over(self.cache.root) == (living if stale_only else 0)
        assert left_over(self.cache.root, "_trash") == 0

    @rule(step=steps)
    def collect_and_die(self, step: int) -> None:
        self._count("collect_and_die")
        with self._killed(step):
            self.cache.gc(older_than_s=0)

    @rule(case=cases)
    def forget(self, case: str) -> None:
        self._count("forget")
        there = [key for key in self.model if key[0] == case]
        assert self.cache.forget(case) >= len(there)
        for key in there:
            del self.model[key]
        assert list(self.cache.root.rglob(case)) == []

    @rule(case=cases, step=steps)
    def forget_and_die(self, case: str, step: int) -> None:
        self._count("forget_and_die")
        with self._killed(step):
            self.cache.forget(case)
        for key, held in list(self.model.items()):
            self._adopt(key, {held, None} if key[0] == case else {held})

    @rule()
    def count(self) -> None:
        self._count("count")
        assert sum(size.entries for size in self.cache.status().feature_sets) == len(self.model)

    def _count(self, rule_name: str) -> None:
        CacheMachine.steps_run += 1
        CacheMachine.played[rule_name] += bool(self.model)
        if CacheMachine.told is not None:
            CacheMachine.told()

    def _is_done(self, key: Key, version: int) -> bool:
        held = self.model.get(key)
        return held is not None and held.version == version and held.damage in (None, "silent")

    def _expected_of_put(self, key: Key, version: int) -> str:
        if self._is_done(key, version):
            return "already_there"
        held = self.model.get(key)
        return "committed" if held is None or held.damage == "empty" else "replaced"

    @contextmanager
    def _killed(self, step: int) -> Iterator[None]:
        with suppress(Killed), failing_disk(self.cache.root, death_at(step)):
            yield

    def _see_damage(self, *, quarantine: bool = False) -> None:
        damaged = {_name(key) for key, held in self.model.items() if held.damage}
        checks = list(self.cache.verify(quarantine=quarantine))
        assert {check.name for check in checks} == {_name(key) for key in self.model}
        assert {check.name for check in checks if not check.ok} == damaged
        if quarantine:
            self.model = {key: held for key, held in self.model.items() if not held.damage}

    def _see(self, key: Key) -> None:
        """Compare one key with the model, every byte of it."""
        held = self.model.get(key)
        try:
            entry = self.cache.read(DRAFTS[*key, 0].key)
        except DamagedEntryError as error:
            assert held is not None and held.damage is not None, error
            return
        except CacheError as error:
            assert held is None, error
            return
        assert held is not None and held.damage is None
        draft = DRAFTS[*key, held.version]
        assert entry.record.sources == draft.sources
        assert entry.arrays.keys() == draft.arrays.keys()
        for name, array in draft.arrays.items():
            np.testing.assert_array_equal(entry.arrays[name], array, strict=True)

    def _adopt(self, key: Key, allowed: set[Held | None]) -> None:
        """Let the model take what a dead process left, if it may have left that."""
        folder = self.cache.root / entry_path(DRAFTS[*key, 0].key)
        if not os.path.lexists(folder):
            found = None
        else:
            try:
                version = int(self.cache.read(DRAFTS[*key, 0].key).record.attrs["version"])
                found = Held(version)
            except DamagedEntryError:
                found = self.model.get(key)
                assert found is not None and found.damage is not None, f"{key} was damaged by a death"
        assert found in allowed, f"{key}: {found}, but {allowed}"
        if found is None:
            self.model.pop(key, None)
        else:
            self.model[key] = found


def _name(key: Key) -> str:
    return entry_path(DRAFTS[*key, 0].key).as_posix()


def _spoil(folder: Path, how: How, generator: random.Random) -> Damage:
    """Damage an entry as told, or, where it has no such file, its record."""
    record = folder / "entry.json"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != record)
    if how == "no record":
        record.unlink()
        return "loud" if files else "empty"
    if how == "one file more":
        (folder / "stray").write_bytes(b"x")
    elif how == "bit of the record" or not files:
        _flip(record, generator)
    else:
        path = generator.choice(files)
        if how == "bit of an array":
            _flip(path, generator)
            return "silent"
        if how == "cut":
            path.write_bytes(path.read_bytes()[:-1])
        else:
            path.unlink()
    return "loud"


def _flip(path: Path, generator: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
    path.write_bytes(content)
