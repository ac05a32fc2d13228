"""Models on values: what is planted is found; wide tables; classes, causes and several endpoints at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.cases import Cases, Modality
from fuse.models.case_columns import fit_case_columns
from fuse.models.elastic_net_cox import SHARES, elastic_net_path, smallest_empty_penalty
from fuse.models.registry import build_learner, card_of
from fuse.models.ridge_logistic import multinomial_coefficients
from fuse.models.survival_forest import TIME_BINS, binned_times
from fuse.outcomes.outcomes import Beside, Classes, Competing, Survival
from tests.fuse.models.test_models import poison

OF_TIMES = ["elastic_net_cox", "xgboost_aft", "gradient_boosting", "survival_forest", "value_network"]


def made(values: np.ndarray) -> Cases:
    present = ~np.isnan(values).all(axis=1)
    table = Modality(
        name="table",
        feature_set="made",
        present=present,
        columns=tuple(f"v{column}" for column in range(values.shape[1])),
        values=values,
    )
    return Cases(case_ids=tuple(f"c{row}" for row in range(len(values))), modalities={"table": table})


def times(log_hazard: np.ndarray, rng: np.random.Generator) -> Survival:
    event_time = rng.exponential(size=len(log_hazard)) * 900 * np.exp(-log_hazard)
    censored = rng.uniform(100, 1800, size=len(log_hazard))
    return Survival(event=event_time <= censored, time_days=np.ceil(np.minimum(event_time, censored)))


def fitted(model, cases, outcome, place=-1, **options):
    learner = build_learner(model, ("table",), options)
    return learner.fit(cases, outcome, learner.candidates()[place], 3)


class TestPlanted:
    @pytest.mark.parametrize("model", OF_TIMES)
    def test_a_hazard_that_adds_up_is_found_on_fresh_cases(self, model):
        rng = np.random.default_rng(1)
        values = rng.normal(size=(400, 6))
        truth = values[:, 0] - values[:, 1]
        scorer = fitted(model, made(values[:200]), times(truth[:200], rng))
        assert np.corrcoef(scorer.risk(made(values[200:])), truth[200:])[0, 1] > 0.7

    @pytest.mark.parametrize("model", ["gradient_boosting", "survival_forest", "value_network"])
    def test_a_product_of_columns_is_found_that_no_weighted_sum_sees(self, model):
        rng = np.random.default_rng(2)
        values = rng.normal(size=(900, 3))
        truth = 1.5 * np.sign(values[:, 0] * values[:, 1])
        outcome = times(truth[:500], rng)
        found = [
            np.corrcoef(fitted(name, made(values[:500]), outcome).risk(made(values[500:])), truth[500:])[0, 1]
            for name in (model, "ridge_cox")
        ]
        assert found[0] > 0.5 and abs(found[1]) < 0.2

    @pytest.mark.parametrize("head", ["cox", "hazard", "aft", "time"])
    def test_the_network_finds_it_with_any_head_of_times(self, head):
        rng = np.random.default_rng(3)
        values = rng.normal(size=(400, 4))
        scorer = fitted("value_network", made(values[:200]), times(values[:200, 0], rng), head=head)
        assert np.corrcoef(scorer.risk(made(values[200:])), values[200:, 0])[0, 1] > 0.7

    def test_competing_causes_are_told_apart(self):
        rng = np.random.default_rng(4)
        values = rng.normal(size=(800, 3))
        each = rng.exponential(size=(800, 2)) * 900 * np.exp(-1.2 * values[:, :2])
        censored = rng.uniform(100, 2000, size=800)
        cause = np.where(each.min(axis=1) <= censored, 1 + each.argmin(axis=1), 0)
        outcome = Competing(
            event=cause == 1,
            time_days=np.ceil(np.minimum(each.min(axis=1), censored)),
            cause=cause,
            causes=("heart", "cancer"),
        )
        scorer = fitted("value_network", made(values[:400]), outcome.take(np.arange(400)))
        risk = scorer.risk(made(values[400:]))
        assert np.corrcoef(risk, values[400:, 0])[0, 1] > 0.6
        assert np.corrcoef(risk, values[400:, 1])[0, 1] < -0.2

    def test_an_endpoint_beside_teaches_what_rare_events_cannot(self):
        rng = np.random.default_rng(5)
        values = rng.normal(size=(600, 12))
        truth = values[:, :4].sum(axis=1) / 2
        rare = times(truth[:200] - 3.5, rng)
        other = Beside(outcome=times(1.5 * truth[:200] + 1, rng), known=rng.random(200) < 0.9)
        assert rare.event.sum() < 20
        alone, both = (
            fitted("value_network", made(values[:200]), outcome).risk(made(values[200:]))
            for outcome in (rare, replace(rare, beside={"relapse": other}))
        )
        found = [np.corrcoef(risk, truth[200:])[0, 1] for risk in (alone, both)]
        assert found[1] > found[0]

    def test_the_elastic_net_finds_two_of_two_thousand_columns(self):
        rng = np.random.default_rng(6)
        values = rng.normal(size=(200, 2000))
        scorer = fitted("elastic_net_cox", made(values), times(values[:, 7] - values[:, 1234], rng), place=1)
        weights = np.abs(scorer.weights)
        assert set(np.argsort(weights)[-2:]) == {7, 1234} and (weights > 0).sum() < 60


@pytest.mark.parametrize("model", [*OF_TIMES, "ridge_logistic"])
def test_a_wide_table_keeps_every_promise(model):
    rng = np.random.default_rng(7)
    values = rng.normal(size=(60, 300)) + 2 * rng.normal(size=(60, 1))
    values[rng.random(values.shape) < 0.1] = np.nan
    values[rng.random(60) < 0.2] = np.nan
    cases, truth = (
        made(values),
        np.nan_to_num(np.nanmean(np.append(values, np.zeros((60, 1)), axis=1), axis=1)),
    )
    outcome = times(truth, rng)
    if model == "ridge_logistic":
        outcome = Classes(label=outcome.event.astype(int), names=("no", "yes"))
    scorer = fitted(model, cases, outcome)
    risk = scorer.risk(cases)
    assert np.std(risk) > 0 and (risk[~cases.modalities["table"].present] == 0.0).all()
    alone = [scorer.risk(cases.take(np.array([row])))[0] for row in range(60)]
    assert np.array(alone).tobytes() == risk.tobytes()


CLASSES = [
    ("ridge_logistic", ("no", "yes")),
    ("ridge_logistic", ("a", "b", "c")),
    ("value_network", ("no", "yes")),
    ("value_network", ("a", "b", "c")),
]


def classes_of(cohort, names) -> Classes:
    first = np.nan_to_num(cohort.cases.modalities["table"].values[:, 0])
    noisy = first + np.random.default_rng(0).normal(size=len(first))
    return Classes(label=np.digitize(noisy, [0.0, 1.0][: len(names) - 1]), names=names)


@pytest.mark.parametrize(("model", "names"), CLASSES)
class TestClasses:
    def test_the_planted_column_is_found(self, cohort, model, names):
        risk = fitted(model, cohort.cases, classes_of(cohort, names)).risk(cohort.cases)
        first = cohort.cases.modalities["table"].values[:, 0]
        seen = np.isfinite(first)
        of_highest = risk if len(names) == 2 else risk[:, 2] - risk[:, 0]
        assert np.corrcoef(of_highest[seen], first[seen])[0, 1] > 0.6

    def test_alone_as_in_the_group_absent_is_zero_and_the_mean_too(self, cohort, model, names):
        scorer = fitted(model, cohort.cases, classes_of(cohort, names))
        risk, present = scorer.risk(cohort.cases), cohort.cases.modalities["table"].present
        assert risk.shape == ((len(present),) if len(names) == 2 else (len(present), 3))
        assert (risk[~present] == 0.0).all()
        assert risk[present].mean(axis=0) == pytest.approx(0.0, abs=1e-6)
        alone = [scorer.risk(cohort.cases.take(np.array([row])))[0] for row in range(len(present))]
        assert np.array(alone).tobytes() == risk.tobytes()

    def test_a_refit_is_the_same_and_reads_no_absent_modality(self, cohort, model, names):
        outcome = classes_of(cohort, names)
        learner = build_learner(model, ("table",))
        path = learner.fit_path(cohort.cases, outcome, learner.candidates(), 3)
        poisoned = poison(cohort.cases)
        for setting, scorer in zip(learner.candidates(), path, strict=True):
            again = learner.fit(poisoned, outcome, setting, 3)
            assert again.risk(poisoned).tobytes() == scorer.risk(cohort.cases).tobytes()

    def test_one_class_teaches_nothing(self, cohort, model, names):
        outcome = Classes(label=(np.arange(len(cohort.cases)) < 2).astype(int), names=names)
        assert (fitted(model, cohort.cases, outcome).risk(cohort.cases) == 0.0).all()


class TestElasticNet:
    def test_no_column_has_a_weight_from_the_smallest_empty_penalty_on(self):
        from sksurv.linear_model import CoxnetSurvivalAnalysis
        from sksurv.util import Surv

        rng = np.random.default_rng(8)
        matrix = rng.normal(size=(80, 7))
        matrix -= matrix.mean(axis=0)
        outcome = times(matrix[:, 0], rng)
        penalty = smallest_empty_penalty(matrix, outcome, 0.5)
        path = CoxnetSurvivalAnalysis(alphas=[penalty * 1.001, penalty * 0.99], l1_ratio=0.5).fit(
            matrix, Surv.from_arrays(outcome.event, outcome.time_days)
        )
        assert (path.coef_[:, 0] == 0).all() and (path.coef_[:, 1] != 0).sum() == 1

    def test_weaker_penalties_let_more_columns_in(self):
        rng = np.random.default_rng(9)
        matrix = rng.normal(size=(100, 40))
        path = elastic_net_path(matrix - matrix.mean(axis=0), times(matrix[:, 0], rng), 0.9)
        count = (path != 0).sum(axis=0)
        assert path.shape == (40, len(SHARES)) and (np.diff(count) >= 0).all() and count[0] < count[-1] < 40

    def test_columns_that_never_change_have_no_weight(self):
        path = elastic_net_path(np.zeros((30, 3)), times(np.zeros(30), np.random.default_rng(0)), 0.5)
        assert (path == 0).all()


class TestRidgeLogistic:
    @pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
    def test_the_gradient_is_zero_where_it_ends(self, names):
        rng = np.random.default_rng(10)
        matrix = rng.normal(size=(90, 3))
        outcome = Classes(
            label=np.digitize(matrix[:, 0] + rng.normal(size=90), [0, 1][: len(names) - 1]), names=names
        )
        alpha = 2.0
        weights = multinomial_coefficients(matrix, outcome, alpha)

        def height(change, offset):
            scores = matrix @ (weights + change) + offset
            own = scores[np.arange(90), outcome.label] - np.logaddexp.reduce(scores, axis=1)
            return own.sum() - alpha / 2 * ((weights + change) ** 2).sum()

        from scipy.optimize import minimize

        offset = minimize(lambda at: -height(0, at), np.zeros(len(names)), tol=1e-10).x
        free = np.arange(len(names)) > 0 if len(names) == 2 else np.ones(len(names), bool)
        for column in np.flatnonzero(free):
            for row in range(3):
                step = np.zeros_like(weights)
                step[row, column] = 1e-4
                assert height(step, offset) - height(-step, offset) == pytest.approx(0, abs=2e-7)

    def test_a_class_that_nobody_has_gets_no_weight(self):
        rng = np.random.default_rng(11)
        matrix = rng.normal(size=(60, 2))
        outcome = Classes(label=np.where(matrix[:, 0] > 0, 2, 0), names=("a", "b", "c"))
        weights = multinomial_coefficients(matrix, outcome, 1.0)
        assert (weights[:, 1] == 0).all() and weights[0, 2] > weights[0, 0]

    def test_times_are_refused(self, cohort):
        with pytest.raises(
            OutcomeError, match="ridge_logistic: expected an endpoint of classes; got one of times"
        ):
            fitted("ridge_logistic", cohort.cases, cohort.outcome)


class TestCards:
    def test_kinds_of_endpoint(self):
        for model in OF_TIMES:
            for kind in ("survival", "competing", "time"):
                card_of(model).check_endpoint(kind)
        for kind in ("binary", "multiclass"):
            card_of("ridge_logistic").check_endpoint(kind)
            card_of("value_network").check_endpoint(kind)

    def test_a_model_of_times_refuses_classes(self):
        with pytest.raises(
            OutcomeError,
            match="model ridge_cox: expected an endpoint of kind survival, competing, time; got binary",
        ):
            card_of("ridge_cox").check_endpoint("binary")

    def test_the_head_must_fit_the_endpoint(self, cohort):
        with pytest.raises(OutcomeError, match=r"expected a head among: auto, cox, .*; got binary"):
            fitted("value_network", cohort.cases, cohort.outcome, head="binary")


def test_forest_times_are_bins_that_events_fill():
    outcome = times(np.zeros(300), np.random.default_rng(12))
    bins = binned_times(outcome)
    assert set(bins) == set(range(1, TIME_BINS + 1))
    assert np.bincount(bins[outcome.event].astype(int))[1:].min() >= outcome.event.sum() // TIME_BINS - 1
    assert (np.diff(bins[np.argsort(outcome.time_days)]) >= 0).all()


def test_columns_have_mean_variance_one_and_say_what_is_missing():
    rng = np.random.default_rng(13)
    values = rng.normal(size=(300, 5)) * [1, 10, 0.1, 3, 1] + 4
    values[rng.random(300) < 0.3, 2] = np.nan
    cases = made(values)
    columns = fit_case_columns(cases.modalities["table"], 64).of(cases)
    assert columns.shape == (300, 6)
    assert np.mean(columns.var(axis=0)) == pytest.approx(1.0)
    assert np.corrcoef(columns[:, 5], np.isnan(values[:, 2]))[0, 1] == pytest.approx(1.0)
    assert fit_case_columns(made(rng.normal(size=(50, 100))).modalities["table"], 64).reduced


@pytest.mark.parametrize("model", ["xgboost_cox", "xgboost_aft"])
def test_more_rounds_are_offered_where_the_protocol_says_so(model):
    plain, more = (build_learner(model, ("table",), options) for options in ({}, {"rounds": 500}))

    assert [str(one) for one in plain.candidates()] == ["rounds=10", "rounds=30", "rounds=80"]
    assert [str(one) for one in more.candidates()][3:] == ["rounds=200", "rounds=500"]
    with pytest.raises(OutcomeError, match="one of 10, 30, 80, 200, 500"):
        build_learner(model, ("table",), {"rounds": 100})
