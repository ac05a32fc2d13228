"""Tasks given to the workers of a dask scheduler; their receipts as they come.

Enters: an open client, the passes of a plan, the job. Leaves: receipts, like `extract.run.run_items`. Each
worker has one task in hand and one waiting, those with most tiles first. What a worker had when it was lost
is given to another; a task that has lost its worker several times is a failed item.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Generator, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from extract.caps import header_workers
from extract.cost import weigh_items
from extract.distribute.cluster import open_cluster, sharers
from extract.distribute.worker import Job, SchedulerError, do_task, let_go, own_code, refuse_worker
from extract.item import Task
from extract.pool import Death
from extract.run import Receipt, lost
from feature_cache.stopping import raise_if_stopped
from feature_cache.store import FeatureCache

if TYPE_CHECKING:
    from distributed import Client, Future

    from extract.extraction import Means

#: Tasks that a thread of a worker has: one in hand, one at the door, so that it never waits for the network.
_TASKS_PER_THREAD = 2
#: How often it is looked for workers that have joined or left.
_LOOK_S = 1.0
#: What dask raises when its scheduler does not answer any more; its errors of communication are OSErrors.
_GONE = (OSError, CancelledError)


def run_distributed(
    passes: Iterable[Iterable[Task]], cache: FeatureCache, means: Means, record: Path
) -> Generator[Receipt, None, None]:
    """Open the scheduler that is meant, do every pass there, and yield receipts as they come."""
    assert means.scheduler is not None
    with open_cluster(means.scheduler, means.workers, means.slurm_job, record) as client:
        job = Job(
            cache=cache,
            record=record,
            braid=own_code(),
            sharers=sharers(client),
            memory_gb=means.memory_gb,
            minutes=means.minutes,
        )
        for tasks in passes:
            yield from run_on_dask(heaviest_first(tasks), client, job)


def run_on_dask(tasks: Iterable[Task], client: Client, job: Job) -> Generator[Receipt, None, None]:
    """Do every task on some worker and yield receipts as they come.

    Closing the iterator ends the tasks in hand: their entries stay absent.

    Raises
    ------
    SchedulerError
        The scheduler is gone, or a worker cannot do this run at all.
    """
    left = iter(tasks)
    pending: dict[Future, Task] = {}
    ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
    try:
        _refuse_workers(client, job)
        room = _Room(client)
        while True:
            raise_if_stopped()
            for task in islice(left, max(0, room.tasks() - len(pending))):
                future = client.submit(do_task, task, job, pure=False)
                pending[future] = task
                future.add_done_callback(ended.put)
            if not pending:
                return
            try:
                future = ended.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            outcome = _outcome(future)
            task = pending.pop(future)
            if outcome is None:
                left = chain((task,), left)
            else:
                yield from lost(task, outcome) if isinstance(outcome, Death) else outcome
    except _GONE as error:
        raise _no_scheduler() from error
    finally:
        with suppress(*_GONE):
            if pending:
                client.cancel(list(pending), force=True)
            if client.status == "running":
                client.run(let_go, job, on_error="ignore")


def heaviest_first(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks, those with most tiles (or bytes) first, so that no worker ends with a giant alone."""
    tasks = list(tasks)
    weights = {item.key: weight for item, weight in weigh_items([one[0] for one in tasks], header_workers())}
    return sorted(tasks, key=lambda task: -weights[task[0].key])


def _refuse_workers(client: Client, job: Job) -> None:
    for refusal in client.run(refuse_worker, job, on_error="return").values():
        if isinstance(refusal, SchedulerError):  # anything else is a worker that has just gone
            raise refusal


class _Room:
    """How many tasks the workers can take that are there now; it is asked once in a while."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._threads, self._asked_at = 0, -_LOOK_S

    def tasks(self) -> int:
        """Return the number of tasks to have given out; never 0, or nobody would wait for a worker."""
        if time.monotonic() - self._asked_at >= _LOOK_S:
            self._threads = sum(self._client.nthreads().values())
            self._asked_at = time.monotonic()
        return _TASKS_PER_THREAD * max(1, self._threads)


def _outcome(future: Future) -> tuple[Receipt, ...] | Death | None:
    """Return what became of a task; None where its receipts went down with the worker that held them.

    Such a task is to be given out again: its entries are there, and `extract_items` says so.
    """
    from distributed import KilledWorker

    status = future.status  # asked once: it can change at any moment
    if status == "finished":
        receipts: tuple[Receipt, ...] | Death = future.result()
        return receipts
    if status == "lost":
        return None
    if status != "error":
        raise _no_scheduler()
    error = future.exception()
    if isinstance(error, SchedulerError):
        raise error
    if isinstance(error, KilledWorker):
        return Death(
            cause="exit", got=f"{error.allowed_failures + 1} workers that were lost while they had it"
        )
    return Death(cause="error", got=f"{type(error).__name__} on a worker")


def _no_scheduler() -> SchedulerError:
    return SchedulerError(
        "the scheduler",
        expected="one that stays until the run is over",
        got="none any more",
        remedy="Start it again and run again: entries that were made are whole.",
    )
