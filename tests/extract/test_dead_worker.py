"""A decoder that takes its process down costs its item and no other."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import pytest

from extract import cost
from extract.caps import Caps
from extract.encoders.weights import WeightsSource
from extract.item import Task, WorkItem
from extract.notes.stage import NoteStage
from extract.run import run_items
from feature_cache.cohort import read_cohort
from feature_cache.store import FeatureCache

ROOMY = Caps(memory_gb=4, seconds=600)


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


def alone(items: tuple[WorkItem, ...]) -> tuple[Task, ...]:
    return tuple((item,) for item in items)


def kill_the_first_child() -> None:
    """Kill a child of this process as soon as there is one."""

    def kill() -> None:
        while not (children := multiprocessing.active_children()):
            pass
        children[0].kill()

    threading.Thread(target=kill, daemon=True).start()


def test_a_worker_that_is_killed_costs_its_item_alone(tmp_path: Path, items: tuple[WorkItem, ...]) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    kill_the_first_child()
    receipts = {receipt.key.case_id: receipt for receipt in run_items(alone(items), cache, 1, ROOMY)}
    lost = receipts.pop("00").problem
    assert lost is not None
    assert (lost.where, lost.expected) == ("case 00, note n", "a readable notes item")
    assert lost.got == "a worker process that died with signal SIGKILL (9)"
    assert lost.remedy.endswith("a later run tries this one again.")
    assert [receipts[item.key.case_id].outcome for item in items[1:]] == ["committed"] * 5
    assert all(check.ok for check in cache.verify())
    (again,) = run_items(alone(items[:1]), cache, 1, ROOMY)
    assert again.outcome == "committed"


def test_readers_of_one_worker_make_the_same_entries(tmp_path: Path, items: tuple[WorkItem, ...]) -> None:
    caches = [FeatureCache.create(tmp_path / name) for name in ("one", "three")]
    for cache, readers in zip(caches, (1, 3), strict=True):
        receipts = run_items(alone(items), cache, 1, ROOMY, readers)
        assert {receipt.outcome for receipt in receipts} == {"committed"}
    one, three = ({record.case_id: record.entry_sha256 for record in cache.records()} for cache in caches)
    assert one == three


def test_items_that_need_too_much_memory_are_named(tmp_path: Path, items: tuple[WorkItem, ...]) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    receipts = list(run_items(alone(items[:2]), cache, 2, Caps(memory_gb=0.01, seconds=600)))
    problems = [receipt.problem for receipt in receipts if receipt.problem]
    assert [problem.got[:26] for problem in problems] == ["a worker process that held"] * 2
    assert all("--memory-gb" in problem.remedy for problem in problems)
    assert list(cache.records()) == []


def test_a_header_that_takes_its_child_down_counts_as_unreadable(
    items: tuple[WorkItem, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cost.add_up_costs(items, 1) == {"notes": {"bytes": 600}}
    monkeypatch.setattr(cost, "header_caps", lambda workers: Caps(memory_gb=0.01, seconds=600))
    assert cost.add_up_costs(items[:2], 1) == {"notes": {"unreadable": 2}}
