"""What every model promises, model by model: alone as in a group, absent is 0, a refit is the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.cases import Cases
from fuse.models.learner import Setting
from fuse.models.registry import MODEL_CARDS, build_learner
from fuse.outcomes.outcomes import Survival

CAPRA = {
    "psa": "v1",
    "primary_gleason": "v2",
    "secondary_gleason": "v3",
    "surgical_margins": "v4",
    "seminal_vesicle_invasion": "v5",
    "extracapsular_extension": "v0",
    "lymph_nodes": "v0",
}
ARMS = [
    ("null", (), {}),
    ("capra_s", ("table",), CAPRA),
    ("ridge_cox", ("table",), {"missing_indicators": True}),
    ("ridge_cox", ("slides",), {}),
    ("xgboost_cox", ("table",), {}),
    ("elastic_net_cox", ("table",), {"missing_indicators": True}),
    ("xgboost_aft", ("table",), {}),
    ("gradient_boosting", ("table",), {}),
    ("survival_forest", ("table",), {}),
    ("value_network", ("table",), {}),
    ("value_network", ("slides",), {"head": "hazard"}),
    ("value_network", ("table",), {"head": "aft"}),
    ("attention_mil", ("slides",), {}),
    ("prototypes", ("slides",), {"kinds": 5}),
    ("early", ("table", "slides"), {}),
]


def scorers(cohort, model, modalities, options, seed=3):
    learner = build_learner(model, modalities, options)
    return learner.fit_path(cohort.cases, cohort.outcome, learner.candidates(), seed)


@pytest.mark.parametrize(("model", "modalities", "options"), ARMS)
class TestEveryModel:
    def test_a_case_alone_is_scored_as_in_the_group(self, cohort, model, modalities, options):
        scorer = scorers(cohort, model, modalities, options)[-1]
        together = scorer.risk(cohort.cases)
        for row in range(0, len(cohort.cases), 7):
            assert scorer.risk(cohort.cases.take(np.array([row])))[0] == together[row]

    def test_without_its_modalities_a_case_has_exactly_no_risk(self, cohort, model, modalities, options):
        risk = scorers(cohort, model, modalities, options)[-1].risk(cohort.cases)
        absent = ~np.any([cohort.cases.modalities[name].present for name in modalities or ("table",)], axis=0)
        assert absent.any()
        assert (risk[absent] == 0.0).all()

    def test_a_refit_is_bitwise_the_same_alone_and_on_the_path(self, cohort, model, modalities, options):
        learner = build_learner(model, modalities, options)
        first = scorers(cohort, model, modalities, options)
        for setting, scorer in zip(learner.candidates(), first, strict=True):
            again = learner.fit(cohort.cases, cohort.outcome, setting, 3)
            assert again.risk(cohort.cases).tobytes() == scorer.risk(cohort.cases).tobytes()

    def test_what_is_stored_for_an_absent_modality_is_never_read(self, cohort, model, modalities, options):
        before = scorers(cohort, model, modalities, options)[-1].risk(cohort.cases)
        poisoned = poison(cohort.cases)
        after = scorers(replace(cohort, cases=poisoned), model, modalities, options)[-1]
        assert after.risk(poisoned).tobytes() == before.tobytes()

    def test_mean_risk_of_the_train_part_is_zero(self, cohort, model, modalities, options):
        for scorer in scorers(cohort, model, modalities, options):
            present = [cohort.cases.modalities[name].present for name in modalities]
            risk = scorer.risk(cohort.cases)[np.all(present, axis=0)] if len(modalities) == 1 else [0.0]
            assert np.mean(risk) == pytest.approx(0.0, abs=1e-6)

    def test_too_few_events_teach_nothing(self, cohort, model, modalities, options):
        few = np.zeros(len(cohort.cases), dtype=bool)
        few[:2] = True
        learner = build_learner(model, modalities, options)
        scorer = learner.fit(
            cohort.cases,
            Survival(event=few, time_days=cohort.outcome.time_days),
            learner.candidates()[0],
            0,
        )
        assert (scorer.risk(cohort.cases) == 0).all() or model == "capra_s"


def poison(cases: Cases) -> Cases:
    """Fill the rows of absent modalities with numbers that would be noticed."""
    changed = {}
    for name, modality in cases.modalities.items():
        values = modality.values.copy()
        values[~modality.present] = 1e6
        changed[name] = replace(modality, values=values)
    return replace(cases, modalities=changed)


@pytest.mark.parametrize("model", ["ridge_cox", "xgboost_cox"])
def test_the_planted_column_is_found(cohort, model):
    risk = scorers(cohort, model, ("table",), {})[1].risk(cohort.cases)
    first = cohort.cases.modalities["table"].values[:, 0]
    seen = np.isfinite(first)
    assert np.corrcoef(risk[seen], first[seen])[0, 1] > 0.6


def test_ridge_is_scikit_survivals_fit():
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    from fuse.cases import Modality

    rng = np.random.default_rng(5)
    values = rng.normal(size=(70, 4)) * [1, 5, 10, 2] + 3
    outcome = Survival(event=rng.random(70) < 0.5, time_days=np.ceil(rng.exponential(300, size=70)))
    table = Modality(
        name="t", feature_set="f", present=np.ones(70, bool), columns=tuple("abcd"), values=values
    )
    cases = Cases(case_ids=tuple(map(str, range(70))), modalities={"t": table})

    ours = build_learner("ridge_cox", ("t",)).fit(cases, outcome, Setting((("alpha", 4.0),)), 0).risk(cases)

    standardised = (values - values.mean(axis=0)) / values.std(axis=0)
    # a total variance of 1 over 4 columns: the same penalty is 4 times as strong on standardised columns
    theirs = CoxPHSurvivalAnalysis(alpha=16.0).fit(
        standardised, Surv.from_arrays(outcome.event, outcome.time_days)
    )
    assert ours == pytest.approx(theirs.predict(standardised), abs=1e-6)


def test_the_stronger_the_penalty_the_shorter_the_risks(cohort):
    spreads = [scorer.risk(cohort.cases).std() for scorer in scorers(cohort, "ridge_cox", ("table",), {})]
    assert spreads == sorted(spreads) and spreads[0] > 0


class TestRegistry:
    def test_cards_are_complete(self):
        for name, card in MODEL_CARDS.items():
            assert card.name == name and card.title and card.source
            assert card.absent_needs() == ()

    def test_unknown_model(self):
        with pytest.raises(OutcomeError, match=r"expected a model among: null, .*; got cox"):
            build_learner("cox", ("clinical",))

    def test_unknown_option(self):
        with pytest.raises(OutcomeError, match="model ridge_cox: expected options among: missing_indicators"):
            build_learner("ridge_cox", ("clinical",), {"alpah": 1.0})

    @pytest.mark.parametrize(
        ("model", "modalities"), [("ridge_cox", ()), ("ridge_cox", ("a", "b")), ("early", ("a",))]
    )
    def test_wrong_number_of_modalities(self, model, modalities):
        with pytest.raises(OutcomeError, match=f"model {model}: expected .* modalit"):
            build_learner(model, modalities)

    def test_late_fusion_is_fitted_from_arms(self):
        with pytest.raises(OutcomeError, match="fit_late"):
            build_learner("late", ("a", "b"))

    def test_tiles_are_needed_for_attention(self, cohort):
        learner = build_learner("attention_mil", ("table",))
        with pytest.raises(OutcomeError, match="attention_mil on table: expected a modality with bags"):
            learner.fit(cohort.cases, cohort.outcome, learner.candidates()[0], 0)
