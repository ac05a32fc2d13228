"""inner_pairs.csv holds what nested cross-validation is computed from, and predictions are given it back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from fuse.cases import FoldPrediction
from fuse.evidence.evaluation_plan import Evaluation
from fuse.files import read_csv
from fuse.fitting import ArmResult, FoldResult
from fuse.metrics.comparison import Roles
from fuse.run.inner_pairs_file import INNER_PAIRS, inner_pairs_by_arm, write_inner_pairs

PAIRS = np.array([[[1.5, 4.0]], [[2.0, 3.0]]])


def result(fold: int, pairs: np.ndarray) -> FoldResult:
    arm = ArmResult(
        risk=np.zeros(1), probability=np.ones((1, 1)), train_median=0.0, chosen="", inner_pairs=pairs
    )
    return FoldResult(repeat=1, fold=fold, arms={"ridge_cox__notes": arm})


def test_every_inner_fold_has_a_row(tmp_path: Path) -> None:
    write_inner_pairs(tmp_path, [result(1, PAIRS), result(2, 2 * PAIRS)])
    rows = read_csv(tmp_path / INNER_PAIRS)[1]
    assert [(row["fold"], row["inner"], row["concordant"], row["comparable"]) for row in rows] == [
        ("1", "0", "1.5", "4.0"),
        ("1", "1", "2.0", "3.0"),
        ("2", "0", "3.0", "8.0"),
        ("2", "1", "4.0", "6.0"),
    ]
    assert {(row["repeat"], row["arm"], row["ranking"]) for row in rows} == {("1", "ridge_cox__notes", "0")}


def test_predictions_are_given_the_pairs_of_their_own_fold_and_arm(tmp_path: Path) -> None:
    by_arm = inner_pairs_by_arm([result(1, PAIRS), result(2, 2 * PAIRS)])
    plan = Evaluation(
        folder=tmp_path,
        door=cast("Any", SimpleNamespace()),
        folds=cast("Any", SimpleNamespace()),
        roles=Roles(),
        titles={},
        seed=0,
        inner_pairs=by_arm,
    )
    said = [
        FoldPrediction(
            repeat=1,
            fold=fold,
            case_ids=("a",),
            risk=np.zeros(1),
            times_days=np.ones(1),
            event_free=np.ones((1, 1)),
        )
        for fold in (2, 1)
    ]
    second, first = plan.with_inner("ridge_cox__notes", said)
    assert np.array_equal(cast("Any", second.inner_pairs), 2 * PAIRS)
    assert np.array_equal(cast("Any", first.inner_pairs), PAIRS)
    assert [one.inner_pairs for one in plan.with_inner("another", said)] == [None, None]
