"""One seed of `make published` from nothing to its answers; a worker process runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.published.cohort import make_cohort
from tests.published.four_modalities import FourAnswer, RowsLeft, judge_four, judge_large, leave_rows
from tests.published.planted import Answer, judge


def judge_seed(folder: Path, cases: int, first: int, seed: int) -> tuple[Answer, FourAnswer, RowsLeft | None]:
    """Make one cohort below `folder` and judge it; rows of files that are gone are left for `first` alone."""
    work = folder / f"seed-{seed}"
    made = make_cohort(work, cases, seed)
    planted = judge(seed, made.manifest, made.cache, made.truth)
    four = judge_four(seed, made, work / "runs")
    left = leave_rows(seed, made, work / "runs") if seed == first else None
    shutil.rmtree(work)
    return planted, four, left


def judge_large_cohort(folder: Path, cases: int, seed: int) -> dict[str, str]:
    """Make one large cohort and return what the verdict says of each modality alone."""
    work = folder / "large"
    named = judge_large(make_cohort(work, cases, seed), work / "run")
    shutil.rmtree(work)
    return named
