"""Net benefit against hand counts and R's survfit, and who crosses a threshold."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.decision import net_benefit, reclassify, share_of_event, treat_all
from fuse.outcomes.outcomes import Classes, Competing, Survival

ONCE = np.ones((1, 12))
TIME = np.array([100.0, 200, 250, 300, 400, 450, 500, 600, 700, 800, 900, 1000])
EVENT = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 0, 0], dtype=bool)
RISK = np.array([0.9, 0.2, 0.7, 0.6, 0.3, 0.5, 0.1, 0.8, 0.4, 0.05, 0.15, 0.35])

# R 4.2, survival: for pt in .1, .3, .5 and flagged <- p >= pt
#   s <- summary(survfit(Surv(time, event) ~ 1, subset = flagged), times = 550, extend = TRUE)$surv
#   mean(flagged) * ((1 - s) - s * pt / (1 - pt))
# and the same of everybody
R_THRESHOLDS = np.array([0.1, 0.3, 0.5])
R_MODEL = [0.430555555555556, 0.145833333333333, 0.194444444444444]
R_ALL = [0.412110523221634, 0.244142101284959, -0.058201058201058]


def test_with_censoring_it_is_what_survfit_gives() -> None:
    share = share_of_event(Survival(event=EVENT, time_days=TIME), 550.0)
    np.testing.assert_allclose(net_benefit(RISK, R_THRESHOLDS, share, ONCE)[0], R_MODEL, atol=1e-12)
    np.testing.assert_allclose(treat_all(R_THRESHOLDS, share, ONCE)[0], R_ALL, atol=1e-12)


def test_without_censoring_it_is_true_positives_less_the_odds_of_false_ones() -> None:
    yes = Classes(label=EVENT.astype(int), names=("no", "yes"))
    found = net_benefit(RISK, np.array([0.3]), share_of_event(yes, None), ONCE)[0, 0]
    flagged = RISK >= 0.3
    by_hand = (np.sum(flagged & EVENT) - np.sum(flagged & ~EVENT) * 3 / 7) / 12
    assert found == pytest.approx(by_hand, abs=1e-15)
    # everybody followed to the end: the same number from times
    times = Survival(event=EVENT, time_days=np.where(EVENT, 100.0, 2000.0))
    assert net_benefit(RISK, np.array([0.3]), share_of_event(times, 550.0), ONCE)[0, 0] == pytest.approx(
        by_hand
    )


def test_another_cause_is_no_event_and_no_censoring() -> None:
    cause = np.where(EVENT, 1, np.arange(12) % 3)
    outcome = Competing(
        event=cause == 1, time_days=np.where(cause > 0, 100.0, 2000.0), cause=cause, causes=("a", "b")
    )
    found = net_benefit(RISK, np.array([0.3]), share_of_event(outcome, 550.0), ONCE)[0, 0]
    flagged, event = RISK >= 0.3, cause == 1
    assert found == pytest.approx((np.sum(flagged & event) - np.sum(flagged & ~event) * 3 / 7) / 12)


def test_a_resample_is_the_same_as_repeated_rows() -> None:
    outcome = Survival(event=EVENT, time_days=TIME)
    counts = np.random.default_rng(1).multinomial(12, np.full(12, 1 / 12), size=20).astype(float)
    thresholds = np.array([0.2, 0.45])
    found = net_benefit(RISK, thresholds, share_of_event(outcome, 550.0), counts)
    for row, count in enumerate(counts):
        rows = np.repeat(np.arange(12), count.astype(int))
        own = share_of_event(outcome.take(rows), 550.0)
        np.testing.assert_allclose(net_benefit(RISK[rows], thresholds, own, ONCE)[0], found[row], atol=1e-12)


def test_nobody_flagged_gains_nothing_and_no_threshold_no_column() -> None:
    share = share_of_event(Survival(event=EVENT, time_days=TIME), 550.0)
    assert net_benefit(RISK, np.array([0.95]), share, ONCE).tolist() == [[0.0]]
    assert net_benefit(RISK, np.zeros(0), share, ONCE).shape == (1, 0)
    only = np.zeros((1, 12))
    only[0, 1] = 1.0  # a resample of cases that are not flagged
    assert net_benefit(RISK, np.array([0.5]), share, only).tolist() == [[0.0]]


def test_who_crosses_the_threshold_and_what_became_of_them() -> None:
    label = np.array([1, 0, 0, 1, 0, 0, 1, 0, 0, 0])
    before = np.array([0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1])
    after = np.array([0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.3, 0.1, 0.1, 0.1])
    share = share_of_event(Classes(label=label, names=("no", "yes")), None)
    moved = reclassify(before, after, 0.3, share)
    assert (moved.up, moved.down) == (20.0, 30.0)
    assert moved.event_share_up == 0.5
    assert moved.event_share_down == pytest.approx(1 / 3)
    still = reclassify(before, before, 0.3, share)
    assert (still.up, still.down) == (0.0, 0.0)
    assert np.isnan([still.event_share_up, still.event_share_down]).all()
