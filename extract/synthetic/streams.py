"""Random streams that never depend on how many cases there are or on the order in which they are drawn.

Enters: the seed of the cohort, what is drawn, the number of the case. Leaves: a numpy Generator.
Case 7 of a cohort of 20 is case 7 of a cohort of 2,000; only outcomes see the whole cohort (outcomes.py).
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, purpose: str, case: int = 0) -> np.random.Generator:
    """Return the generator of one purpose (a word) of one case."""
    spawn_key = (zlib.crc32(purpose.encode("ascii")), case)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=spawn_key))
