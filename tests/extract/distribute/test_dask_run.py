"""Items done by two workers of a dask scheduler: the same entries, whatever becomes of a worker."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from extract.distribute.cluster import open_cluster, sharers
from extract.distribute.dask_run import heaviest_first, run_on_dask
from extract.distribute.worker import Job, SchedulerError, do_task, own_code
from extract.encoders.weights import WeightsSource
from extract.item import Task
from extract.notes.stage import NoteStage
from extract.run import extract_items
from feature_cache import origin
from feature_cache.cohort import read_cohort
from feature_cache.store import FeatureCache

if TYPE_CHECKING:
    from distributed import Client

FAST = 4
#: A note that takes a second or two, and one that takes half a minute.
SLOW_NOTE, ENDLESS_NOTE = "word " * 100_000, "word " * 3_000_000
PATIENCE_S = 60


@pytest.fixture(scope="module", autouse=True)
def no_checkout() -> Iterator[None]:
    """A commit that is made while this runs would be written into entries, and count as a difference."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", os.devnull)
        origin.commit.cache_clear()
        yield
    origin.commit.cache_clear()


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Task, ...]:
    """A few short notes, one that takes a moment, and one that takes for ever."""
    root = tmp_path_factory.mktemp("raw")
    texts = [*(f"word {number} " * 20 for number in range(FAST)), SLOW_NOTE, ENDLESS_NOTE]
    ids = [f"{number:02}" for number in range(len(texts))]
    for name, text in {
        "cohort.yaml": "{schema_version: 1, name: n, title: t, citation: c, licence: l, sites: [s],"
        " modalities: [notes], index_event: surgery, prediction_day: 0}\n",
        "cases.csv": "case_id,site\n" + "".join(f"{i},s\n" for i in ids),
        "notes.csv": "case_id,note_id,path,column,day\n" + "".join(f"{i},n,{i}.txt,,0\n" for i in ids),
        **{f"{i}.txt": text for i, text in zip(ids, texts, strict=True)},
    }.items():
        (root / name).write_text(text, encoding="utf-8")
    cohort, stage = read_cohort(root), NoteStage()
    return tuple(
        (item,) for item in stage.items(cohort, root, stage.resolve("r", {}, cohort, WeightsSource()))
    )


@pytest.fixture(scope="module")
def tasks(notes: tuple[Task, ...]) -> tuple[Task, ...]:
    """Those that come to an end; the last takes longest."""
    return notes[:-1]


@pytest.fixture(scope="module")
def quiet(tasks: tuple[Task, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes of them."""
    cache = FeatureCache.create(tmp_path_factory.mktemp("quiet") / "cache")
    for task in tasks:
        extract_items(task, cache)
    return entries(cache)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with open_cluster("local", 2, None, tmp_path_factory.mktemp("record")) as opened:
        yield opened


@pytest.fixture
def job(tmp_path: Path, client: Client) -> Job:
    cache = FeatureCache.create(tmp_path / "cache")
    record = cache.runs_folder / "run"
    record.mkdir()
    sharing = sharers(client)
    return Job(cache=cache, record=record, braid=own_code(), sharers=sharing, memory_gb=4, minutes=10)


def entries(cache: FeatureCache) -> dict[str, bytes]:
    """Return every file of every entry; what a run wrote down about itself is not compared."""
    files = (path for path in cache.root.rglob("*") if path.is_file())
    names = {path.relative_to(cache.root).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith("_")}


def wait_until(there: Callable[[], Any]) -> Any:
    """Return the first answer that is not empty."""
    patience = time.monotonic() + PATIENCE_S
    while not (found := there()):
        assert time.monotonic() < patience
    return found


def test_two_workers_make_what_one_process_makes(
    client: Client, job: Job, tasks: tuple[Task, ...], quiet: dict[str, bytes]
) -> None:
    ordered = heaviest_first(tasks)
    assert ordered[0] == tasks[-1]
    receipts = list(run_on_dask(ordered, client, job))
    assert sorted((receipt.key.case_id, receipt.outcome) for receipt in receipts) == [
        (task[0].key.case_id, "committed") for task in tasks
    ]
    assert entries(job.cache) == quiet
    wait_until(lambda: not any(own for one in client.run(pids).values() for own in one.values()))


def pids() -> dict[int, list[int]]:
    """Return process id -> its children that do items; runs in a worker."""
    own, kids = psutil.Process(), []
    for kid in own.children():
        with suppress(psutil.NoSuchProcess):  # git, asked for the commit, is gone at once
            kids += [kid.pid] if "spawn_main" in " ".join(kid.cmdline()) else []
    return {own.pid: kids}


@contextmanager
def the_first_at_work_killed(client: Client) -> Iterator[list[int]]:
    """Kill the first worker that has a task and a child for it; yield the ids of that child, once there."""
    before = set(client.nthreads())
    kids: list[int] = []

    def at_work() -> tuple[int, list[int]] | None:
        busy = [address for address, keys in client.processing().items() if keys]
        found = client.run(pids, workers=busy) if busy else {}
        return next(((pid, own) for one in found.values() for pid, own in one.items() if own), None)

    def kill() -> None:
        worker, own = wait_until(at_work)
        kids.extend(own)
        os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    yield kids
    killer.join(PATIENCE_S)
    wait_until(lambda: set(client.nthreads()) != before and len(client.nthreads()) == 2)  # one in its place


def test_a_worker_killed_at_its_item_costs_nothing_but_time(
    client: Client, job: Job, tasks: tuple[Task, ...], quiet: dict[str, bytes]
) -> None:
    with the_first_at_work_killed(client) as kids:
        receipts = list(run_on_dask(reversed(tasks), client, job))
    assert len(kids) == 1
    wait_until(lambda: not psutil.pid_exists(kids[0]))  # it does not outlive its worker
    assert sorted(receipt.key.case_id for receipt in receipts) == [task[0].key.case_id for task in tasks]
    assert {receipt.outcome for receipt in receipts} <= {"committed", "already_there"}
    assert entries(job.cache) == quiet
    assert all(check.ok for check in job.cache.verify())


def held(client: Client) -> dict[str, int]:
    """Return the process of each worker that holds results nobody has fetched yet, by address."""
    found = client.run(os.getpid)
    return {address: found[address] for address, keys in client.has_what().items() if keys}


def test_receipts_that_go_down_with_their_worker_come_all_the_same(
    client: Client, job: Job, tasks: tuple[Task, ...], quiet: dict[str, bytes]
) -> None:
    receipts = run_on_dask(tasks[:FAST], client, job)
    first = next(receipts)  # nobody fetches while this generator rests
    workers = wait_until(lambda: not any(client.processing().values()) and held(client))
    done = [future for future in list(client.futures.values()) if future.status == "finished"]
    for process in workers.values():
        os.kill(process, signal.SIGKILL)
    wait_until(lambda: any(one.status == "lost" for one in done))
    rest = list(receipts)
    assert sorted(one.key.case_id for one in (first, *rest)) == [task[0].key.case_id for task in tasks[:FAST]]
    assert {one.outcome for one in rest} <= {"committed", "already_there"}
    assert entries(job.cache).items() <= quiet.items()
    wait_until(lambda: len(client.nthreads()) == 2 and not client.nthreads().keys() & workers.keys())


def test_two_workers_on_one_item_leave_one_entry(client: Client, job: Job, tasks: tuple[Task, ...]) -> None:
    futures = [
        client.submit(do_task, tasks[-1], job, pure=False, workers=[address]) for address in client.nthreads()
    ]
    outcomes = sorted(receipt.outcome for future in futures for receipt in future.result())
    assert outcomes == ["already_there", "committed"]
    assert [check.ok for check in job.cache.verify()] == [True]
    assert not any((job.cache.root / "_tmp").iterdir())


def test_an_item_that_loses_every_worker_is_a_failed_item(
    client: Client, job: Job, notes: tuple[Task, ...]
) -> None:
    client.run_on_scheduler(allow_failures, 0)
    try:
        with the_first_at_work_killed(client):
            (last,) = run_on_dask(notes[-1:], client, job)
    finally:
        client.run_on_scheduler(allow_failures, 3)
    assert last.problem is not None
    assert last.problem.got == "1 workers that were lost while they had it"
    assert last.problem.remedy.endswith("a later run tries this one again.")


def allow_failures(count: int, dask_scheduler: Any = None) -> None:
    """Say after how many lost workers a task is given up; runs in the scheduler."""
    dask_scheduler.allowed_failures = count


def test_workers_of_another_checkout_end_the_run(client: Client, job: Job, tasks: tuple[Task, ...]) -> None:
    with pytest.raises(SchedulerError, match="expected Braid of yesterday"):
        list(run_on_dask(tasks, client, replace(job, braid="of yesterday")))
    assert list(job.cache.records()) == []


def test_a_run_that_is_closed_leaves_the_item_in_hand_absent(
    client: Client, job: Job, notes: tuple[Task, ...]
) -> None:
    client.wait_for_workers(2, timeout=PATIENCE_S)  # those that another test killed are back
    receipts = run_on_dask((notes[-1], notes[0]), client, job)
    first = next(receipts)
    receipts.close()
    assert (first.key.case_id, first.problem) == ("00", None)
    assert [record.case_id for record in job.cache.records()] == ["00"]
    wait_until(lambda: not any(client.processing().values()))
    wait_until(lambda: not any(own for one in client.run(pids).values() for own in one.values()))


def test_a_scheduler_that_goes_is_told_and_the_entries_stay(
    job: Job, tasks: tuple[Task, ...], tmp_path: Path
) -> None:
    import dask

    quick = dask.config.set({"distributed.comm.timeouts.connect": "1s"})
    with quick, open_cluster("local", 1, None, tmp_path) as opened:
        receipts = run_on_dask(tasks, opened, job)
        first = next(receipts)
        opened.sync(opened.cluster.scheduler.close)
        with pytest.raises(SchedulerError, match="one that stays until the run is over; got none any more"):
            list(receipts)
    assert first.key.case_id in {record.case_id for record in job.cache.records()}
    assert all(check.ok for check in job.cache.verify())


def test_only_this_machine_and_only_this_run_can_talk_to_it(client: Client) -> None:
    own = psutil.Process()
    family = [own, *own.children(recursive=True)]
    listening = [
        link.laddr.ip for one in family for link in one.net_connections() if link.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3  # the scheduler, two workers
    assert set(listening) == {"127.0.0.1"}
    from distributed import Client
    from distributed.security import Security

    address = client.scheduler.address
    assert address.startswith("tls://127.0.0.1:")
    with pytest.raises(OSError):  # certificates of somebody else
        Client(address, security=Security.temporary(), timeout=2, set_as_default=False)
