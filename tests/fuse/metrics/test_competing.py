"""Competing causes: the incidence by hand, and an evaluation that takes no death for a censoring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.aalen_johansen import incidence_of_group, resampled_incidence
from fuse.metrics.comparison import Roles
from fuse.metrics.competing import compare_competing, evaluate_competing_arm
from fuse.metrics.concordance import concordant_pairs
from fuse.metrics.kaplan_meier import estimate_survival
from fuse.metrics.ordered import ordered_pairs
from fuse.outcomes.outcomes import Competing, Survival

SIX = Competing(
    event=np.array([True, False, False, True, False, False]),
    time_days=np.array([1.0, 2.0, 3.0, 4.0, 4.0, 6.0]),
    cause=np.array([1, 2, 0, 1, 2, 0]),
    causes=("one", "two"),
)
DAYS = np.array([0.5, 1.0, 3.5, 4.0, 9.0])


def test_incidence_by_hand() -> None:
    first = 1 / 6
    before_four = (5 / 6) * (4 / 5)
    said = resampled_incidence(SIX, DAYS, np.ones((1, 6)))[0]
    later = first + before_four / 3
    assert said == pytest.approx([0, first, first, later, later])


def test_a_resample_is_the_repeated_cases() -> None:
    counts = np.array([[2.0, 0.0, 1.0, 1.0, 1.0, 1.0]])
    rows = np.repeat(np.arange(6), counts[0].astype(int))
    assert resampled_incidence(SIX, DAYS, counts) == pytest.approx(
        resampled_incidence(SIX.take(rows), DAYS, np.ones((1, 6)))
    )


def test_with_one_cause_it_is_kaplan_meier() -> None:
    one = replace(SIX, cause=SIX.event.astype(int))
    km = estimate_survival(Survival(event=SIX.event, time_days=SIX.time_days))
    assert 1 - resampled_incidence(one, DAYS, np.ones((1, 6)))[0] == pytest.approx(km.at(DAYS))
    curve = incidence_of_group("all", one, DAYS)
    assert (curve["n"], curve["events"], curve["survival"][0]) == (6, 2, 1.0)
    assert curve["survival"][1:] == pytest.approx(km.at(np.array(curve["time_days"][1:])))
    low, value, high = (np.array(curve[name]) for name in ("low", "survival", "high"))
    assert np.all((low <= value) & (value <= high))


def make(n: int = 150) -> tuple[np.ndarray, list[FoldPrediction], list[FoldTruth]]:
    rng = np.random.default_rng(2)
    risk = rng.normal(size=n)
    one, two = rng.exponential(500 * np.exp(-risk)), rng.exponential(500 * np.exp(-risk))
    end = rng.uniform(300, 1500, size=n)
    time = np.ceil(np.minimum(np.minimum(one, two), end))
    cause = np.where((one < two) & (one < end), 1, np.where(two < end, 2, 0))
    outcome = Competing(event=cause == 1, time_days=time, cause=cause, causes=("one", "two"))
    arms, truths = [], []
    for fold in range(5):
        test = np.arange(fold, n, 5)
        train = np.setdiff1d(np.arange(n), test)
        share = np.full((len(test), 2), 0.5)
        arms.append(
            FoldPrediction(
                repeat=1,
                fold=fold,
                case_ids=tuple(f"{row:03d}" for row in test),
                risk=risk[test],
                times_days=np.array([200.0, 400.0]),
                event_free=share * (1 - 0.1 * np.tanh(risk[test]))[:, None],
            )
        )
        truths.append(FoldTruth(repeat=1, fold=fold, test=outcome.take(test), train=outcome.take(train)))
    return risk, arms, truths


def test_c_counts_the_other_cause_as_never() -> None:
    _, arms, truths = make()
    rows = {row.metric: row for row in evaluate_competing_arm(arms, truths, 400.0, seed=0)}
    pairs = sum(ordered_pairs(arm.risk, truth.test)[0] for arm, truth in zip(arms, truths, strict=True))
    assert rows["c_index"].estimate == pytest.approx(pairs[0] / pairs[1])
    censored = np.sum(
        [concordant_pairs(arm.risk, truth.test) for arm, truth in zip(arms, truths, strict=True)], axis=0
    )
    # both causes follow the same risk: with deaths as censoring the order looks better than it is
    assert rows["c_index"].estimate < censored[0] / censored[1] - 0.05
    assert rows["c_index"].low < rows["c_index"].estimate < rows["c_index"].high
    assert list(rows) == [
        *("c_index", "c_index_pooled", "auc_200", "auc_400", "ibs", "ipa", "observed_expected"),
        *("brier_400", "calibration_slope", "ici"),
    ]


def test_observed_is_the_incidence_and_not_kaplan_meier() -> None:
    _, arms, truths = make()
    rows = evaluate_competing_arm(arms, truths, 400.0, seed=0)
    row = next(row for row in rows if row.metric == "observed_expected")
    causes = [truth.test for truth in truths]
    whole = Competing(
        event=np.concatenate([part.event for part in causes]),
        time_days=np.concatenate([part.time_days for part in causes]),
        cause=np.concatenate([part.cause for part in causes]),
        causes=("one", "two"),
    )
    observed = resampled_incidence(whole, np.array([400.0]), np.ones((1, len(whole))))[0, 0]
    expected = np.mean(np.concatenate([1 - arm.event_free[:, 1] for arm in arms]))
    assert row.estimate == pytest.approx(observed / expected)
    assert row.low < row.estimate < row.high


def test_arms_are_compared_on_the_same_pairs() -> None:
    _, arms, truths = make()
    rng = np.random.default_rng(1)
    worse = [
        replace(arm, risk=rng.normal(size=len(arm.risk)), event_free=0.9 * arm.event_free) for arm in arms
    ]
    roles = Roles(fusion="late__a+b", clinical="ridge_cox__clinical")
    both = {"late__a+b": arms, "ridge_cox__clinical": worse}
    row, of_scores = compare_competing(both, truths, roles, 400.0, 0)
    assert (row.metric, of_scores.metric) == ("c_index", "ibs")
    ours, theirs = (
        next(one for one in evaluate_competing_arm(said, truths, 400.0, 0) if one.metric == "ibs")
        for said in (arms, worse)
    )
    assert of_scores.difference == pytest.approx(ours.estimate - theirs.estimate, abs=1e-12)
    first, second = (evaluate_competing_arm(said, truths, 400.0, 0)[0] for said in (arms, worse))
    assert row.difference == pytest.approx(first.estimate - second.estimate)


def test_metrics_and_comparisons_are_of_one_horizon() -> None:
    """Most die: of all cases under a tenth is followed beyond the day, of those that did not die more."""
    _, arms, truths = make(400)
    died = [np.random.default_rng(7).random(len(truth.test)) < 0.85 for truth in truths]
    mostly = []
    for truth, dead in zip(truths, died, strict=True):
        cause = np.where(dead, 2, truth.test.cause)
        time = np.where(dead, np.minimum(truth.test.time_days, 150.0), truth.test.time_days)
        test = replace(truth.test, event=cause == 1, cause=cause, time_days=time)
        mostly.append(replace(truth, test=test, train=test))
    followed = sum(int((truth.test.time_days > 400).sum()) for truth in mostly)
    assert followed < 40
    roles = Roles(fusion="late__a+b", clinical="ridge_cox__clinical")
    other = [replace(arm, event_free=0.9 * arm.event_free) for arm in arms]
    both = {"late__a+b": arms, "ridge_cox__clinical": other}
    rows = compare_competing(both, mostly, roles, 400.0, 0)
    assert "horizon day 400" in next(row.method for row in rows if row.metric == "ibs")
    metrics = [row.metric for row in evaluate_competing_arm(arms, mostly, 400.0, 0)]
    assert {"auc_400", "brier_400"} <= set(metrics)
