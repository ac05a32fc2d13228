"""Intervals of one fold: resampled counts are what repeating the rows gives, and the interval covers."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.comparison import Contrast, compare_arms
from fuse.metrics.evaluation import evaluate_arm
from fuse.metrics.intervals import BOOTSTRAP
from fuse.metrics.one_fold import bootstrap_order, resample_order
from fuse.metrics.ordered import ordered_pairs, share_in_order
from fuse.outcomes.outcomes import Classes, Competing, Outcome, Survival

RNG = np.random.default_rng(2)
CAUSE = RNG.integers(0, 3, 40)
TIME = np.ceil(RNG.exponential(20, 40))
LABEL = RNG.integers(0, 3, 40)


@pytest.mark.parametrize(
    ("outcome", "width"),
    [
        (Survival(event=CAUSE > 0, time_days=TIME), ()),
        (Competing(event=CAUSE == 1, time_days=TIME, cause=CAUSE, causes=("a", "b")), ()),
        (Classes(label=(LABEL > 0).astype(int), names=("no", "yes")), ()),
        (Classes(label=LABEL, names=("a", "b", "c")), (3,)),
    ],
    ids=["times", "causes", "two classes", "three classes"],
)
def test_a_resample_is_the_order_of_the_repeated_rows(outcome: Outcome, width: tuple[int, ...]) -> None:
    risk = np.round(RNG.normal(size=(40, *width)), 1)
    counts = RNG.multinomial(40, np.full(40, 1 / 40), size=6).astype(float)
    repeated = [
        share_in_order(ordered_pairs(risk[rows], outcome.take(rows)))
        for rows in (np.repeat(np.arange(40), row.astype(int)) for row in counts)
    ]
    assert resample_order(risk, outcome, counts) == pytest.approx(repeated, abs=1e-12)


def test_an_interval_holds_its_estimate_and_more_questions_widen_it() -> None:
    outcome = Survival(event=CAUSE > 0, time_days=TIME)
    risk = -TIME + RNG.normal(size=40) * 10
    alone, many = (bootstrap_order([risk], outcome, family) for family in (1, 4))
    assert many.low < alone.low < share_in_order(ordered_pairs(risk, outcome)) < alone.high < many.high
    assert "Bonferroni over 4" in many.method
    same = bootstrap_order([risk, risk], outcome)
    assert np.isnan(same.low)


def test_one_fold_is_evaluated_and_compared_with_an_interval(trial) -> None:
    truths = trial.truths[:1]
    noise = np.random.default_rng(5).normal(size=len(trial.outcome))
    good, bad = trial.predict(trial.hazard)[:1], trial.predict(noise)[:1]
    row = evaluate_arm(good, truths, 1000.0, 0)[0]
    assert row.method == BOOTSTRAP
    assert row.low < row.estimate < row.high
    contrast = Contrast(first="good", second="bad", named_before=True)
    compared = compare_arms(good, bad, truths, contrast)
    assert compared.method == f"{BOOTSTRAP}; paired"
    assert compared.low < compared.difference < compared.high
