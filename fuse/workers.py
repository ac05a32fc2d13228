"""Folds in worker processes: which process fits a fold changes nothing but the waiting time.

Enters: fold tasks, and the scratch folder with the cases. Leaves: their results in the order of the tasks,
and a progress bar with the time left on standard error. Folds that are kept from a run that was stopped are
not fitted again. A fold that cannot be fitted ends the run; whatever ends it ends the workers, in the midst
of their folds.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from feature_cache.errors import OutcomeError
from feature_cache.stopping import follow_parent, raise_if_stopped, signals_held
from fuse.features.cases_file import load_cases
from fuse.fitting import FoldResult, FoldTask, fit_fold
from fuse.run.kept_folds import KeptFolds

Task = TypeVar("Task")
Result = TypeVar("Result")


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fit_folds(tasks: Sequence[FoldTask], scratch: Path, jobs: int, kept: KeptFolds) -> list[FoldResult]:
    """Fit all folds with `jobs` worker processes (1: in this process), results in the order of `tasks`.

    Each result is put into `kept` as soon as it is there, and what is returned was read from it.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    results = {position: result for position in range(len(tasks)) if (result := kept.read(position))}
    waiting = {position: task for position, task in enumerate(tasks) if position not in results}
    told = f"fitting folds ({len(results)} were there)" if results else "fitting folds"
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        closing(fit_each(_fit_from, waiting, scratch, jobs)) as fitted,
    ):
        bar = progress.add_task(told, total=len(tasks), completed=len(results))
        for position, result in fitted:
            kept.keep(position, result)
            raise_if_stopped()
            results[position] = _read_back(kept, position)
            progress.advance(bar)
    return [results[position] for position in range(len(tasks))]


def _read_back(kept: KeptFolds, position: int) -> FoldResult:
    result = kept.read(position)
    if result is None:
        raise OutcomeError(
            "fitting folds",
            expected="the result of a fold as it was just written",
            got="a file that cannot be read",
            remedy="Look after the disk of the run folder.",
        )
    return result


def fit_each(
    fit: Callable[[Task, Path], Result], tasks: Mapping[int, Task], scratch: Path, jobs: int
) -> Generator[tuple[int, Result], None, None]:
    """Yield the position and the result of each task, as they come; `fit` is a function of a module."""
    if jobs == 1 or not tasks:
        for position, task in tasks.items():
            yield position, fit(task, scratch)
        return
    # spawn: a forked child would inherit the parent's thread pools in an unknown state
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    count = min(jobs, len(tasks))
    with ProcessPoolExecutor(max_workers=count, mp_context=context, initializer=follow_parent) as pool:
        waiting: dict[Future[Result], int] = {}
        done_with_all = False
        try:
            with signals_held():
                for position, task in tasks.items():
                    waiting[pool.submit(fit, task, scratch)] = position
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
