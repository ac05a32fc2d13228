"""Runs of a study in processes, one thread each, with what is left to do told as they come."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

JOBS, AT_ONCE = 2, 5

Result = TypeVar("Result")


def judge_all(judge: Callable[[int], Result], seeds: range, what: str) -> Iterator[Result]:
    """Yield what `judge`, a function of a module, says of each seed, in their order."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    context, begun = multiprocessing.get_context("spawn"), time.monotonic()
    with ProcessPoolExecutor(JOBS, mp_context=context) as pool:
        for done, result in enumerate(pool.map(judge, seeds, chunksize=AT_ONCE), start=1):
            yield result
            if done % 50 == 0 or done == len(seeds):
                passed = time.monotonic() - begun
                left = passed / done * (len(seeds) - done)
                print(f"{what}: {done}/{len(seeds)}, {passed:.0f} s, {left:.0f} s left", flush=True)
