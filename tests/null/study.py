"""The whole study: cohorts without anything to find, and cohorts in which fusion gains .02.

Enters: how many of each. Leaves: measured rows, and a line of progress now and then.
"""

from __future__ import annotations

from functools import partial

from tests.judging import judge_all
from tests.measurement import Measured
from tests.null.cohorts import CASES
from tests.null.gain import judge_gain
from tests.null.pipeline import FEW
from tests.null.rejections import PERMUTATIONS, judge_intervals, judge_refits
from tests.null.rows import gain_rows, null_rows

#: A permutation test has a size of exactly .05: its upper limit would lie above .08 in one of four studies of
#: 400 runs, and in one of thirty of 800.
RUNS, REFITTED, COHORTS = 400, 800, 200
#: Enough cases for 200 cohorts to tell .005.
GAIN_CASES = 300


def study_rows(
    runs: int = RUNS, refitted: int = REFITTED, cohorts: int = COHORTS, first: int = 0
) -> list[Measured]:
    """Return all rows, of seeds from `first` on; 0 of either leaves its part out."""
    rows: list[Measured] = []
    size = f"cohorts of {CASES} cases and about 27 events"
    if runs:
        judged = judge_all(judge_intervals, _seeds(first, runs), "null, intervals")
        rows += null_rows(list(judged), f"{runs} {size}")
    if refitted:
        source = f"{refitted} {size}, {PERMUTATIONS} permutations, one repeat of {FEW[1]} folds"
        rows += null_rows(list(judge_all(judge_refits, _seeds(first, refitted), "null, refits")), source)
    if cohorts:
        gains = judge_all(partial(judge_gain, cases=GAIN_CASES), _seeds(first, cohorts), "gain")
        rows += gain_rows(list(gains), f"{cohorts} cohorts of {GAIN_CASES} cases, truth on fresh cases")
    return rows


def _seeds(first: int, count: int) -> list[tuple[int]]:
    return [(seed,) for seed in range(first, first + count)]
