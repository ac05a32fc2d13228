from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.d_calibration import d_calibration
from fuse.metrics.scored import ScoredArm, join
from fuse.outcomes.outcomes import Survival

DAYS = np.linspace(5.0, 1000.0, 200)


def arm_of(seed: int, scale: float = 1.0, n: int = 800, repeats: int = 1) -> ScoredArm:
    """Exponential times; curves are those of the true hazard times `scale`."""
    rng = np.random.default_rng(seed)
    hazard = np.exp(rng.normal(size=n)) / 600
    time, end = rng.exponential(1 / hazard), rng.uniform(100, 1600, size=n)
    outcome = Survival(event=time <= end, time_days=np.minimum(time, end))
    curves = np.exp(-scale * hazard[:, None] * DAYS)
    said = FoldPrediction(
        repeat=1,
        fold=1,
        case_ids=tuple(f"{row:04d}" for row in range(n)),
        risk=np.log(hazard),
        times_days=DAYS,
        event_free=curves,
    )
    truth = FoldTruth(repeat=1, fold=1, test=outcome, train=outcome)
    of_repeats = range(1, repeats + 1)
    return join([replace(said, repeat=k) for k in of_repeats], [replace(truth, repeat=k) for k in of_repeats])


def by_hand(arm: ScoredArm, horizon: float) -> float:
    """Count one case after the other, as the paper's algorithm does."""
    from scipy.stats import chisquare

    shares, fold = np.zeros(10), arm.folds[0]
    for curve, event, time in zip(
        fold.prediction.event_free, fold.truth.test.event, fold.truth.test.time_days, strict=True
    ):
        at = min(time, horizon)
        height = np.interp(at, [0.0, *DAYS], [1.0, *curve])
        place = min(int(height * 10), 9)
        if event and time <= horizon:
            shares[place] += 1
            continue
        shares[place] += (height - place / 10) / height
        shares[:place] += 0.1 / height
    return float(chisquare(shares).pvalue)


def test_it_is_the_test_that_the_paper_describes() -> None:
    for scale in (1.0, 1.5):
        arm = arm_of(0, scale)
        p, interval = d_calibration(arm, 1000.0)
        assert p == pytest.approx(by_hand(arm, 1000.0), abs=1e-10)
        assert np.isnan(interval.low) and "10 bins, 9 df, follow-up cut at day 1000" in interval.method


def test_true_curves_pass_and_wrong_ones_do_not() -> None:
    passed = [d_calibration(arm_of(seed), 1000.0)[0] for seed in range(40)]
    assert np.mean(np.array(passed) < 0.05) <= 0.1
    assert d_calibration(arm_of(0, 1.5), 1000.0)[0] < 1e-4


def test_a_case_of_several_repeats_counts_once() -> None:
    assert d_calibration(arm_of(0, repeats=3), 1000.0)[0] == pytest.approx(
        d_calibration(arm_of(0), 1000.0)[0], abs=1e-12
    )


def test_curves_that_reach_zero_leave_the_lowest_height() -> None:
    arm = arm_of(0)
    fold = arm.folds[0]
    zero = replace(fold, prediction=replace(fold.prediction, event_free=0 * fold.prediction.event_free))
    assert d_calibration(replace(arm, folds=(zero,)), 1000.0)[0] < 1e-10


def test_under_200_events_nothing_is_said() -> None:
    p, interval = d_calibration(arm_of(0, n=150), 1000.0)
    assert np.isnan(p) and interval.method.startswith("none: cannot be assessed under 200 events")


def test_events_after_the_horizon_are_none_of_the_200() -> None:
    early = arm_of(0, n=450)
    events = int((early.outcome.event & (early.outcome.time_days <= 300)).sum())
    assert early.outcome.event.sum() > 200 > events
    p, interval = d_calibration(early, 300.0)
    assert np.isnan(p) and interval.method.endswith(f"under 200 events ({events} here)")
