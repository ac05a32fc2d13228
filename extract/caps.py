"""How much one task may take: memory and time, by what is done with the file.

Enters: how many workers share the machine, and what the user said. Leaves: `Caps` for `pool.py`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from extract.memory import memory_gb_per_worker

#: Opening a header takes some MB and some milliseconds. Slow shares take seconds, large tables of notes a GB.
_HEADER_MEMORY_GB, _HEADER_SECONDS = 4.0, 300.0
#: Opening headers waits for the disk more than it computes; more children than this wait no better.
_MOST_HEADER_WORKERS = 4


@dataclass(frozen=True, kw_only=True)
class Caps:
    """What one child may hold (resident, GB = 10^9 bytes) and how long one task may take."""

    memory_gb: float
    seconds: float


def item_caps(workers: int, memory_gb: float | None, minutes: float) -> Caps:
    """Return what making an entry may take: the memory given, or else an equal share of the machine's."""
    return Caps(memory_gb=memory_gb or memory_gb_per_worker(workers), seconds=60 * minutes)


def header_caps(workers: int) -> Caps:
    """Return what opening a file and looking at its header may take."""
    return Caps(memory_gb=min(_HEADER_MEMORY_GB, memory_gb_per_worker(workers)), seconds=_HEADER_SECONDS)


def header_workers() -> int:
    """Return how many processes open headers at once: the cores there are, up to four."""
    return min(_MOST_HEADER_WORKERS, os.cpu_count() or 1)
