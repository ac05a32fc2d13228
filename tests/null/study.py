"""The whole study: cohorts without anything to find, and cohorts in which fusion gains .02.

Enters: how many of each. Leaves: measured rows, and a line of progress now and then.
"""

from __future__ import annotations

from functools import partial

from tests.measurement import Measured
from tests.null.cohorts import CASES
from tests.null.gain import judge_gain
from tests.null.pool import judge_all
from tests.null.rejections import PERMUTATIONS, judge_nulls
from tests.null.rows import gain_rows, null_rows

#: An exact test has a size of .05: of 400 runs, one in four would put its upper limit above .08, of 1,000 one
#: in sixty.
RUNS, COHORTS = 1000, 200
#: Enough cases for 200 cohorts to tell .005.
GAIN_CASES = 300


def study_rows(runs: int = RUNS, cohorts: int = COHORTS) -> list[Measured]:
    """Return all rows; 0 of either leaves its part out."""
    rows: list[Measured] = []
    if runs:
        source = f"{runs} cohorts of {CASES} cases and about 27 events, {PERMUTATIONS} permutations"
        rows += null_rows(list(judge_all(judge_nulls, runs, "null")), source)
    if cohorts:
        judged = list(judge_all(partial(judge_gain, cases=GAIN_CASES), cohorts, "gain"))
        rows += gain_rows(judged, f"{cohorts} cohorts of {GAIN_CASES} cases, truth on fresh cases")
    return rows
