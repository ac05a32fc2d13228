"""An arm on a train part: what is chosen, what is out of fold, what cannot matter."""

from __future__ import annotations

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.arm import fit_arm, out_of_fold
from fuse.losses import partial_log_likelihood
from fuse.models.averaged import shares_of
from fuse.models.registry import build_learner
from fuse.models.ridge_cox import price
from fuse.outcomes.calibrated import held_out_gain
from fuse.outcomes.likelihood import non_negative_slope
from fuse.outcomes.outcomes import Survival
from tests.fuse.simulated import Simulated, make_cohort

TIMES = np.array([200.0, 600.0, 1200.0])


@pytest.fixture(scope="module")
def cohort() -> Simulated:
    return make_cohort()


def fitted(cohort: Simulated, model: str = "ridge_cox", modality: str = "table", seed: int = 0):
    learner = build_learner(model, () if model == "null" else (modality,))
    return fit_arm(learner, cohort.cases, cohort.outcome, cohort.inner, seed)


def test_out_of_fold_risks_do_not_depend_on_the_outcome_of_their_own_fold(cohort):
    learner = build_learner("ridge_cox", ("table",))
    before = out_of_fold(learner, cohort.cases, cohort.outcome, cohort.inner, 0)
    held = cohort.inner == 0
    changed = Survival(
        event=np.where(held, ~cohort.outcome.event, cohort.outcome.event),
        time_days=np.where(held, cohort.outcome.time_days[::-1], cohort.outcome.time_days),
    )
    after = out_of_fold(learner, cohort.cases, changed, cohort.inner, 0)
    assert after[:, held].tobytes() == before[:, held].tobytes()
    assert (after[:, ~held] != before[:, ~held]).any()


def test_the_candidate_with_the_best_held_out_likelihood_is_chosen_and_kept(cohort):
    arm = fitted(cohort, "elastic_net_cox")
    learner = build_learner("elastic_net_cox", ("table",))
    oof = out_of_fold(learner, cohort.cases, cohort.outcome, cohort.inner, 0)
    gains = [held_out_gain(risk, cohort.outcome) for risk in oof]
    best = int(np.argmax(gains))
    assert arm.chosen == learner.candidates()[best]
    assert arm.oof_risk.tobytes() == oof[best].tobytes()
    assert gains[best] > 0
    refit = learner.fit(cohort.cases, cohort.outcome, arm.chosen, 0)
    assert arm.risk(cohort.cases).tobytes() == refit.risk(cohort.cases).tobytes()


def test_a_tie_goes_to_the_most_cautious_candidate(cohort):
    few = np.zeros(len(cohort.cases), dtype=bool)
    few[:2] = True
    rare = Survival(event=few, time_days=cohort.outcome.time_days)
    learner = build_learner("elastic_net_cox", ("table",))
    first = learner.candidates()[0]
    assert fit_arm(learner, cohort.cases, rare, cohort.inner, 0).chosen == first


def test_settings_are_averaged_by_their_held_out_likelihood(cohort):
    arm = fitted(cohort)
    learner = build_learner("ridge_cox", ("table",))
    settings = learner.candidates()
    oof = out_of_fold(learner, cohort.cases, cohort.outcome, cohort.inner, 0)
    gains = np.array([held_out_gain(risk, cohort.outcome) for risk in oof])
    shares = learner.shares(gains)
    assert shares.sum() == pytest.approx(1.0) and (shares > 0).sum() > 1
    counted = shares > 0
    worth = gains - [price(one["alpha"]) for one in settings]
    ratio = np.exp(worth[counted] - worth.max())
    assert shares[counted] == pytest.approx(ratio / ratio.sum())
    assert arm.chosen.values == tuple(
        (str(one), share) for one, share in zip(settings, shares, strict=True) if share
    )
    assert arm.oof_risk == pytest.approx(np.tensordot(shares, oof, axes=1))
    each = [learner.fit(cohort.cases, cohort.outcome, one, 0).risk(cohort.cases) for one in settings]
    assert arm.risk(cohort.cases) == pytest.approx(np.tensordot(shares, each, axes=1))


def test_weak_penalties_have_a_price():
    assert [price(alpha) for alpha in (256.0, 16.0, 4.0, 1.0)] == pytest.approx([0.0, 0.0, 1.0, 2.0])


def test_a_setting_that_is_far_behind_has_no_share():
    assert shares_of([0.0, 20.0, 1.0]).tolist() == [0.0, 1.0, 0.0]


def test_the_gain_does_not_depend_on_the_scale_or_place_of_risks(cohort):
    risk = np.random.default_rng(0).normal(size=len(cohort.cases)) + fitted(cohort).oof_risk
    gain = held_out_gain(risk, cohort.outcome)
    assert gain > 0
    assert held_out_gain(0.01 * risk + 5.0, cohort.outcome) == pytest.approx(gain, abs=1e-6)
    assert held_out_gain(-risk, cohort.outcome) == 0.0
    null = partial_log_likelihood(np.zeros(len(risk)), cohort.outcome)
    slope = non_negative_slope(risk, cohort.outcome)
    assert gain == pytest.approx(partial_log_likelihood(slope * risk, cohort.outcome) - null)


@pytest.mark.parametrize(
    ("model", "modality"), [("ridge_cox", "table"), ("xgboost_cox", "table"), ("attention_mil", "slides")]
)
def test_a_refit_is_bitwise_the_same(cohort, model, modality):
    first, again = (fitted(cohort, model, modality, seed=9) for _ in range(2))
    assert first.risk(cohort.cases).tobytes() == again.risk(cohort.cases).tobytes()
    assert first.oof_risk.tobytes() == again.oof_risk.tobytes()
    assert (
        first.probability(cohort.cases, TIMES).tobytes() == again.probability(cohort.cases, TIMES).tobytes()
    )


def test_another_seed_is_another_network(cohort):
    one, other = (fitted(cohort, "attention_mil", "slides", seed=seed) for seed in (1, 2))
    assert (one.risk(cohort.cases) != other.risk(cohort.cases)).any()


def test_the_null_arm_has_the_curve_of_the_train_part_for_everybody(cohort):
    from sksurv.nonparametric import nelson_aalen_estimator

    arm = fitted(cohort, "null")
    event_free = arm.probability(cohort.cases, TIMES)
    time, hazard = nelson_aalen_estimator(cohort.outcome.event, cohort.outcome.time_days)
    expected = np.exp(-hazard[np.searchsorted(time, TIMES, side="right") - 1])
    assert (arm.risk(cohort.cases) == 0.0).all()
    assert event_free == pytest.approx(np.tile(expected, (len(cohort.cases), 1)))


def test_a_case_alone_has_the_same_probability(cohort):
    arm = fitted(cohort)
    together = arm.probability(cohort.cases, TIMES)
    for row in (0, 17, 60):
        alone = arm.probability(cohort.cases.take(np.array([row])), TIMES)
        assert alone[0] == pytest.approx(together[row], rel=1e-14)


def test_refusals(cohort):
    learner = build_learner("ridge_cox", ("table",))
    none = Survival(event=np.zeros(len(cohort.cases), dtype=bool), time_days=cohort.outcome.time_days)
    with pytest.raises(OutcomeError, match="train part: expected at least one event; got 0 events among 90"):
        fit_arm(learner, cohort.cases, none, cohort.inner, 0)
    with pytest.raises(OutcomeError, match="expected at least two inner folds; got 1"):
        fit_arm(learner, cohort.cases, cohort.outcome, np.zeros(len(cohort.cases), dtype=int), 0)


def test_what_an_arm_says_of_cases_is_asked_once_and_of_other_cases_anew(cohort):
    arm = fitted(cohort)
    first = arm.risk(cohort.cases)
    assert arm.risk(cohort.cases) is first and arm.probability(cohort.cases, TIMES).shape[1] == len(TIMES)
    assert (first == arm.scorer.risk(cohort.cases)).all()
    rows = np.arange(5, 60)
    assert (arm.risk(cohort.cases.take(rows)) == first[rows]).all()

    other = fitted(cohort, modality="slides")
    assert not (other.risk(cohort.cases) == first).all() and arm.risk(cohort.cases) is first
