"""One seed of `make published` from nothing to its answer; a worker process runs it."""

from __future__ import annotations

from pathlib import Path

from tests.published.cohort import make_cohort
from tests.published.planted import Answer, judge


def judge_seed(folder: Path, cases: int, seed: int) -> Answer:
    """Make one cohort below `folder` and judge it."""
    made = make_cohort(folder / f"seed-{seed}", cases, seed)
    return judge(seed, made.manifest, made.cache, made.truth)
