"""How much is judged when all of it is: for `python -m tests.coverage` and `make published`.

Enters: cohorts of each situation and size. Leaves: the measured rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.coverage.cohorts import SITUATIONS
from tests.coverage.one_cohort import Extent
from tests.coverage.pool import judge_all
from tests.coverage.rows import coverage_rows
from tests.measurement import Measured

COHORTS, SIZES = 500, (95, 300, 1000)
#: Repeats of the five folds; refits of the bootstrap, in cohorts of up to 300 cases.
REPEATS, REFITS = 3, 60
JOBS = 2


def study_rows(
    cohorts: int = COHORTS,
    sizes: Sequence[int] = SIZES,
    situations: Sequence[str] = tuple(SITUATIONS),
    extent: Extent | None = None,
    jobs: int = JOBS,
) -> list[Measured]:
    """Return all rows, none of no cohort."""
    whole = extent or Extent(repeats=REPEATS, refits=REFITS)
    return coverage_rows(judge_all(situations, sizes, cohorts, whole, jobs)) if cohorts else []
