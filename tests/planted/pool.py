"""Cohorts judged in processes, one thread each, with what is left to do told as they come.

Enters: situations, sizes, seeds and what to do with one of each. Leaves: what was judged, in order. The seeds
of one group stay together, since a process keeps the fresh cases of what it did last.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.planted.study import Judged

SEEDS_AT_ONCE = 10
JOBS = 2

#: Judges one cohort: situation, size, seed.
Judge = Callable[[str, int, int], Judged]
Cohort = tuple[str, int, int]


def judge_all(judge: Judge, cohorts: Sequence[Cohort], what: str) -> list[Judged]:
    """Judge all cohorts and print how far it is.

    Parameters
    ----------
    judge
        A function of a module, or a partial of one: it is sent to other processes.
    cohorts
        (situation, size, seed), those of one situation beside each other.
    """
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    context, begun, done = multiprocessing.get_context("spawn"), time.monotonic(), 0
    judged: list[Judged] = []
    with ProcessPoolExecutor(JOBS, mp_context=context) as pool:
        for chunk in pool.map(partial(_judge_some, judge), _chunks(cohorts)):
            judged += chunk
            done += len(chunk)
            passed = time.monotonic() - begun
            left = passed / done * (len(cohorts) - done)
            last = chunk[-1]
            where = f"{last.situation} {last.size}"
            print(f"{what}: {done}/{len(cohorts)} ({where}), {passed:.0f} s, {left:.0f} s left", flush=True)
    return judged


def _judge_some(judge: Judge, cohorts: Sequence[Cohort]) -> list[Judged]:
    return [judge(*cohort) for cohort in cohorts]


def _chunks(cohorts: Sequence[Cohort]) -> Iterator[list[Cohort]]:
    """Yield cohorts of one situation and size, some at a time."""
    for key in dict.fromkeys(cohort[:2] for cohort in cohorts):
        own = [cohort for cohort in cohorts if cohort[:2] == key]
        for start in range(0, len(own), SEEDS_AT_ONCE):
            yield own[start : start + SEEDS_AT_ONCE]
