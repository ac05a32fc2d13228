"""Residual fusion: the clinical model with what others add to it; nothing where they have nothing to add."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.arm import fit_arm
from fuse.fusion.residual import fit_residual
from fuse.metrics.concordance import concordant_pairs
from fuse.models.registry import build_learner
from tests.fuse.simulated import make_cohort


@pytest.fixture(scope="module")
def base(cohort):
    return fit_arm(build_learner("ridge_cox", ("table",)), cohort.cases, cohort.outcome, cohort.inner, 0)


@pytest.fixture(scope="module")
def residual(cohort, base):
    return fit_residual(base, ("slides",), cohort.cases, cohort.outcome, cohort.inner)


def test_contributions_are_the_risk_and_absent_is_exactly_zero(cohort, residual):
    parts = residual.contributions(cohort.cases)
    assert parts["table"] + parts["slides"] == pytest.approx(residual.risk(cohort.cases))
    for name, part in parts.items():
        assert (part[~cohort.cases.modalities[name].present] == 0.0).all()
    nobody = ~cohort.cases.modalities["table"].present & ~cohort.cases.modalities["slides"].present
    assert nobody.any() and (residual.risk(cohort.cases)[nobody] == 0.0).all()


def test_it_adds_to_its_base_on_new_cases(base, residual):
    fresh = make_cohort(seed=11, n=3000)

    def c_index(risk: np.ndarray) -> float:
        concordant, comparable = concordant_pairs(risk, fresh.outcome)
        return float(concordant / comparable)

    assert np.isfinite(residual.chosen["alpha"])
    assert c_index(residual.risk(fresh.cases)) > c_index(base.risk(fresh.cases)) + 0.005


def test_a_modality_of_noise_adds_nothing(cohort, base):
    slides = cohort.cases.modalities["slides"]
    chosen = []
    for seed in range(8):
        noise = np.random.default_rng(seed).normal(size=slides.values.shape)
        noise[~slides.present] = np.nan
        modalities = {**cohort.cases.modalities, "slides": replace(slides, values=noise)}
        cases = replace(cohort.cases, modalities=modalities)
        residual = fit_residual(base, ("slides",), cases, cohort.outcome, cohort.inner)
        chosen.append(residual.chosen["alpha"])
        if np.isinf(chosen[-1]):
            assert np.array_equal(residual.risk(cases), residual.slope * base.risk(cases))
    assert np.isinf(chosen).sum() >= 4


def test_a_case_alone_has_the_risk_that_it_has_among_others(cohort, residual):
    risk = residual.risk(cohort.cases)
    for row in range(0, len(cohort.cases), 9):
        assert residual.risk(cohort.cases.take(np.array([row])))[0] == risk[row]
