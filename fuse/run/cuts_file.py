"""What each train part fixed as the cut of its test part, written before a test outcome is opened.

Enters: the results of all folds. Leaves: cuts.csv (repeat, fold, arm, cut, rule): the median risk between two
groups of an endpoint with times, the risk above which a case is called a yes of a binary one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fuse.files import write_csv
from fuse.fitting import FoldResult
from fuse.metrics.class_cut import YOUDEN
from fuse.outcomes.endpoint import OutcomeDoor

MEDIAN = "median of out-of-fold risks"
COLUMNS = ("repeat", "fold", "arm", "cut", "rule")


def write_cuts(
    path: Path, results: Sequence[FoldResult], door: OutcomeDoor
) -> dict[str, dict[tuple[int, int], float]]:
    """Write the cuts of every arm and return them: arm -> (repeat, fold) -> cut; none of many classes.

    A cut that does not exist, where an arm says the same of everybody, is blank in the file and NaN here.
    """
    if not door.has_times and len(door.classes) != 2:
        return {}
    cuts: dict[str, dict[tuple[int, int], float]] = {}
    for result in results:
        for name, arm in result.arms.items():
            cut = arm.train_median if door.has_times else arm.train_cut
            cuts.setdefault(name, {})[result.repeat, result.fold] = cut
    rule = MEDIAN if door.has_times else YOUDEN
    rows = [(*key, name, cut, rule) for name, of_folds in cuts.items() for key, cut in of_folds.items()]
    write_csv(path, COLUMNS, rows)
    return cuts
