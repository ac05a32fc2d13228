from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from feature_cache.entry import EntryDraft
from feature_cache.names import entry_path
from feature_cache.store import FeatureCache

MakeDraft = Callable[..., EntryDraft]
HOUR = 3600


def _age(path: Path, seconds: float) -> None:
    for inner in [path, *path.rglob("*")]:
        stat = inner.stat()
        os.utime(inner, (stat.st_atime, stat.st_mtime - seconds))


def _leftover(cache: FeatureCache, draft: EntryDraft) -> Path:
    """Leave what a killed writer leaves: a box of `_tmp` with half an entry."""
    box = cache.root / "_tmp" / f"killed-{draft.key.case_id}"
    folder = box / entry_path(draft.key)
    folder.mkdir(parents=True)
    (folder / "arrays.h5").write_bytes(b"half")
    return box


def test_stale_boxes_go_and_living_ones_stay(cache: FeatureCache, make_draft: MakeDraft) -> None:
    stale, fresh, busy = (_leftover(cache, make_draft(case)) for case in ("1", "2", "3"))
    _age(stale, 2 * HOUR)
    _age(busy, 2 * HOUR)
    (busy / entry_path(make_draft("3").key) / "arrays.h5").touch()
    collected = cache.gc()
    assert (collected.removed, collected.bytes, collected.kept) == (1, 4, 2)
    assert collected.describe() == "1 boxes removed (0.0 MB), 2 kept (touched within 60 min)"
    assert not stale.exists() and fresh.exists() and busy.exists()
    assert cache.gc(older_than_s=0).removed == 2
    assert cache.status().boxes["_tmp"] == 0


def test_the_trash_is_emptied_and_entries_stay(cache: FeatureCache, make_draft: MakeDraft) -> None:
    cache.commit(make_draft())
    changed = make_draft(source="other")
    cache.commit(changed)
    (cache.root / "_trash" / "a stray file").write_text("x")
    collected = cache.gc()
    assert collected.removed == 2 and collected.bytes > 1000
    assert cache.is_done(changed.key, changed.sources)
    assert cache.gc().removed == 0


def test_links_in_the_trash_are_not_followed(cache: FeatureCache, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "slide.svs").write_text("x")
    (cache.root / "_trash" / "box").mkdir()
    for place in (cache.root / "_trash" / "link", cache.root / "_trash" / "box" / "link"):
        place.symlink_to(tmp_path / "outside")
    cache.gc()
    assert list((cache.root / "_trash").iterdir()) == []
    assert (tmp_path / "outside" / "slide.svs").exists()


def test_ages_are_those_of_the_disk_and_not_of_this_clock(
    cache: FeatureCache, make_draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    box = _leftover(cache, make_draft())
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert cache.gc().kept == 1 and box.exists()


def test_half_written_memories_go(cache: FeatureCache) -> None:
    folder = cache.root / "_index" / "ab"
    folder.mkdir()
    for name in ("old.new", "young.new", "whole.json"):
        (folder / name).touch()
        if name != "young.new":
            _age(folder / name, 2 * HOUR)
    cache.gc()
    assert sorted(path.name for path in folder.iterdir()) == ["whole.json", "young.new"]
