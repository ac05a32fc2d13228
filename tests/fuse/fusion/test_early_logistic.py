"""Early fusion of classes: one table, absent modalities without influence, cases on their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.ordered import ordered_pairs, share_in_order
from fuse.models.learner import Setting
from fuse.models.registry import build_learner
from fuse.outcomes.outcomes import Classes
from tests.fuse.simulated import make_cohort

COHORT = make_cohort(4, n=150)
LATE = np.argsort(np.argsort(COHORT.outcome.time_days))
BINARY = Classes(label=(LATE < 75).astype(int), names=("no", "yes"))
SEVERAL = Classes(label=LATE // 50, names=("early", "middle", "late"))
ALPHA = Setting((("alpha", 4.0),))


@pytest.mark.parametrize("outcome", [BINARY, SEVERAL], ids=["binary", "several"])
def test_it_learns_and_an_absent_modality_adds_nothing(outcome: Classes) -> None:
    scorer = build_learner("early_logistic", ("table", "slides")).fit(COHORT.cases, outcome, ALPHA, 0)
    risk = scorer.risk(COHORT.cases)
    assert share_in_order(ordered_pairs(risk, outcome)) > 0.65
    slides = COHORT.cases.modalities["slides"]
    other = np.where(slides.present[:, None], slides.values, 1e6)
    spoilt = replace(
        COHORT.cases, modalities={**COHORT.cases.modalities, "slides": replace(slides, values=other)}
    )
    assert scorer.risk(spoilt).tobytes() == risk.tobytes()
    neither = ~slides.present & ~COHORT.cases.modalities["table"].present
    assert neither.any()
    assert not risk[neither].any()


@pytest.mark.parametrize("outcome", [BINARY, SEVERAL], ids=["binary", "several"])
def test_what_each_modality_adds_is_the_risk(outcome: Classes) -> None:
    scorer = build_learner("early_logistic", ("table", "slides")).fit(COHORT.cases, outcome, ALPHA, 0)
    parts = scorer.contributions(COHORT.cases)  # type: ignore[attr-defined]  # of scorers of several
    assert parts["table"] + parts["slides"] == pytest.approx(scorer.risk(COHORT.cases))
    for name, part in parts.items():
        assert not part[~COHORT.cases.modalities[name].present].any() and part.any()


@pytest.mark.parametrize("outcome", [BINARY, SEVERAL], ids=["binary", "several"])
def test_a_case_alone_is_the_same_as_among_others(outcome: Classes) -> None:
    scorer = build_learner("early_logistic", ("table", "slides")).fit(COHORT.cases, outcome, ALPHA, 0)
    together = scorer.risk(COHORT.cases)
    for row in (0, 17, 149):
        assert scorer.risk(COHORT.cases.take(np.array([row]))).tobytes() == together[row : row + 1].tobytes()


def test_one_class_teaches_nothing() -> None:
    rare = Classes(label=np.eye(150, dtype=int)[3], names=("no", "yes"))
    scorer = build_learner("early_logistic", ("table", "slides")).fit(COHORT.cases, rare, ALPHA, 0)
    assert not scorer.risk(COHORT.cases).any()
