"""The feature set that the inner folds choose, like any setting: bitwise the plain model on that set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.arm import fit_arm
from fuse.cases import Cases
from fuse.labels import label_sets
from fuse.models.choice import SetChoice, add_choices, choosing_sets
from fuse.models.registry import build_learner
from tests.fuse.simulated import Simulated, make_cohort

LABELS = ("table", "slides", "slides:informed", "slides:best")


@pytest.fixture(scope="module")
def cohort() -> Simulated:
    """Two sets of slides: noise, which stands first, and the one that knows the latent."""
    made = make_cohort(n=120)
    informed = replace(made.cases.modalities["slides"], name="slides:informed")
    noise = np.random.default_rng(1).normal(size=informed.values.shape)
    plain = replace(informed, name="slides", values=np.where(informed.present[:, None], noise, np.nan))
    modalities = made.cases.modalities | {"slides": plain, "slides:informed": informed}
    return replace(made, cases=add_choices(replace(made.cases, modalities=modalities), ["slides:best"]))


def test_the_better_set_is_chosen_and_is_bitwise_the_plain_model(cohort: Simulated) -> None:
    learner = choosing_sets(build_learner("ridge_cox", ("slides:best",)), LABELS)
    arm = fit_arm(learner, cohort.cases, cohort.outcome, cohort.inner, 3)
    plain = fit_arm(
        build_learner("ridge_cox", ("slides:informed",)), cohort.cases, cohort.outcome, cohort.inner, 3
    )
    assert str(arm.chosen).count("slides:best=slides:informed, ") == str(plain.chosen).count("alpha=")
    assert "slides:best=slides," not in str(arm.chosen)
    assert arm.oof_risk.tobytes() == plain.oof_risk.tobytes()
    assert arm.risk(cohort.cases).tobytes() == plain.risk(cohort.cases).tobytes()
    assert not arm.risk(cohort.cases)[~cohort.cases.modalities["slides"].present].any()


def test_every_set_comes_with_every_setting(cohort: Simulated) -> None:
    inside = build_learner("early", ("table", "slides:best"))
    learner = choosing_sets(inside, LABELS)
    assert isinstance(learner, SetChoice)
    assert len(learner.candidates()) == 2 * len(inside.candidates())
    assert str(learner.candidates()[0]).startswith("slides:best=slides, ")
    settings = learner.candidates()[::-1]
    together = learner.fit_path(cohort.cases, cohort.outcome, settings, 0)
    for setting, scorer in zip(settings, together, strict=True):
        alone = learner.fit(cohort.cases, cohort.outcome, setting, 0)
        assert scorer.risk(cohort.cases).tobytes() == alone.risk(cohort.cases).tobytes()


@pytest.mark.parametrize("model", ["ridge_cox", "attention_mil"])
def test_a_masked_choice_has_no_influence(cohort: Simulated, model: str) -> None:
    pytest.importorskip("torch")
    learner = choosing_sets(build_learner(model, ("slides:best",)), LABELS)
    scorer = learner.fit(cohort.cases, cohort.outcome, learner.candidates()[-1], 0)
    there = scorer.risk(cohort.cases)
    masked = np.arange(len(cohort.cases)) % 2 == 0
    choice = cohort.cases.modalities["slides:best"]
    hidden = replace(choice, present=choice.present & ~masked)
    without = replace(cohort.cases, modalities=cohort.cases.modalities | {"slides:best": hidden})
    risk = scorer.risk(without)
    assert not risk[masked].any()
    assert there[masked].any()
    assert risk[~masked].tobytes() == there[~masked].tobytes()


def test_what_a_choice_adds_is_told_under_its_label(cohort: Simulated) -> None:
    learner = choosing_sets(build_learner("early", ("table", "slides:best")), LABELS)
    scorer = learner.fit(cohort.cases, cohort.outcome, learner.candidates()[-1], 0)
    parts = scorer.contributions(cohort.cases)
    assert set(parts) == {"table", "slides:best"}
    assert np.allclose(sum(parts.values()), scorer.risk(cohort.cases))


def test_without_a_choice_the_learner_is_itself() -> None:
    learner = build_learner("ridge_cox", ("slides",))
    assert choosing_sets(learner, LABELS) is learner


def test_who_has_one_of_the_sets_has_the_choice(cohort: Simulated) -> None:
    modalities = dict(cohort.cases.modalities)
    del modalities["slides:best"]
    nobody = np.zeros(len(cohort.cases), dtype=bool)
    modalities["slides"] = replace(modalities["slides"], present=nobody)
    added = add_choices(Cases(case_ids=cohort.cases.case_ids, modalities=modalities), ["slides:best"])
    informed = modalities["slides:informed"].present
    assert np.array_equal(added.modalities["slides:best"].present, informed)


def test_no_set_is_called_as_a_choice_is() -> None:
    assert list(label_sets("slides", ["uni-000000000001", "best-000000000002"])) == [
        "slides",
        "slides:best-000000000002",
    ]
