"""Boosted trees on several modalities: what they read of an absent one, and which columns trees draw."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fuse.cases import Cases, Modality
from fuse.fusion.early_boosted import EarlyBoosted, joined
from fuse.losses import partial_log_likelihood
from fuse.models.learner import Setting
from fuse.outcomes.outcomes import Survival
from tests.fuse.fusion.masked import mask, with_modality

FEW = Setting((("rounds", 12.0),))


def test_an_absent_modality_is_all_nan_in_the_table(cohort):
    table = joined(mask(cohort.cases, "slides", np.arange(5), 3.0), ("table", "slides"))
    assert table.shape == (90, 11)
    assert np.isnan(table[:5, 6:]).all()


def test_both_modalities_matter(cohort):
    scorer = EarlyBoosted(("table", "slides")).fit(cohort.cases, cohort.outcome, FEW, 0)
    for name in ("table", "slides"):
        masked = mask(cohort.cases, name, np.arange(90), 0.0)
        assert (scorer.risk(masked) != scorer.risk(cohort.cases)).mean() > 0.5


def test_a_wide_block_of_noise_does_not_crowd_out_a_narrow_one(cohort):
    table = cohort.cases.modalities["table"]
    rng = np.random.default_rng(1)
    noise = replace(
        table,
        name="noise",
        columns=tuple(f"n{i}" for i in range(1500)),
        values=np.where(table.present[:, None], rng.normal(size=(90, 1500)), np.nan),
    )
    cases = with_modality(cohort.cases, noise)
    scorer = EarlyBoosted(("table", "noise")).fit(cases, cohort.outcome, FEW, 0)
    used = {int(name[1:]) for name in scorer.booster.get_score(importance_type="weight")}
    # 6 of 1506 columns: drawn as they come, 12 trees of 32 columns would hardly meet the planted one
    assert 0 in used and len(used & set(range(6))) >= 4


def test_it_learns_the_cox_likelihood(cohort):
    scorer = EarlyBoosted(("table", "slides")).fit(cohort.cases, cohort.outcome, FEW, 0)
    assert json.loads(scorer.booster.save_config())["learner"]["objective"]["name"] == "survival:cox"
    assert partial_log_likelihood(scorer.risk(cohort.cases), cohort.outcome) > partial_log_likelihood(
        np.zeros(90), cohort.outcome
    )


def test_contributions_are_the_risk_and_an_absent_modality_adds_exactly_zero(cohort):
    scorer = EarlyBoosted(("table", "slides")).fit(cohort.cases, cohort.outcome, FEW, 0)
    parts, risk = scorer.contributions(cohort.cases), scorer.risk(cohort.cases)
    assert parts["table"] + parts["slides"] == pytest.approx(risk, abs=1e-5)
    for name, part in parts.items():
        assert (part[~cohort.cases.modalities[name].present] == 0.0).all() and part.std() > 0.05
    for row in range(0, 90, 11):
        alone = scorer.contributions(cohort.cases.take(np.array([row])))
        assert {name: part[0] for name, part in alone.items()} == {n: part[row] for n, part in parts.items()}


def test_an_absence_that_no_train_case_had_is_the_mean_and_no_default_branch(cohort):
    rng = np.random.default_rng(4)
    values = rng.normal(size=(90, 4))
    whole = {
        name: Modality(
            name=name, feature_set="s", present=np.ones(90, bool), columns=tuple("abcd"), values=part
        )
        for name, part in (("one", values), ("other", rng.normal(size=(90, 4))))
    }
    cases = Cases(case_ids=cohort.cases.case_ids, modalities=whole)
    time = rng.exponential(np.exp(-2 * whole["other"].values[:, 0])) + 1e-3
    outcome = Survival(event=np.ones(90, bool), time_days=time)
    scorer = EarlyBoosted(("one", "other")).fit(cases, outcome, FEW, 0)
    masked = mask(cases, "other", np.arange(90), 0.0)
    means = np.broadcast_to(whole["other"].values.mean(axis=0), (90, 4))
    at_mean = with_modality(cases, replace(whole["other"], values=np.array(means)))
    assert np.array_equal(scorer.risk(masked), scorer.risk(at_mean))
