"""How much is judged when all of it is: for `python -m tests.coverage` and `make published`.

Enters: cohorts of each situation and size. Leaves: the measured rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tests.coverage.cohorts import SITUATIONS
from tests.coverage.one_cohort import Covered, Extent, judge_cohort
from tests.coverage.rows import coverage_rows
from tests.judging import JOBS, judge_all
from tests.measurement import Measured

COHORTS, SIZES = 500, (95, 300, 1000)
#: Repeats of the five folds; refits of the bootstrap, in cohorts of up to 300 cases.
REPEATS, REFITS = 3, 60
#: Refits of a bootstrap take most of the time in a large cohort.
MOST_CASES_REFITTED = 300


def study_rows(
    cohorts: int = COHORTS,
    sizes: Sequence[int] = SIZES,
    situations: Sequence[str] = tuple(SITUATIONS),
    extent: Extent | None = None,
    jobs: int = JOBS,
) -> list[Measured]:
    """Return all rows, none of no cohort."""
    whole = extent or Extent(repeats=REPEATS, refits=REFITS)
    drawn = [(name, size, seed) for name in situations for size in sizes for seed in range(cohorts)]
    return coverage_rows(list(judge_all(partial(_judge, whole), drawn, "coverage", jobs))) if drawn else []


def _judge(extent: Extent, situation: str, size: int, seed: int) -> Covered:
    refits = extent.refits if size <= MOST_CASES_REFITTED else 0
    return judge_cohort(situation, size, seed, Extent(repeats=extent.repeats, refits=refits))
