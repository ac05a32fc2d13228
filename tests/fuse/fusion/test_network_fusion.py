"""What every fusion of several modalities promises, model by model, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.models.learner import Setting
from fuse.models.registry import MODEL_CARDS, build_learner
from fuse.outcomes.outcomes import Classes, Competing
from tests.fuse.fusion.masked import mask, notes, shuffled_tiles, with_modality
from tests.fuse.simulated import make_cohort

NETWORKS = (
    "concat_network",
    "gated_units",
    "dynamic_attention",
    "bilinear",
    "cross_attention",
    "modality_transformer",
)
NAMES = ("table", "slides", "notes")
SMALL = {
    **{name: (Setting((("epochs", 1.0),)), Setting((("epochs", 2.0),))) for name in NETWORKS},
    "early_boosted": (Setting((("rounds", 2.0),)), Setting((("rounds", 6.0),))),
    "early_products": (
        Setting((("alpha", 16.0), ("products", 0.0))),
        Setting((("alpha", 4.0), ("products", 2.0))),
    ),
}


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(n=28)


@pytest.fixture(scope="module")
def train(cohort):
    n = len(cohort.cases)
    lacking = np.random.default_rng(8).random(n) < 0.7
    return with_modality(cohort.cases, notes(n, lacking))


@pytest.fixture(scope="module")
def fitted(cohort, train):
    """Fit a path once for each model."""
    known = {}

    def fit(model):
        if model not in known:
            learner = build_learner(model, NAMES)
            known[model] = learner.fit_path(train, cohort.outcome, SMALL[model], 3)
        return known[model]

    return fit


@pytest.mark.parametrize("model", SMALL)
class TestEveryFusion:
    def test_a_case_alone_is_scored_as_in_the_group(self, train, fitted, model):
        scorer = fitted(model)[-1]
        together = scorer.risk(train)
        assert np.ptp(together) > 0
        for row in range(0, len(train), 4):
            assert scorer.risk(train.take(np.array([row])))[0] == together[row]
        turned = np.arange(len(train))[::-1]
        assert scorer.risk(train.take(turned)).tobytes() == together[turned].tobytes()

    def test_a_masked_modality_has_no_influence_at_all(self, train, fitted, model):
        scorer, rows = fitted(model)[-1], np.arange(0, len(train), 2)
        whole, kept = scorer.risk(train), np.setdiff1d(np.arange(len(train)), rows)
        for name in NAMES:
            one, other = (scorer.risk(mask(train, name, rows, poison)) for poison in (np.nan, 1e6))
            assert one.tobytes() == other.tobytes()
            assert (one[kept] == whole[kept]).all() and (one[rows] != whole[rows]).any()

    def test_training_never_reads_what_is_stored_for_an_absent_modality(self, cohort, train, fitted, model):
        expected = fitted(model)[-1].risk(train)
        poisoned = train
        for name in NAMES:
            absent = np.flatnonzero(~train.modalities[name].present)
            poisoned = mask(poisoned, name, absent, 1e6)
        again = build_learner(model, NAMES).fit_path(poisoned, cohort.outcome, SMALL[model], 3)[-1]
        assert again.risk(train).tobytes() == expected.tobytes()

    def test_without_any_modality_the_risk_is_exactly_zero(self, train, fitted, model):
        rows, nothing = np.arange(12), train
        for name in NAMES:
            nothing = mask(nothing, name, rows, 7.0)
        assert fitted(model)[-1].risk(nothing)[rows].tolist() == [0.0] * len(rows)

    def test_permuting_tiles_changes_no_bit(self, train, fitted, model):
        scorer = fitted(model)[-1]
        assert scorer.risk(shuffled_tiles(train, "slides", 1)).tobytes() == scorer.risk(train).tobytes()

    def test_a_refit_is_bitwise_the_same_alone_and_on_the_path(self, cohort, train, fitted, model):
        learner = build_learner(model, NAMES)
        for setting, scorer in zip(SMALL[model], fitted(model), strict=True):
            again = learner.fit(train, cohort.outcome, setting, 3)
            assert again.risk(train).tobytes() == scorer.risk(train).tobytes()
        if model != "early_products":
            other = learner.fit(train, cohort.outcome, SMALL[model][-1], 4)
            assert (other.risk(train) != fitted(model)[-1].risk(train)).any()

    def test_a_modality_that_no_train_case_had_says_nothing_later(self, cohort, model):
        n = len(cohort.cases)
        nobody = with_modality(cohort.cases, notes(n, np.zeros(n, dtype=bool)))
        later = with_modality(cohort.cases, notes(n, np.ones(n, dtype=bool)))
        scorer = build_learner(model, NAMES).fit(nobody, cohort.outcome, SMALL[model][-1], 0)
        assert scorer.risk(later).tobytes() == scorer.risk(nobody).tobytes()

    def test_mean_risk_of_the_train_part_is_zero(self, train, fitted, model):
        for scorer in fitted(model):
            assert scorer.risk(train).mean() == pytest.approx(0.0, abs=1e-6)

    def test_too_few_events_teach_nothing(self, cohort, train, model):
        few = np.arange(len(train)) < 2
        learner = build_learner(model, NAMES)
        scorer = learner.fit(train, replace(cohort.outcome, event=few), SMALL[model][0], 0)
        assert (scorer.risk(train) == 0.0).all()

    def test_the_card_is_in_the_table(self, model):
        assert MODEL_CARDS[model].modalities == "several"
        learner = build_learner(model, NAMES)
        assert learner.name == model and len(learner.candidates()) > 1


@pytest.mark.parametrize("model", NETWORKS)
class TestEveryNetwork:
    def test_any_kind_of_endpoint(self, cohort, train, model):
        label = np.arange(len(train)) % 3
        outcomes = (
            Classes(label=label % 2, names=("no", "yes")),
            Classes(label=label, names=("a", "b", "c")),
            Competing(
                event=label == 1, time_days=cohort.outcome.time_days, cause=label, causes=("one", "two")
            ),
        )
        shapes = []
        for outcome in outcomes:
            scorer = build_learner(model, NAMES).fit(train, outcome, SMALL[model][0], 0)
            assert np.isfinite(scorer.risk(train)).all() and np.ptp(scorer.risk(train)) > 0
            shapes.append(scorer.risk(train).shape)
        assert shapes == [(28,), (28, 3), (28,)]

    def test_the_head_is_an_option(self, cohort, train, model):
        hazard, cox = (
            build_learner(model, NAMES, {"head": head}).fit(train, cohort.outcome, SMALL[model][-1], 0)
            for head in ("hazard", "cox")
        )
        assert hazard.head.width > cox.head.width == 1
        with pytest.raises(OutcomeError, match="a head among"):
            build_learner(model, NAMES, {"head": "binary"}).fit(train, cohort.outcome, SMALL[model][0], 0)

    def test_modality_dropout_is_an_option(self, cohort, train, fitted, model):
        never = build_learner(model, NAMES, {"modality_dropout": 0}).fit(
            train, cohort.outcome, SMALL[model][-1], 3
        )
        assert (never.risk(train) != fitted(model)[-1].risk(train)).any()
        for wrong in (1.0, -0.1, "much", True):
            with pytest.raises(OutcomeError, match=f"model {model}: expected modality_dropout: a share"):
                build_learner(model, NAMES, {"modality_dropout": wrong})


@pytest.mark.parametrize("model", ["gated_units", "dynamic_attention"])
def test_weights_of_modalities_are_those_of_each_case(train, fitted, model):
    weights = fitted(model)[-1].modality_weights(train)
    assert tuple(weights) == NAMES
    present = np.stack([train.modalities[name].present for name in NAMES])
    stacked = np.stack(list(weights.values()))
    assert (stacked[~present] == 0.0).all() and (stacked[present] > 0.0).all()
    if model == "dynamic_attention":
        assert stacked.sum(axis=0)[present.any(axis=0)] == pytest.approx(1.0)
        assert (stacked[present & (present.sum(axis=0) == 1)] == 1.0).all()
    else:
        assert (stacked < 1.0).all()
    one = fitted(model)[-1].modality_weights(train.take(np.array([5])))
    assert [one[name][0] for name in NAMES] == stacked[:, 5].tolist()


@pytest.mark.parametrize("model", ["concat_network", "bilinear", "cross_attention", "modality_transformer"])
def test_what_does_not_weigh_offers_no_weights(fitted, model):
    assert not hasattr(fitted(model)[-1], "modality_weights")


def test_cross_attention_needs_bags(cohort, train):
    learner = build_learner("cross_attention", ("table", "notes"))
    with pytest.raises(OutcomeError, match="cross_attention on table, notes: expected at least one modality"):
        learner.fit(train, cohort.outcome, SMALL["cross_attention"][0], 0)
