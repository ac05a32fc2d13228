"""The simulation of `test_null_simulation.py` as a trial: cohorts of pure noise, and what intervals hold.

Enters: a work folder (unused), how many cohorts, a seed. Leaves: measured rows.
"""

from __future__ import annotations

from pathlib import Path

from tests.measurement import Measured
from tests.trials.test_null_simulation import null_simulation
from tests.trials.trial import Counts


def null_cohorts(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Simulate `counts.runs` cohorts of noise and as many with signal."""
    del work
    return null_simulation(runs=counts.runs, seed=seed)
