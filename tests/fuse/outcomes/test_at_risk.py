"""Delayed entry against R: what `Surv(start, stop, event)` gives, from the same cases.

The anchors are of R 4.2 with survival, on the cohort that `late_cohort` draws, written as a table:

    s <- Surv(d$start, d$stop, d$event); at <- c(30, 60, 100, 150)
    summary(survfit(s ~ 1), times=at)$surv; summary(survfit(s ~ 1), times=at)$n.risk
    f <- coxph(s ~ x1 + x2, data=d, ties="breslow"); coef(f); f$loglik
    b <- basehaz(f, centered=FALSE); b$hazard[findInterval(at, b$time)]
    concordance(s ~ x1, data=d, reverse=TRUE)$count
    d$state <- factor(d$cause, 0:2, c("none", "a", "b")); d$id <- 1:nrow(d)
    summary(survfit(Surv(start, stop, state) ~ 1, data=d, id=id), times=at)$pstate[,2]
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.losses import partial_log_likelihood, partial_log_likelihood_gradient
from fuse.metrics.aalen_johansen import resampled_incidence
from fuse.metrics.calibration import resampled_event_share
from fuse.metrics.concordance import concordant_pairs, resampled_pairs
from fuse.metrics.kaplan_meier import count_at_risk, estimate_survival
from fuse.metrics.ordered import keep_at_risk
from fuse.models.baseline_hazard import breslow
from fuse.models.newton_cox import cox_slope, ridge_cox_path
from fuse.outcomes.at_risk import at_risk
from fuse.outcomes.calibrated import fit_calibration
from fuse.outcomes.outcomes import Competing, Survival

AT = np.array([30.0, 60.0, 100.0, 150.0])


def late_cohort() -> tuple[Competing, np.ndarray]:
    """Draw 90 cases, two thirds of which come under observation late; whole days, so that times are tied."""
    rng = np.random.default_rng(4)
    x = np.round(rng.normal(size=(400, 2)), 3)
    entry = np.where(rng.random(400) < 0.33, 0, rng.integers(1, 80, 400)).astype(float)
    times = np.ceil(rng.exponential(90 * np.exp(-0.7 * x[:, 0]), (400,)))
    other, end = np.ceil(rng.exponential(250, 400)), np.ceil(rng.uniform(60, 300, 400))
    time = np.minimum(np.minimum(times, other), end)
    cause = np.where(time == times, 1, np.where(time == other, 2, 0))
    kept = np.flatnonzero(time > entry)[:90]
    outcome = Competing(
        event=cause == 1, time_days=time, entry_days=entry, cause=cause, causes=("a", "b")
    ).take(kept)
    return outcome, x[kept]


def any_event() -> tuple[Survival, np.ndarray]:
    outcome, x = late_cohort()
    return Survival(event=outcome.cause > 0, time_days=outcome.time_days, entry_days=outcome.entry_days), x


def test_kaplan_meier_counts_who_is_there() -> None:
    outcome, _ = any_event()
    expected = [0.631334079854, 0.422704610272, 0.255168277957, 0.100501060883]
    np.testing.assert_allclose(estimate_survival(outcome).at(AT), expected, atol=1e-11)
    assert count_at_risk(outcome, AT).tolist() == [45, 40, 27, 8]
    shares = [resampled_event_share(outcome, day, np.ones((1, len(outcome))))[0] for day in AT]
    np.testing.assert_allclose(1 - np.array(shares), expected, atol=1e-11)
    entry = outcome.entry_days
    assert entry is not None
    # on day 0 those that are there from the start
    assert count_at_risk(outcome, np.zeros(1)).tolist() == [int((entry == 0).sum())]


def test_aalen_johansen() -> None:
    outcome, _ = late_cohort()
    expected = [0.298123621985, 0.467907359439, 0.599329071005, 0.695243773951]
    found = resampled_incidence(outcome, AT, np.ones((1, len(outcome))))[0]
    np.testing.assert_allclose(found, expected, atol=1e-11)


def test_cox() -> None:
    outcome, x = any_event()
    (found,) = ridge_cox_path(x, outcome, (1e-12,))
    np.testing.assert_allclose(found, [0.667661299338, -0.105009615161], atol=1e-8)
    assert partial_log_likelihood(np.zeros(len(outcome)), outcome) == pytest.approx(
        -260.032783656270, abs=1e-9
    )
    assert partial_log_likelihood(x @ found, outcome) == pytest.approx(-245.644329136997, abs=1e-9)
    assert cox_slope(x @ found, outcome, 5.0) == pytest.approx(1.0, abs=1e-6)
    days, cumulative = breslow(x @ found, outcome)
    expected = [0.363735407749, 0.745320751561, 1.277924964378, 2.554830658409]
    np.testing.assert_allclose(cumulative[np.searchsorted(days, AT, side="right") - 1], expected, atol=1e-6)


def test_concordance_needs_the_later_case_to_be_there() -> None:
    outcome, x = any_event()
    concordant, comparable = concordant_pairs(x[:, 0], outcome)
    assert (concordant, comparable) == (1776.0, 1776.0 + 841.0)
    whole, all_pairs = resampled_pairs(x[:, 0], outcome, np.ones((1, len(outcome))))
    assert (float(whole[0]), float(all_pairs[0])) == (concordant, comparable)
    assert concordant_pairs(x[:, 0], replace(outcome, entry_days=None))[1] > comparable


def test_the_gradient_is_that_of_the_likelihood() -> None:
    outcome, x = any_event()
    risk, step = x[:, 0], 1e-5
    gradient = partial_log_likelihood_gradient(risk, outcome)
    for case in (0, 17, 60):
        moved = np.eye(len(risk))[case] * step
        rise = partial_log_likelihood(risk + moved, outcome) - partial_log_likelihood(risk - moved, outcome)
        assert gradient[case] == pytest.approx(rise / (2 * step), abs=1e-7)


def test_entry_at_the_start_is_no_entry() -> None:
    """The code for risk sets that are not nested gives what the other gives where nobody comes late."""
    outcome, x = any_event()
    plain = replace(outcome, entry_days=None)
    start = replace(outcome, entry_days=np.zeros(len(outcome)))
    np.testing.assert_allclose(
        ridge_cox_path(x, start, (0.5,))[0], ridge_cox_path(x, plain, (0.5,))[0], atol=1e-10
    )
    for ours, theirs in zip(breslow(x[:, 0], start), breslow(x[:, 0], plain), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert concordant_pairs(x[:, 0], start) == concordant_pairs(x[:, 0], plain)
    np.testing.assert_array_equal(estimate_survival(start).value, estimate_survival(plain).value)
    np.testing.assert_array_equal(at_risk(start, AT), at_risk(plain, AT))


def test_entry_goes_with_its_case() -> None:
    outcome, _ = late_cohort()
    rows = np.array([5, 2, 80])
    assert outcome.entry_days is not None
    kept = keep_at_risk(outcome.take(rows))
    assert kept.entry_days is not None
    assert kept.entry_days.tolist() == outcome.entry_days[rows].tolist()
    # the hazards of both causes honour it: at slope 0 they give Aalen and Johansen's curve, but for the step
    # from a product of (1 - hazard) to an exponential
    incidence = 1 - fit_calibration(np.zeros(len(outcome)), outcome).probability(np.zeros(1), AT)[0]
    np.testing.assert_allclose(
        incidence, [0.298123621985, 0.467907359439, 0.599329071005, 0.695243773951], atol=0.02
    )


def test_late_entry_is_not_ignored_by_the_fit() -> None:
    """Whoever comes late and frail outlived the time before: as at risk from the start, risk is hidden."""
    rng = np.random.default_rng(1)
    n = 4000
    x = rng.normal(size=(n, 1))
    time = rng.exponential(100 * np.exp(-x[:, 0]))
    entry = np.where(x[:, 0] > 0, rng.uniform(0, 60, n), 0.0)  # the frail come late
    kept = time > entry
    outcome = Survival(event=kept[kept], time_days=time[kept], entry_days=entry[kept])
    honoured = ridge_cox_path(x[kept], outcome, (1e-9,))[0][0]
    ignored = ridge_cox_path(x[kept], replace(outcome, entry_days=None), (1e-9,))[0][0]
    assert honoured == pytest.approx(1.0, abs=0.08)
    assert ignored < 0.9
