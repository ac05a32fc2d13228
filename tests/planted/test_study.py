"""The judging itself: the reference is a ridge Cox, C is counted right, a group names the truly best arm."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.concordance import concordant_pairs
from fuse.outcomes.outcomes import Survival
from fuse.protocol import read_protocol
from tests.judging import judge_all
from tests.planted import extent, study
from tests.planted.networks import CLINICAL_ARM, FINDERS, NETWORKS, finder_rows
from tests.planted.reference import PENALTIES, reference_risk, ridge_cox
from tests.planted.rows import grouped, summary_rows
from tests.planted.situations import SITUATIONS, draw
from tests.planted.study import CHEAP, INFORMED, MODALITIES, REFERENCE, TRUTH, Judged, cheap_plans, judge


def test_the_reference_has_the_coefficients_of_scikit_survival():
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(80, 5))
    outcome = draw(SITUATIONS["noise"], 80, 0).outcome
    tied = Survival(event=outcome.event, time_days=np.ceil(outcome.time_days / 200))
    for penalty in (PENALTIES[0], PENALTIES[-1]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = CoxPHSurvivalAnalysis(alpha=penalty, ties="breslow", n_iter=100, tol=1e-12)
            model.fit(matrix, Surv.from_arrays(tied.event, tied.time_days))
        assert ridge_cox(matrix, tied, penalty) == pytest.approx(model.coef_, abs=1e-6)


def test_the_reference_sees_no_outcome_but_the_train_parts_and_reads_absent_values_as_the_mean():
    planted = draw(SITUATIONS["lacking_at_random"], 120, 3)
    blocks = [modality.values for modality in planted.cases.modalities.values()]
    train = planted.outcome.take(np.arange(80))
    inner = np.arange(80) % 4
    risk = reference_risk(blocks, train, inner)
    assert risk.shape == (40,) and np.isfinite(risk).all()
    emptied = [block.copy() for block in blocks]
    for block in emptied:
        block[100] = np.nan
    again = reference_risk(emptied, train, inner)
    assert again[20] == 0.0
    assert np.delete(again, 20) == pytest.approx(np.delete(risk, 20))


def test_c_on_fresh_cases_is_that_of_the_pairs():
    planted = draw(SITUATIONS["complementary"], 300, 9)
    seen = Survival(event=np.ones(300, dtype=np.bool_), time_days=planted.time_days)
    for risk in (
        planted.log_hazard,
        np.round(planted.log_hazard),
        np.where(planted.log_hazard > 0, 0.0, -1.0),
    ):
        concordant, comparable = concordant_pairs(risk, seen)
        assert study.fresh_concordance(risk, planted) == pytest.approx(concordant / comparable, abs=1e-12)
    assert study.fresh_concordance(np.zeros(300), planted) == 0.5


def test_a_cohort_is_judged_twice_the_same_and_lacking_cases_are_scored_both_ways(monkeypatch):
    monkeypatch.setattr(study, "FRESH", 400)
    study.fresh_cases.cache_clear()
    plans = [
        plan
        for plan in cheap_plans(read_protocol(CHEAP), MODALITIES)
        if plan.model in ("ridge_cox", "early", "late")
    ]
    planted = draw(SITUATIONS["lacking_by_hazard"], 95, 0)
    one, again = (judge(planted, 0, plans, "late__x", inner_folds=3) for _ in range(2))
    study.fresh_cases.cache_clear()
    assert one == again
    assert {REFERENCE, INFORMED, TRUTH} < set(one.c)
    assert one.c[TRUTH] == one.complete[TRUTH]
    assert one.c["ridge_cox__clinical"] == one.complete["ridge_cox__clinical"]
    assert one.c["ridge_cox__omics"] != one.complete["ridge_cox__omics"]


def said(seed: int, size: int = 300, **c: float) -> Judged:
    scores = {REFERENCE: 0.70, INFORMED: 0.75, TRUTH: 0.8, **c}
    return Judged(situation="noise", size=size, seed=seed, recommended="late", c=scores, complete=scores)


def test_the_truly_best_arm_is_best_in_the_mean_and_bars_are_held_against_it():
    judged = [said(0, a=0.72, b=0.60, late=0.69), said(1, a=0.60, b=0.70, late=0.64)]
    judged = [replace(one, without_noise=one.c["late"] + 0.02) for one in judged]
    (group,) = grouped(judged)
    assert group.best() == "late"
    rows = {row.name: row for row in summary_rows([group], "p")}
    assert rows["fuse/planted_loss_noise_300"].value == 0.0
    assert rows["fuse/planted_noise_costs_noise_300"].value == pytest.approx(0.02)
    assert rows["fuse/planted_noise_costs_noise_300"].met is False
    assert rows["fuse/planted_share_of_reference_noise_300"].value == pytest.approx(0.165 / 0.2)
    assert rows["fuse/planted_share_of_reference_noise_300"].met is False
    worse = [said(0, a=0.72, late=0.69), said(1, a=0.72, late=0.70)]
    rows = {row.name: row for row in summary_rows(grouped(worse), "p")}
    assert rows["fuse/planted_loss_noise_300"].value == pytest.approx(0.025)
    assert rows["fuse/planted_loss_noise_300"].met is False


def test_named_arms_are_arms_of_the_list_and_their_finds_are_counted():
    names = {plan.name for plan in study.plan_arms(read_protocol(NETWORKS), MODALITIES, study.card())}
    assert {finder.arm for finder in FINDERS} | {CLINICAL_ARM} <= names
    finder = FINDERS[0]
    scores = [(0.6, 0.66), (0.6, 0.64), (0.6, 0.7), (0.6, 0.7), (0.6, 0.7)]
    judged = [
        replace(said(i, **{CLINICAL_ARM: low, finder.arm: high}), situation=finder.situation)
        for i, (low, high) in enumerate(scores)
    ]
    (row,) = finder_rows(grouped(judged))
    assert (row.value, row.met) == (4.0, True)


def test_cohorts_come_back_in_order(capsys):
    judged = judge_all(_judge_nothing, [("noise", 95, seed) for seed in range(12)], "nothing")
    assert [one.seed for one in judged] == list(range(12))
    assert "nothing: 12/12" in capsys.readouterr().out


def test_networks_have_no_recommended_arm_and_are_ranked_all_the_same(monkeypatch, capsys):
    monkeypatch.setattr(extent, "judge_all", _all_judged_without_recommendation)
    asked = extent.Extent(situations=("noise",), seeds=0, network_seeds=2, finder_seeds=0)
    rows = {row.name: row.value for row in extent.study_rows(asked)}
    assert rows["fuse/planted_c_noise_300/network"] == pytest.approx(0.65)
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "noise_300, 2 seeds",
        "    0.8000  true hazard",
        "    0.7500  informed",
        "    0.7000  reference",
        "    0.6500  network",
    ]


def _all_judged_without_recommendation(judge, cohorts, what):
    return [replace(said(seed, size, network=0.6 + 0.1 * seed), recommended="") for _, size, seed in cohorts]


def _judge_nothing(situation: str, size: int, seed: int) -> Judged:
    return said(seed, size)


def test_a_stack_whose_arms_remember_says_the_same():
    planted, fresh = (draw(SITUATIONS["lacking_at_random"], 95, seed) for seed in (0, 1))
    plans = cheap_plans(read_protocol(CHEAP), MODALITIES)
    plans = [plan for plan in plans if plan.model in ("ridge_cox", "late")]
    fold = study.whole_cohort_fold(planted, 0, 3)
    task = study.FoldTask(
        fold=fold, outcome=planted.outcome, plans=tuple(plans), times_days=np.empty(0), seed=0
    )
    fitted, fused = study.fit_arms(task, planted.cases)
    risks = {name: arm.risk(fresh.cases) for name, arm in fitted.items()}
    (late,) = fused.values()
    again = study.remembering(late, risks).risk(fresh.cases)
    assert again.tobytes() == late.risk(fresh.cases).tobytes()
    assert again.std() > 0
