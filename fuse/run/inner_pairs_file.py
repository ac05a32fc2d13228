"""inner_pairs.csv: how every arm ordered the inner folds of every train part.

Enters: the results of all folds. Leaves: (repeat, fold, arm, inner, ranking, concordant, comparable),
pairs of cases, and the same in memory by arm and fold. The interval of nested cross-validation can be
computed again from this file, the predictions and the outcomes; no outcome of a test part is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fuse.files import write_csv
from fuse.fitting import FoldResult
from fuse.inner_order import InnerPairs

INNER_PAIRS = "inner_pairs.csv"
COLUMNS = ("repeat", "fold", "arm", "inner", "ranking", "concordant", "comparable")


def write_inner_pairs(folder: Path, results: Sequence[FoldResult]) -> None:
    """Write the pairs of all arms; `inner` counts the inner folds of a train part, `ranking` the classes."""
    rows = [
        (result.repeat, result.fold, name, inner, ranking, float(pairs[0]), float(pairs[1]))
        for result in results
        for name, arm in result.arms.items()
        for inner, of_inner in enumerate(arm.inner_pairs)
        for ranking, pairs in enumerate(of_inner)
    ]
    write_csv(folder / INNER_PAIRS, COLUMNS, rows)


def inner_pairs_by_arm(results: Sequence[FoldResult]) -> dict[str, dict[tuple[int, int], InnerPairs]]:
    """Return arm -> (repeat, fold) -> pairs of the inner folds."""
    return {
        name: {(result.repeat, result.fold): result.arms[name].inner_pairs for result in results}
        for name in results[0].arms
    }
