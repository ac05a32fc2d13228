"""The remedy of an arm that was not run goes with its reason."""

from __future__ import annotations

import pytest

from feature_cache.card import CohortCard, read_card
from fuse.arm_plans import absent_arms, plan_arms, split_runnable
from fuse.models.registry import MODEL_CARDS
from fuse.protocol import read_protocol
from fuse.run.arm_remedy import remedy_of
from tests.fuse.tiny_cohort import Tiny

MODALITIES = ("slides", "notes", "clinical")


@pytest.fixture
def card(tiny: Tiny) -> CohortCard:
    return read_card(tiny.cohort / "cohort.yaml")


@pytest.mark.parametrize("protocol", ["quick", "recommended", "full"])
def test_late_entry_is_nothing_to_install_and_the_models_that_honour_it_are_named(
    protocol: str, card: CohortCard
) -> None:
    plans = plan_arms(read_protocol(protocol), MODALITIES, card)
    runnable, reasons = split_runnable(plans, enters_late=True)
    boosted = remedy_of(reasons["xgboost_cox__clinical"])
    assert "--protocol late_entry" in boosted and "README, Installation" not in boosted
    able = {name for name, model in MODEL_CARDS.items() if model.late_entry}
    assert {plan.model for plan in runnable} <= able
    assert set(boosted.split("entry: ")[1].rstrip(".").split(", ")) == able
    if protocol == "recommended":
        (stack,) = (plan.name for plan in plans if plan.model == "stack")
        assert "over" in remedy_of(reasons[stack])


def test_each_other_reason_has_its_own(card: CohortCard, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = plan_arms(read_protocol("quick"), MODALITIES, card)
    _, reasons = split_runnable(plans, "multiclass")
    assert "classes" in remedy_of(reasons["ridge_cox__clinical"])
    monkeypatch.setattr("fuse.models.card.find_spec", lambda _: None)
    _, reasons = split_runnable(plans)
    assert remedy_of(reasons["attention_mil__slides"]).startswith("Install it")
    (absent, *_) = (arm for arm in absent_arms(read_protocol("quick"), ("clinical",), card) if arm.declared)
    assert remedy_of(absent.reason).startswith("Extract the modality")
