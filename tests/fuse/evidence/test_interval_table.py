"""Every method has a row, one of them is primary and is what the tables of the run say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.cases import FoldPrediction, FoldTruth
from fuse.evidence.interval_table import IntervalInputs, interval_rows, resample_share
from fuse.metrics.comparison import Contrast, Roles, compare_arms
from fuse.metrics.concordance import resampled_pairs
from fuse.metrics.evaluation import evaluate_arm
from fuse.metrics.intervals import draw_resamples
from fuse.metrics.one_fold import bootstrap_order
from fuse.metrics.pooled import resample_within_folds
from fuse.metrics.scored import ScoredArm, join
from fuse.outcomes.outcomes import Survival

DAYS = np.array([1000.0])
RNG = np.random.default_rng(4)
N = 60
HAZARD = RNG.normal(size=N)
TIME = np.ceil(RNG.exponential(900 * np.exp(-HAZARD)))
OUTCOME = Survival(event=TIME < 1000, time_days=np.minimum(TIME, 1000.0))
ROWS = {(1, fold): np.arange(N)[fold::3] for fold in range(3)} | {
    (2, fold): np.arange(N)[fold * 20 : fold * 20 + 20] for fold in range(3)
}
TRUTHS = [
    FoldTruth(
        repeat=repeat,
        fold=fold,
        test=OUTCOME.take(rows),
        train=OUTCOME.take(np.setdiff1d(np.arange(N), rows)),
    )
    for (repeat, fold), rows in ROWS.items()
]


def said(noise: float) -> list[FoldPrediction]:
    risk = HAZARD + noise * np.random.default_rng(5).normal(size=N)
    return [
        FoldPrediction(
            repeat=repeat,
            fold=fold,
            case_ids=tuple(f"case{row:02d}" for row in rows),
            risk=risk[rows],
            times_days=DAYS,
            event_free=np.full((len(rows), 1), 0.5),
            inner_pairs=np.array([[[60.0, 100.0]], [[70.0 - 10 * noise, 100.0]]]),
        )
        for (repeat, fold), rows in ROWS.items()
    ]


FUSED, CLINICAL = said(0.5), said(1.5)


def inputs(**more: object) -> IntervalInputs:
    arms = {"fused": join(FUSED, TRUTHS), "clinical": join(CLINICAL, TRUTHS)}
    roles = Roles(fusion="fused", clinical="clinical")
    return replace(IntervalInputs(arms=arms, roles=roles, metric="c_index", seed=0), **more)


def test_the_primary_rows_are_those_of_the_tables() -> None:
    primary = {(row.first, row.second): row for row in interval_rows(inputs()) if row.primary}
    alone = evaluate_arm(FUSED, TRUTHS, 1000.0, 0)[0]
    pair = compare_arms(
        FUSED, CLINICAL, TRUTHS, Contrast(first="fused", second="clinical", named_before=True)
    )
    found = primary["fused", ""]
    assert (found.estimate, found.low, found.high, found.method) == (
        pytest.approx(alone.estimate),
        alone.low,
        alone.high,
        alone.method,
    )
    found = primary["fused", "clinical"]
    assert (found.estimate, found.low, found.high) == (pytest.approx(pair.difference), pair.low, pair.high)
    assert found.method == pair.method and found.method.startswith("nested CV, error held between")


def test_every_method_has_a_row_and_one_is_primary() -> None:
    refits = {"fused": np.linspace(0.6, 0.7, 30).tolist(), "clinical": np.linspace(0.6, 0.65, 30).tolist()}
    rows = interval_rows(inputs(refits=refits))
    names = [
        "nested_cv",
        "nested_cv_as_published",
        "nadeau_bengio",
        "case_jackknife",
        "out_of_fold_bootstrap",
        "refit_bootstrap",
    ]
    for pair in (("fused", ""), ("clinical", ""), ("fused", "clinical")):
        own = [row for row in rows if (row.first, row.second) == pair]
        assert [row.name for row in own] == names
        assert [row.name for row in own if row.primary] == ["nested_cv"]
        assert all(row.low < row.estimate < row.high for row in own)
        assert len({row.estimate for row in own}) == 1
    assert "conditional on the fitted models" in rows[3].method and "conditional" in rows[4].method


def test_resamples_are_those_of_c_within_folds() -> None:
    arm = join(FUSED, TRUTHS)
    counts = draw_resamples(N, 3)
    by_folds = resample_within_folds(
        arm, lambda fold, own: resampled_pairs(fold.prediction.risk, fold.truth.test, own), counts
    )
    assert resample_share(arm, counts).tolist() == by_folds.tolist()


def test_one_fold_has_its_bootstrap_in_the_tables_and_no_row_here() -> None:
    arm = join(FUSED[:1], TRUTHS[:1])
    assert interval_rows(inputs(arms={"fused": arm, "clinical": arm})) == []
    assert isinstance(arm, ScoredArm)
    alone = evaluate_arm(FUSED[:1], TRUTHS[:1], 1000.0, 0)[0]
    assert alone.method == bootstrap_order([FUSED[0].risk], TRUTHS[0].test).method
