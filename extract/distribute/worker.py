"""What a dask worker does with a task: one capped child process, one task after the other.

Enters: a task and the job it belongs to. Leaves: receipts, or the `Death` of the child. A file that takes its
decoder down ends the child, never the worker. Light to import: every worker loads this.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from extract.caps import Caps, item_caps
from extract.item import Task
from extract.pool import CappedChild, Death
from extract.run import Receipt, extract_items
from feature_cache import origin
from feature_cache.errors import BraidError
from feature_cache.store import FeatureCache


class SchedulerError(BraidError):
    """A scheduler or its workers cannot do this run."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker must know of a run. `record` is the folder of the run in the cache; its name is its own.

    Without `memory_gb` a worker takes an equal share of its own machine, on which `sharers` workers are.
    """

    cache: FeatureCache
    record: Path
    braid: str
    sharers: int
    memory_gb: float | None
    minutes: float

    @property
    def caps(self) -> Caps:
        """What one task may take on the machine where this is asked."""
        return item_caps(self.sharers, self.memory_gb, self.minutes)


_Child = CappedChild[Task, tuple[Receipt, ...]]
_CHILDREN: dict[tuple[Path, int], _Child] = {}  # by run and thread


def do_task(task: Task, job: Job) -> tuple[Receipt, ...] | Death:
    """Do one task in the child of this thread.

    Raises
    ------
    SchedulerError
        This worker cannot do it, whatever the task.
    """
    refuse_worker(job)
    place = (job.record, threading.get_ident())
    if place not in _CHILDREN:
        _end_children([old for old in _CHILDREN if old[1] == place[1]])  # those of an earlier run
        _CHILDREN[place] = CappedChild(partial(extract_items, cache=job.cache), job.caps)
    return _CHILDREN[place].do(task)


def let_go(job: Job) -> None:
    """End the children of a run, whatever they are doing: entries in hand stay absent."""
    _end_children([place for place in _CHILDREN if place[0] == job.record])


def refuse_worker(job: Job) -> None:
    """Raise `SchedulerError` where this worker is no worker for this run."""
    if multiprocessing.current_process().daemon:
        raise SchedulerError(
            "a worker of the scheduler",
            expected="a process that may have children",
            got="one started as a daemon",
            remedy="Start workers with DASK_DISTRIBUTED__WORKER__DAEMON=False in their environment.",
        )
    if own_code() != job.braid:
        raise SchedulerError(
            "a worker of the scheduler",
            expected=f"Braid {job.braid}",
            got=own_code(),
            remedy="Start the workers from the same checkout as the run.",
        )
    if not job.record.is_dir():
        raise SchedulerError(
            "a worker of the scheduler",
            expected="the cache of this run, under the same path",
            got=f"no folder {job.record}",
            remedy="Mount the file system of the cache there, or give --cache a path that every machine has.",
        )


def own_code() -> str:
    """Return version and commit of the code that runs here: entries of one run have one origin."""
    return f"{origin.own_version()} at {origin.commit()}"


def processors() -> str:
    """Return which GPUs this process may see, as CUDA is told; "" where nobody told it."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")


def _end_children(places: list[tuple[Path, int]]) -> None:
    for place in places:
        _CHILDREN.pop(place).end()
