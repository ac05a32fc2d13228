"""Many cohorts judged in processes of one thread each, with what is left told as they come.

Enters: a function, and what it is called with: situation, size, seed and the like, the seed last. Leaves:
what it returned, in order.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

SEEDS_AT_ONCE = 10
JOBS = 2

Cohort = tuple[Any, ...]
Result = TypeVar("Result")


def judge_all(
    judge: Callable[..., Result], cohorts: Sequence[Cohort], what: str, jobs: int = JOBS
) -> Iterator[Result]:
    """Yield what is judged of every cohort, and print how far it is.

    Parameters
    ----------
    judge
        A function of a module, or a partial of one: it is sent to other processes.
    cohorts
        What it is called with. Those that differ in the seed alone stay together where they stand beside each
        other, some at a time: a process may keep what it made of the last one.
    """
    begun, done, chunks = time.monotonic(), 0, list(_chunks(cohorts))
    with one_thread_each(jobs) as pool:
        for chunk, results in zip(chunks, pool.map(partial(_judge_some, judge), chunks), strict=True):
            yield from results
            done += len(chunk)
            passed = time.monotonic() - begun
            left = passed / done * (len(cohorts) - done)
            where = " ".join(map(str, chunk[0][:-1])) or "seeds"
            print(f"{what}: {done}/{len(cohorts)} ({where}), {passed:.0f} s, {left:.0f} s left", flush=True)


def one_thread_each(jobs: int | None) -> ProcessPoolExecutor:
    """Return processes that begin afresh and compute on one thread each; as many as cores where None."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))


def _judge_some(judge: Callable[..., Result], cohorts: Sequence[Cohort]) -> list[Result]:
    return [judge(*cohort) for cohort in cohorts]


def _chunks(cohorts: Sequence[Cohort]) -> Iterator[list[Cohort]]:
    for _, group in groupby(cohorts, key=lambda cohort: cohort[:-1]):
        own = list(group)
        for start in range(0, len(own), SEEDS_AT_ONCE):
            yield own[start : start + SEEDS_AT_ONCE]
