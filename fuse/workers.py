"""Folds in worker processes: which process fits a fold changes nothing but the waiting time.

Enters: fold tasks, and the scratch folder with the cases. Leaves: their results in the order of the tasks,
and a progress bar with the time left on standard error. A fold that cannot be fitted ends the run; whatever
ends it ends the workers, in the midst of their folds.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

from feature_cache.errors import OutcomeError
from feature_cache.stopping import follow_parent, raise_if_stopped, signals_held
from fuse.cases_file import load_cases
from fuse.fitting import FoldResult, FoldTask, fit_fold


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fit_folds(tasks: Sequence[FoldTask], scratch: Path, jobs: int) -> list[FoldResult]:
    """Fit all folds with `jobs` worker processes (1: in this process), results in the order of `tasks`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    results: dict[int, FoldResult] = {}
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        closing(_fit_each(tasks, scratch, jobs)) as fitted,
    ):
        bar = progress.add_task("fitting folds", total=len(tasks))
        for position, result in fitted:
            raise_if_stopped()
            results[position] = result
            progress.advance(bar)
    return [results[position] for position in range(len(tasks))]


def _fit_each(
    tasks: Sequence[FoldTask], scratch: Path, jobs: int
) -> Generator[tuple[int, FoldResult], None, None]:
    if jobs == 1:
        for position, task in enumerate(tasks):
            yield position, _fit_from(task, scratch)
        return
    # spawn: a forked child would inherit the parent's thread pools in an unknown state
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    count = min(jobs, len(tasks))
    with ProcessPoolExecutor(max_workers=count, mp_context=context, initializer=follow_parent) as pool:
        waiting: dict[Future[FoldResult], int] = {}
        done_with_all = False
        try:
            with signals_held():
                for position, task in enumerate(tasks):
                    waiting[pool.submit(_fit_from, task, scratch)] = position
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
            done_with_all = True
        except BrokenProcessPool as error:
            raise OutcomeError(
                "fitting folds",
                expected=f"{jobs} worker processes that live until their folds are fitted",
                got="one that was ended from outside",
                remedy="Memory is the usual reason: use fewer --jobs.",
            ) from error
        finally:
            if not done_with_all:
                for worker in set(multiprocessing.active_children()) - others:
                    worker.kill()
            pool.shutdown(wait=True, cancel_futures=True)


def _fit_from(task: FoldTask, scratch: Path) -> FoldResult:
    return fit_fold(task, load_cases(scratch))
