"""Brier score and AUC where causes compete, against formulas computed in R and against scikit-survival.

library(survival)
# an event and a censoring at one time: the event comes first, and G at a time has its own drop in it
G <- survfit(Surv(time + ifelse(cause == 0, 1e-6, 0), cause == 0) ~ 1)
g <- function(t) summary(G, times = t + 2e-6, extend = TRUE)$surv
for (day in c(20, 35)) {
  own <- sapply(time, g); had <- ifelse(cause == 1 & time <= day, 1 / own, 0)
  free <- ifelse(cause == 2 & time <= day, 1 / own, 0) + (time > day) / g(day)
  wins <- outer(said, said, ">") + .5 * outer(said, said, "=="); pairs <- outer(had, free)
  print(c(day, mean(had * (1 - said)^2 + free * said^2), sum(wins * pairs) / sum(pairs)))
}
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.auc import resampled_auc_pairs
from fuse.metrics.brier import brier_by_case, train_curve
from fuse.metrics.censoring import weigh
from fuse.metrics.competing import evaluate_competing_arm
from fuse.metrics.evaluation import evaluate_arm
from fuse.metrics.ranked_fold import RankedFold
from fuse.outcomes.outcomes import Competing, Survival

CAUSE = np.array([1, 2, 0, 1, 0, 1, 2, 0, 1, 0, 2, 0])
TWELVE = Competing(
    event=CAUSE == 1,
    time_days=np.array([5.0, 8, 8, 12, 15, 20, 20, 27, 33, 40, 41, 55]),
    cause=CAUSE,
    causes=("one", "two"),
)
SAID = np.array([0.5, 0.2, 0.3, 0.45, 0.3, 0.1, 0.25, 0.2, 0.4, 0.15, 0.1, 0.05])
OF_R = {20.0: (0.169742063492063, 0.706359368331199), 35.0: (0.197123015873016, 0.829605963791267)}


def pairs(risk: np.ndarray, test: Competing, day: float, counts: np.ndarray | None = None) -> np.ndarray:
    counts = np.ones((1, len(risk))) if counts is None else counts
    return np.array(resampled_auc_pairs(RankedFold(risk=risk, train=TWELVE, test=test, counts=counts), day))


@pytest.mark.parametrize("day", [20.0, 35.0])
def test_agrees_with_the_formulas_in_r(day: float) -> None:
    weights = weigh(TWELVE, TWELVE, np.array([day]))
    brier = brier_by_case(1 - SAID[:, None], weights).mean()
    concordant, total = pairs(SAID, TWELVE, day)
    assert (brier, concordant[0] / total[0]) == pytest.approx(OF_R[day], abs=1e-12)


def test_a_resample_is_the_repeated_cases() -> None:
    counts = np.array([[2.0, 0, 1, 1, 3, 1, 1, 0, 1, 1, 1, 0]])
    rows = np.repeat(np.arange(12), counts[0].astype(int))
    ours = pairs(SAID, TWELVE, 35.0, counts)
    # the censoring curve of the cases as they are, in both
    assert ours == pytest.approx(pairs(SAID[rows], TWELVE.take(rows), 35.0))


def test_a_fold_in_which_nobody_is_followed_beyond_the_day_weighs_like_any_other() -> None:
    """Its pairs are with cases that had another cause: they weigh the same with and without others beside."""
    known = TWELVE.take(np.array([0, 1, 6]))  # an event on day 5, another cause on days 8 and 20
    beyond = TWELVE.take(np.array([0, 1, 6, 11]))
    said = SAID[[0, 1, 6, 11]]
    _, alone = pairs(said[:3], known, 35.0)
    _, beside = pairs(said, beyond, 35.0)
    event = float(weigh(TWELVE, TWELVE.take(np.array([0])), np.array([35.0])).had_event[0, 0])
    assert beside[0] - alone[0] == pytest.approx(event)  # one pair more, of one who weighs 1


def test_nobody_knows_of_a_case_that_was_censored_before_the_day() -> None:
    weights = weigh(TWELVE, TWELVE, np.array([20.0]))
    censored_before = (CAUSE == 0) & (TWELVE.time_days <= 20)
    assert not weights.had_event[censored_before].any() and not weights.event_free[censored_before].any()
    other_before = (CAUSE == 2) & (TWELVE.time_days <= 20)
    assert (weights.event_free[other_before] > 0).all() and not weights.had_event[other_before].any()


def test_everybody_s_curve_is_the_incidence_of_the_train_part() -> None:
    assert train_curve(TWELVE, 2, np.array([20.0]))[:, 0] == pytest.approx([1 - 0.2817460317460317] * 2)


def with_folds(outcome, risk):
    arms, truths, days = [], [], np.array([100.0, 200.0, 300.0, 400.0])
    for fold in range(5):
        test = np.arange(fold, len(risk), 5)
        train = np.setdiff1d(np.arange(len(risk)), test)
        event_free = np.exp(-np.exp(risk[test])[:, None] * days / 900)
        said = FoldPrediction(
            repeat=1,
            fold=fold,
            case_ids=tuple(f"{row:03d}" for row in test),
            risk=risk[test],
            times_days=days,
            event_free=event_free,
        )
        arms.append(said)
        truths.append(FoldTruth(repeat=1, fold=fold, test=outcome.take(test), train=outcome.take(train)))
    return arms, truths


def as_times(outcome: Competing) -> Survival:
    return Survival(event=outcome.event, time_days=outcome.time_days)


def simulate(n: int, rate_of_other: float) -> tuple[Competing, np.ndarray]:
    rng = np.random.default_rng(3)
    risk = rng.normal(size=n)
    one = rng.exponential(900 * np.exp(-risk))
    other = rng.exponential(1 / rate_of_other, size=n) if rate_of_other else np.full(n, np.inf)
    end = rng.uniform(200, 1500, size=n)
    time = np.ceil(np.minimum(np.minimum(one, other), end))
    cause = np.where((one < other) & (one < end), 1, np.where(other < end, 2, 0))
    return Competing(event=cause == 1, time_days=time, cause=cause, causes=("one", "two")), risk


def test_without_other_causes_it_is_the_evaluation_of_times() -> None:
    outcome, risk = simulate(150, 0.0)
    arms, truths = with_folds(outcome, risk)
    ours = {row.metric: row for row in evaluate_competing_arm(arms, truths, 400.0, 0, (100.0,))}
    plain = [replace(truth, test=as_times(truth.test), train=as_times(truth.train)) for truth in truths]
    theirs = {row.metric: row for row in evaluate_arm(arms, plain, 400.0, 0, (100.0,))}
    assert set(theirs) - set(ours) == {"uno_c", "d_calibration_p"}
    for name, row in ours.items():
        other = theirs[name]
        assert [row.estimate, row.low, row.high] == pytest.approx(
            [other.estimate, other.low, other.high], abs=1e-10, nan_ok=True
        )


def test_true_incidences_are_calibrated_and_kaplan_meier_s_are_not() -> None:
    outcome, risk = simulate(2000, 1 / 500)
    arms, truths = with_folds(outcome, risk)
    other, said = 1 / 500, []
    for arm in arms:
        own = np.exp(arm.risk)[:, None] / 900
        incidence = own / (own + other) * (1 - np.exp(-(own + other) * arm.times_days))
        said.append(replace(arm, event_free=1 - incidence))
    right = {row.metric: row for row in evaluate_competing_arm(said, truths, 400.0, 0)}
    wrong = {row.metric: row for row in evaluate_competing_arm(arms, truths, 400.0, 0)}
    assert right["calibration_slope"].low < 1 < right["calibration_slope"].high
    assert right["observed_expected"].low < 1 < right["observed_expected"].high
    assert right["ici"].estimate < 0.02 < wrong["ici"].estimate
    assert wrong["observed_expected"].high < 0.9
    assert right["ipa"].estimate > wrong["ipa"].estimate + 0.05
    assert right["brier_400"].estimate < wrong["brier_400"].estimate
