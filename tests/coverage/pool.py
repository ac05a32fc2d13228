"""Cohorts judged in processes of one thread each, with what is left told as they come.

Enters: situations, sizes, how many cohorts of each. Leaves: what was judged, in order.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.coverage.one_cohort import Covered, Extent, judge_cohort

COHORTS_AT_ONCE = 10

#: Refits of a bootstrap take most of the time in a large cohort.
MOST_CASES_REFITTED = 300

Group = tuple[str, int, range]


def judge_all(
    situations: Sequence[str], sizes: Sequence[int], cohorts: int, extent: Extent, jobs: int
) -> list[Covered]:
    """Judge `cohorts` cohorts of every situation and size; seeds are 0, 1, … in each."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    chunks = list(_chunks(situations, sizes, cohorts))
    begun, judged = time.monotonic(), list[Covered]()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for number, found in enumerate(pool.map(partial(_judge_some, extent), chunks), start=1):
            judged += found
            passed = time.monotonic() - begun
            left = passed / number * (len(chunks) - number)
            done = f"{len(judged)} cohorts ({found[-1].situation}, {found[-1].size} cases)"
            print(f"coverage: {done}, {passed:.0f} s, {left:.0f} s left", flush=True)
    return judged


def _judge_some(extent: Extent, group: Group) -> list[Covered]:
    situation, size, seeds = group
    refits = extent.refits if size <= MOST_CASES_REFITTED else 0
    own = Extent(repeats=extent.repeats, refits=refits)
    return [judge_cohort(situation, size, seed, own) for seed in seeds]


def _chunks(situations: Sequence[str], sizes: Sequence[int], cohorts: int) -> Iterator[Group]:
    for situation in situations:
        for size in sizes:
            for start in range(0, cohorts, COHORTS_AT_ONCE):
                yield situation, size, range(start, min(start + COHORTS_AT_ONCE, cohorts))
