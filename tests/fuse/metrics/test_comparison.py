from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.comparison import Contrast, Roles, compare_arms, compare_ibs, compare_planned
from fuse.metrics.concordance import resampled_pairs
from fuse.metrics.evaluation import evaluate_arm
from fuse.metrics.order_intervals import WITHOUT_INNER
from fuse.metrics.pooled import resample_within_folds
from fuse.metrics.scored import join

PLAIN = Contrast(first="fused", second="clinical", named_before=True)


@pytest.fixture
def arms(trial) -> dict[str, list]:
    noise = np.random.default_rng(5).normal(size=len(trial.outcome))
    return {
        "fused": trial.predict(trial.hazard),
        "clinical": trial.predict(trial.hazard + 1.5 * noise),
        "slides": trial.predict(noise),
        "null": trial.predict(np.zeros_like(noise)),
    }


def test_difference_is_that_of_the_two_rows(trial, arms) -> None:
    row = compare_arms(arms["fused"], arms["clinical"], trial.truths, PLAIN)
    first, second = (
        evaluate_arm(arms[name], trial.truths, 1000.0, 0)[0].estimate for name in ("fused", "clinical")
    )
    assert row.difference == pytest.approx(first - second, abs=1e-12)
    assert row.low < row.difference < row.high
    assert (row.first, row.second, row.metric, row.named_before) == ("fused", "clinical", "c_index", True)


def test_the_interval_is_that_of_one_case_more_or_less(trial, arms) -> None:
    row = compare_arms(arms["fused"], arms["clinical"], trial.truths, PLAIN)
    n, pulls = len(trial.outcome), np.zeros(len(trial.outcome))
    step = 1e-5
    for case in range(n):
        weighted = []
        for weight in (1 + step, 1 - step):
            counts = np.ones((1, n))
            counts[0, case] = weight
            weighted.append(
                resample_within_folds(join(arms["fused"], trial.truths), _count, counts)
                - resample_within_folds(join(arms["clinical"], trial.truths), _count, counts)
            )
        pulls[case] = float((weighted[0] - weighted[1])[0]) / (2 * step)
    error = np.sqrt(2 * np.square(pulls).sum() * n / (n - 1))
    half = 2.0117405137297655 * error  # t of 47 degrees of freedom, 97.5 %: 48 events
    assert row.high - row.low == pytest.approx(2 * half, rel=1e-5)
    assert row.method == f"{WITHOUT_INNER}, t with 47 df"


def _count(fold, counts):
    return resampled_pairs(fold.prediction.risk, fold.truth.test, counts)


def test_turning_the_comparison_round_changes_the_sign_only(trial, arms) -> None:
    forth = compare_arms(arms["fused"], arms["clinical"], trial.truths, PLAIN)
    back = compare_arms(arms["clinical"], arms["fused"], trial.truths, PLAIN)
    assert (back.difference, back.low, back.high) == (-forth.difference, -forth.high, -forth.low)


def test_an_arm_against_itself_differs_by_nothing_and_excludes_nothing(trial, arms) -> None:
    row = compare_arms(arms["fused"], arms["fused"], trial.truths, PLAIN)
    assert row.difference == 0 and np.isnan([row.low, row.high]).all()
    assert row.method == "none: same order in every fold"
    row = compare_ibs(arms["fused"], arms["fused"], trial.truths, PLAIN, 1000.0, 0)
    assert row.difference == 0 and np.isnan([row.low, row.high]).all()


def test_ibs_is_paired_and_lower_is_better(trial, arms) -> None:
    row = compare_ibs(arms["fused"], arms["clinical"], trial.truths, PLAIN, 1000.0, 0)
    ours, theirs = (
        next(row for row in evaluate_arm(arms[name], trial.truths, 1000.0, 0) if row.metric == "ibs")
        for name in ("fused", "clinical")
    )
    assert row.difference == pytest.approx(ours.estimate - theirs.estimate, abs=1e-12)
    assert row.difference < 0
    assert row.high - row.low < (ours.high - ours.low) + (theirs.high - theirs.low)


def test_planned_rows_follow_the_roles(trial, arms) -> None:
    roles = Roles(
        fusion="fused",
        clinical="clinical",
        published_score="noise",
        null="null",
        other_fusions=("early", "not run"),
        singles={"clinical": "clinical", "slides": "slides", "notes": "not run"},
    )
    arms = arms | {"noise": arms["slides"], "early": arms["clinical"]}
    rows = compare_planned(arms, trial.truths, roles, 1000.0, 0)
    assert [(row.first, row.second, row.metric, row.named_before) for row in rows] == [
        ("fused", "noise", "c_index", True),
        ("fused", "noise", "ibs", True),
        ("fused", "clinical", "c_index", True),
        ("fused", "clinical", "ibs", True),
        ("early", "noise", "c_index", True),
        ("early", "clinical", "c_index", True),
        ("fused", "clinical", "c_index", False),
        ("fused", "slides", "c_index", False),
    ]
    alone, together = rows[2], rows[6]
    assert alone.difference == together.difference
    assert together.low < alone.low and alone.high < together.high
    assert all("Bonferroni over 2 (simultaneous)" in row.method for row in rows[6:])


def test_without_fusion_nothing_is_compared(trial, arms) -> None:
    roles = Roles(clinical="clinical", null="null", singles={"clinical": "clinical", "slides": "slides"})
    assert compare_planned(arms, trial.truths, roles, 1000.0, 0) == []
