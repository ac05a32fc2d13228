"""How long something takes: the least of a few repeats, the one that was disturbed least."""

from __future__ import annotations

import time
from collections.abc import Callable

REPEATS = 3


def best(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the least seconds of a few repeats."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)
