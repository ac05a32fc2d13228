"""Late fusion: weights against an oracle, absent modalities exactly 0, nothing known gives the null model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.arm import fit_arm
from fuse.fusion.late import fit_late
from fuse.metrics.concordance import concordant_pairs
from fuse.models.registry import build_learner
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


@pytest.fixture(scope="module")
def stack(cohort, arms):
    learner = build_learner("early", ("table", "slides"))
    early = fit_arm(learner, cohort.cases, cohort.outcome, cohort.inner, 0)
    return fit_late({**arms, "early": early}, cohort.cases, cohort.outcome, cohort.inner)


def test_an_arm_of_several_modalities_adds_to_each_of_them(cohort, stack):
    parts = stack.contributions(cohort.cases)
    assert set(parts) == {"table", "slides"}
    assert sum(parts.values()) == pytest.approx(stack.risk(cohort.cases))
    for name, part in parts.items():
        assert (part[~cohort.cases.modalities[name].present] == 0.0).all()
    assert sum(stack.modality_weights.values()) == pytest.approx(sum(stack.weights.values()))
    assert stack.weights["early"] > 0


def test_two_views_of_one_latent_are_better_than_one_on_new_cases(arms, late):
    fresh = make_cohort(seed=11, n=400)

    def c_index(risk: np.ndarray) -> float:
        concordant, comparable = concordant_pairs(risk, fresh.outcome)
        return float(concordant / comparable)

    fused = c_index(late.risk(fresh.cases))
    assert fused > max(c_index(arm.risk(fresh.cases)) for arm in arms.values())
    assert fused > 0.6
