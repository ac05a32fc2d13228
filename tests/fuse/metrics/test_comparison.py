from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.comparison import Contrast, Roles, compare_arms, compare_ibs, compare_planned
from fuse.metrics.concordance import concordant_pairs
from fuse.metrics.evaluation import evaluate_arm

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


def test_interval_by_hand_from_the_folds(trial, arms) -> None:
    value, weight, ratio = [], [], []
    for first, second, truth in zip(arms["fused"], arms["clinical"], trial.truths, strict=True):
        ours, pairs = concordant_pairs(first.risk, truth.test)
        theirs, _ = concordant_pairs(second.risk, truth.test)
        value.append((ours - theirs) / pairs)
        weight.append(pairs)
        ratio.append(len(truth.test) / len(truth.train))
    mean = np.average(value, weights=weight)
    variance = np.average((np.array(value) - mean) ** 2, weights=weight) * 10 / 9
    half = 2.2621571627409915 * np.sqrt(variance * (0.1 + np.mean(ratio)))  # t of 9 degrees of freedom
    row = compare_arms(arms["fused"], arms["clinical"], trial.truths, PLAIN)
    assert row.high - row.low == pytest.approx(2 * half, rel=1e-9)
    assert row.method == "Nadeau-Bengio t, 9 df"


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
