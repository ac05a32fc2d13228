"""A cache in both forms to spoil and mend, and the question whether what is spoilt is found.

Enters: a folder. Leaves: two caches with bags, notes and vectors, and a judgement of one spoilt state. An
entry is found where `extract verify` exits 1 and names it and no other, and where a read is refused by name.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from extract.__main__ import app
from feature_cache.array_format import FORMAT_NAMES
from feature_cache.entry import EntryDraft
from feature_cache.errors import CacheError
from feature_cache.names import entry_path
from feature_cache.store import FeatureCache
from tests.trials.drafts import make_draft
from tests.trials.trial import Tally

DRAFTS = tuple(
    make_draft(kind, case, f"{kind}-{case}") for case in ("a", "b") for kind in ("bag", "note", "vector")
)


@dataclass(frozen=True)
class SpoiledCache:
    """A cache, the names of its entries, and a sound copy to mend it from."""

    cache: FeatureCache
    sound: Path

    @property
    def root(self) -> Path:
        """The folder of the cache."""
        return self.cache.root

    def folder(self, draft: EntryDraft) -> Path:
        """The folder of an entry."""
        return self.root / entry_path(draft.key)

    def mend(self) -> None:
        """Put everything back."""
        shutil.rmtree(self.root)
        shutil.copytree(self.sound, self.root, symlinks=True)

    def judge(self, spoiled: Iterable[EntryDraft], what: str, tally: Tally) -> None:
        """Count whether verify names exactly these entries, and whether a read of each is refused by name."""
        drafts = list(spoiled)
        names = {entry_path(draft.key).as_posix() for draft in drafts}
        done = CliRunner().invoke(app, ["verify", str(self.root)], catch_exceptions=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("DAMAGED ")]
        named = {line.removeprefix("DAMAGED ").split(": ")[0] for line in lines}
        ended = isinstance(done.exception, SystemExit)  # and not by a traceback, which is exit 1 too
        right = ended and done.exit_code == 1 and named == names and len(lines) == len(names)
        tally.count("missed_by_verify", not right, f"{what}: exit {done.exit_code}, {sorted(named ^ names)}")
        for draft in drafts:
            name = entry_path(draft.key).as_posix()
            tally.count("missed_on_read", not self._refuses(draft, name), f"{what}: {name}")

    def judge_absent(self, draft: EntryDraft, what: str, tally: Tally) -> None:
        """Count whether an entry that is gone is neither read nor taken as done."""
        tally.count("missed_on_read", not self._refuses(draft, str(draft.key)), what)
        tally.count("missed_by_plan", self.cache.is_done(draft.key, draft.sources), what)

    def _refuses(self, draft: EntryDraft, name: str) -> bool:
        try:
            self.cache.read(draft.key)
        except CacheError as error:
            return name in str(error)
        return False


def make_spoilable(work: Path) -> dict[str, SpoiledCache]:
    """Make one cache a form, each with a sound copy beside it."""
    made = {}
    for form in FORMAT_NAMES:
        cache = FeatureCache.create(work / form, form)
        for draft in DRAFTS:
            cache.commit(draft)
        shutil.copytree(work / form, work / f"{form}-sound")
        made[form] = SpoiledCache(cache=cache, sound=work / f"{form}-sound")
    return made
