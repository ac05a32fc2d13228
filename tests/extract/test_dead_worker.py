"""A decoder that takes its process down costs its item and no other."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from extract.encoders.weights import WeightsSource
from extract.item import WorkItem
from extract.notes.stage import NoteStage
from extract.run import run_items
from feature_cache.cohort import read_cohort
from feature_cache.store import FeatureCache


@pytest.fixture
def items(tmp_path: Path) -> tuple[WorkItem, ...]:
    manifest = tmp_path / "manifest"
    manifest.mkdir()
    (manifest / "cohort.yaml").write_text(
        "{schema_version: 1, name: n, title: t, citation: c, licence: l, sites: [s],"
        " modalities: [notes], index_event: surgery, prediction_day: 0}\n",
        encoding="utf-8",
    )
    ids = [f"{number:02}" for number in range(6)]
    (manifest / "cases.csv").write_text("case_id,site\n" + "".join(f"{i},s\n" for i in ids), encoding="utf-8")
    rows = "".join(f"{i},n,{i}.txt,,0\n" for i in ids)
    (manifest / "notes.csv").write_text(f"case_id,note_id,path,column,day\n{rows}", encoding="utf-8")
    for case_id in ids:
        (tmp_path / f"{case_id}.txt").write_text("word " * 20, encoding="utf-8")
    cohort, stage = read_cohort(manifest), NoteStage()
    resolved = stage.resolve("r", {}, cohort, WeightsSource())
    return tuple(stage.items(cohort, tmp_path, resolved))


@contextmanager
def killing(times: int | None) -> Iterator[None]:
    """Kill worker processes as they appear, so many times or as long as the block runs."""
    done = threading.Event()

    def kill() -> None:
        killed = 0
        while not done.is_set() and (times is None or killed < times):
            for child in multiprocessing.active_children():
                child.kill()
                killed += 1
            time.sleep(0.01)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_the_others_are_made_after_a_worker_died(tmp_path: Path, items: tuple[WorkItem, ...]) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    with killing(times=1):
        receipts = list(run_items(items, cache, workers=1))
    assert sorted(receipt.case_id for receipt in receipts) == [item.key.case_id for item in items]
    assert all(receipt.problem is None for receipt in receipts)
    assert all(check.ok for check in cache.verify())


def test_an_item_that_always_kills_its_worker_is_named(tmp_path: Path, items: tuple[WorkItem, ...]) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    with killing(times=None):
        receipts = list(run_items(items[:1], cache, workers=1))
    problem = receipts[0].problem
    assert problem is not None
    assert (problem.where, problem.got) == ("case 00, note n", "its worker process died")
