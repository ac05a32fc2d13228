"""Late fusion: weights against an oracle, absent modalities exactly 0, nothing known gives the null model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.arm import fit_arm
from fuse.fusion.late import RIDGE, fit_late, stack_weights
from fuse.losses import partial_log_likelihood_gradient
from fuse.metrics.concordance import concordant_pairs
from fuse.models.registry import build_learner
from fuse.outcomes import Survival
from tests.fuse.simulated import make_cohort


@pytest.fixture(scope="module")
def arms(cohort):
    return {
        name: fit_arm(build_learner("ridge_cox", (name,)), cohort.cases, cohort.outcome, cohort.inner, 0)
        for name in ("table", "slides")
    }


@pytest.fixture(scope="module")
def late(cohort, arms):
    return fit_late(arms, cohort.cases, cohort.outcome, cohort.inner)


@pytest.fixture(scope="module")
def stacked() -> tuple[np.ndarray, Survival]:
    rng = np.random.default_rng(4)
    columns = rng.normal(size=(150, 3))
    time = rng.exponential(np.exp(-columns @ [0.8, 0.4, 0.0])) * 100 + 1
    return columns, Survival(event=rng.random(150) < 0.6, time_days=time)


def test_weights_without_a_bound_in_the_way_are_scikit_survivals(stacked):
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    columns, outcome = stacked
    columns = columns[:, :2]
    theirs = CoxPHSurvivalAnalysis(alpha=RIDGE).fit(
        columns, Surv.from_arrays(outcome.event, outcome.time_days)
    )
    assert (theirs.coef_ > 0).all()
    assert stack_weights(columns, outcome, 0.0) == pytest.approx(theirs.coef_, abs=1e-4)


def test_weights_meet_the_conditions_of_the_optimum(stacked):
    columns, outcome = stacked
    columns = columns * [1.0, 1.0, -1.0] - np.outer(columns[:, 0], [0, 0, 0.7])
    for likeness in (0.0, 4.0):
        weights = stack_weights(columns, outcome, likeness)
        slope = columns.T @ partial_log_likelihood_gradient(columns @ weights, outcome)
        slope -= RIDGE * weights + likeness * (weights - weights.mean())
        assert (weights >= 0).all()
        assert slope[weights > 1e-8] == pytest.approx(0.0, abs=0.02)
        assert (slope[weights <= 1e-8] < 0.02).all()


def test_a_strong_likeness_makes_the_weights_one(stacked):
    weights = stack_weights(*stacked, 1e6)
    assert weights == pytest.approx(np.full(3, weights.mean()), abs=1e-3) and weights.mean() > 0.1


def test_arms_that_go_with_later_events_get_exactly_nothing(stacked):
    columns, outcome = stacked
    assert stack_weights(-columns[:, :2], outcome, 4.0).tolist() == [0.0, 0.0]


def test_contributions_add_up_and_absent_is_exactly_zero(cohort, late):
    parts = late.contributions(cohort.cases)
    assert parts["table"] + parts["slides"] == pytest.approx(late.risk(cohort.cases))
    for name, part in parts.items():
        assert (part[~cohort.cases.modalities[name].present] == 0.0).all()
    nobody = ~cohort.cases.modalities["table"].present & ~cohort.cases.modalities["slides"].present
    assert nobody.any() and (late.risk(cohort.cases)[nobody] == 0.0).all()


def test_a_masked_modality_leaves_what_the_others_say(cohort, late):
    slides = cohort.cases.modalities["slides"]
    masked = replace(slides, present=np.zeros(len(slides.present), dtype=bool))
    cases = replace(cohort.cases, modalities={**cohort.cases.modalities, "slides": masked})
    expected = late.contributions(cohort.cases)["table"]
    assert late.risk(cases).tobytes() == expected.tobytes()


def test_a_case_alone_and_arms_in_another_order(cohort, arms, late):
    risk = late.risk(cohort.cases)
    for row in range(0, len(cohort.cases), 5):
        assert late.risk(cohort.cases.take(np.array([row])))[0] == risk[row]
    turned = fit_late(dict(reversed(arms.items())), cohort.cases, cohort.outcome, cohort.inner)
    assert turned.risk(cohort.cases).tobytes() == risk.tobytes()
    assert turned.weights == late.weights


def test_arms_that_know_nothing_are_the_null_model(cohort):
    null = fit_arm(build_learner("null", ()), cohort.cases, cohort.outcome, cohort.inner, 0)
    arms = {name: replace(null, modalities=(name,)) for name in ("table", "slides")}
    late = fit_late(arms, cohort.cases, cohort.outcome, cohort.inner)
    times = np.array([100.0, 500.0])
    assert late.weights == {"slides": 0.0, "table": 0.0}
    assert (late.risk(cohort.cases) == 0.0).all()
    assert late.probability(cohort.cases, times) == pytest.approx(null.probability(cohort.cases, times))


def test_two_views_of_one_latent_are_better_than_one_on_new_cases(arms, late):
    fresh = make_cohort(seed=11, n=400)

    def c_index(risk: np.ndarray) -> float:
        concordant, comparable = concordant_pairs(risk, fresh.outcome)
        return float(concordant / comparable)

    fused = c_index(late.risk(fresh.cases))
    assert fused > max(c_index(arm.risk(fresh.cases)) for arm in arms.values())
    assert fused > 0.6
