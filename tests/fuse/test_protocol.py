"""Protocols: what a file may say, and which arms it stands for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from feature_cache.card import CohortCard
from feature_cache.errors import OutcomeError
from fuse.arm_plans import absent_arms, plan_arms, split_runnable
from fuse.metrics.comparison import Roles
from fuse.models.card import ModelCard
from fuse.models.registry import MODEL_CARDS
from fuse.protocol import PROTOCOLS, Protocol, read_protocol
from fuse.roles import assign_roles, selected_single_name
from tests.fuse.tiny_cohort import CARD

CARD_OF_TINY = CohortCard.model_validate(CARD)
WITH_SCORE = CohortCard.model_validate(
    CARD
    | {
        "variables": {"the_psa": {"kind": "numeric", "unit": "ug/L", "scale": "log"}},
        "risk_scores": {"capra_s": {"psa": "the_psa"}},
    }
)


@pytest.mark.parametrize("path", sorted(PROTOCOLS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_protocols_stand_for_arms_of_known_models(path: Path) -> None:
    protocol = read_protocol(path.stem)
    assert protocol.name == path.stem
    plans = plan_arms(protocol, ("slides", "notes", "clinical"), WITH_SCORE)
    assert {plan.model for plan in plans} <= set(MODEL_CARDS)
    names = [plan.name for plan in plans]
    assert names[0] == "null__none"
    compared = "stack" if path.stem in ("recommended", "full") else "late"
    assert names[-1] == f"{compared}__clinical+slides+notes"
    without_networks = ("torchfree", "recommended", "competing", "late_entry")
    assert any("torch" in MODEL_CARDS[plan.model].needs for plan in plans) == (
        path.stem not in without_networks
    )


def test_what_a_cohort_does_not_have_is_passed_over() -> None:
    names = [plan.name for plan in plan_arms(read_protocol("quick"), ("clinical",), CARD_OF_TINY)]
    assert names == ["null__none", "ridge_cox__clinical", "xgboost_cox__clinical"]


def read(tmp_path: Path, arms: str, fusion: str = "[]") -> Protocol:
    path = tmp_path / "p.yaml"
    head = "schema_version: 1, name: p, repeats: 1, folds: 2, inner: 2"
    path.write_text(f"{{{head}, arms: {arms}, fusion: {fusion}}}")
    return read_protocol(str(path))


@pytest.mark.parametrize(
    ("arms", "fusion", "name"),
    [
        (
            "[{model: xgboost_cox}, {model: xgboost_cox, modalities: [notes], options: {a: 1}}]",
            "[]",
            "xgboost_cox__notes",
        ),
        (
            "[{model: ridge_cox}, {model: xgboost_cox}]",
            "[{model: late}, {model: late, over: xgboost_cox}]",
            r"late__slides\+notes",
        ),
    ],
)
def test_two_lines_that_give_one_arm_are_refused(tmp_path: Path, arms: str, fusion: str, name: str) -> None:
    with pytest.raises(OutcomeError, match=f"two that give {name}"):
        plan_arms(read(tmp_path, arms, fusion), ("slides", "notes"), CARD_OF_TINY)


def test_a_misspelt_modality_is_refused(tmp_path: Path) -> None:
    protocol = read(tmp_path, "[{model: ridge_cox, modalities: [clinicl]}]")
    with pytest.raises(OutcomeError, match=r"modalities among: slides, .*got clinicl"):
        plan_arms(protocol, ("clinical",), CARD_OF_TINY)


def test_arms_without_their_modality_are_told_apart(tmp_path: Path) -> None:
    protocol = read(
        tmp_path, "[{model: ridge_cox, modalities: [notes]}, {model: ridge_cox, modalities: [omics]}]"
    )
    assert plan_arms(protocol, ("clinical",), CARD_OF_TINY) == ()
    absent = absent_arms(protocol, ("clinical",), CARD_OF_TINY)
    assert [(arm.plan.name, arm.declared) for arm in absent] == [
        ("ridge_cox__notes", True),
        ("ridge_cox__omics", False),
    ]
    assert absent_arms(read_protocol("quick"), ("clinical", "slides"), CARD_OF_TINY) == ()


def test_full_has_every_way_to_combine_times() -> None:
    named = {spec.model for spec in read_protocol("full").fusion}
    several = {card.name for card in MODEL_CARDS.values() if card.modalities == "several"}
    assert named == {name for name in several if "survival" in MODEL_CARDS[name].endpoints}


def test_fusion_that_looks_at_tiles_needs_slides() -> None:
    full, there = read_protocol("full"), ("clinical", "notes")
    names = [plan.name for plan in plan_arms(full, there, CARD_OF_TINY)]
    assert "gated_units__clinical+notes" in names and not any("cross_attention" in name for name in names)
    reasons = {arm.plan.name: arm.reason for arm in absent_arms(full, there, CARD_OF_TINY)}
    assert reasons["cross_attention__clinical+notes"].endswith("slides")
    with_slides = [plan.name for plan in plan_arms(full, (*there, "slides"), CARD_OF_TINY)]
    assert any("cross_attention" in name for name in with_slides)


def test_a_published_score_reads_the_columns_of_the_card() -> None:
    plans = {plan.name: plan for plan in plan_arms(read_protocol("quick"), ("clinical",), WITH_SCORE)}
    assert dict(plans["capra_s__clinical"].options) == {"psa": "the_psa", "psa_scale": "log"}


def test_late_fusion_stacks_arms_that_are_planned(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        "{schema_version: 1, name: p, repeats: 1, folds: 2, inner: 2,"
        " arms: [{model: xgboost_cox}], fusion: [{model: late}]}"
    )
    with pytest.raises(OutcomeError, match="arms of ridge_cox, which a fusion is to be fitted from"):
        plan_arms(read_protocol(str(path)), ("slides", "notes"), CARD_OF_TINY)


def test_a_stack_over_what_does_not_say_what_each_modality_adds_is_refused(tmp_path: Path) -> None:
    for model in ("gated_units", "modality_transformer"):
        fusion = f"[{{model: {model}}}, {{model: stack, over: [ridge_cox, {model}]}}]"
        with pytest.raises(OutcomeError, match=rf"adds to a risk; got {model}__slides\+notes"):
            plan_arms(read(tmp_path, "[{model: ridge_cox}]", fusion), ("slides", "notes"), CARD_OF_TINY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{schema_version: 1, name: p, repeats: 1, folds: 2, inner: 2, arms: [], colour: red}",
            "p.yaml: colour",
        ),
        ("{schema_version: 1, name: p, repeats: 1, folds: 1, inner: 2, arms: []}", "p.yaml: folds"),
        ("[1, 2", "YAML in UTF-8"),
        ("{name: p, seed: 1, seed: 2}", "the key seed is there twice"),
        ("", "p.yaml: schema_version: expected a mapping of .*; got Field required"),
    ],
)
def test_a_faulty_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(OutcomeError, match=said):
        read_protocol(str(path))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("replicates: {permutations: 19}", "refit_bootstrap, permutation, conditional_permutation"),
        ("replicates: {permutation: true}", "refit_bootstrap, permutation, conditional_permutation"),
        ("arms: [{modle: ridge_cox}]", "model, modalities, options"),
        ("fusion: [{modle: early}]", "model, over, modalities, options"),
    ],
)
def test_a_faulty_part_is_told_its_own_keys(tmp_path: Path, text: str, keys: str) -> None:
    given = {"schema_version": 1, "name": "p", "inner": 2, "arms": []} | yaml.safe_load(text)
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(given))
    with pytest.raises(OutcomeError, match=f"expected a mapping of {keys}, as in"):
        read_protocol(str(tmp_path / "p.yaml"))


def test_an_unknown_name_lists_the_known_ones() -> None:
    names = "one of classes, competing, full, late_entry, quick, recommended, torchfree"
    with pytest.raises(OutcomeError, match=names):
        read_protocol("slow")


def test_the_resolved_copy_is_the_protocol(tmp_path: Path) -> None:
    protocol = read_protocol("quick").model_copy(update={"seed": 3, "endpoint": "bcr"})
    path = tmp_path / "protocol.yaml"
    path.write_text(protocol.yaml_text())
    assert read_protocol(str(path)) == protocol


def test_an_arm_without_its_library_is_not_run_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = MODEL_CARDS["attention_mil"]
    lacking = ModelCard(**{**vars(absent), "needs": ("no_such_library",)})
    monkeypatch.setitem(MODEL_CARDS, "attention_mil", lacking)
    plans = plan_arms(read_protocol("quick"), ("slides", "notes"), CARD_OF_TINY)
    runnable, reasons = split_runnable(plans)
    assert reasons == {"attention_mil__slides": "no_such_library is not installed"}
    assert len(runnable) == len(plans) - 1


def test_roles_are_fixed_by_the_protocol() -> None:
    protocol = read_protocol("quick")
    plans = plan_arms(protocol, ("clinical", "slides"), CARD_OF_TINY)
    selected = selected_single_name(plans)
    assert selected == "selected_single__clinical+slides"
    assert assign_roles(protocol, plans, selected) == Roles(
        fusion="late__clinical+slides",
        clinical="ridge_cox__clinical",
        selected_single=selected,
        published_score="",
        null="null__none",
        singles={"clinical": "ridge_cox__clinical", "slides": "ridge_cox__slides"},
        other_fusions=("early__clinical+slides",),
    )
    without = protocol.model_copy(update={"comparators": ("clinical",)})
    assert assign_roles(without, plans, selected).selected_single == ""


def test_where_several_models_stand_for_a_modality_ridge_cox_does(tmp_path: Path) -> None:
    protocol = read_protocol("competing")
    plans = plan_arms(protocol, ("clinical", "slides"), CARD_OF_TINY)
    roles = assign_roles(protocol, plans, "")
    assert roles.clinical == "ridge_cox__clinical"
    assert roles.singles == {"clinical": "ridge_cox__clinical", "slides": "ridge_cox__slides"}
    alone = plan_arms(read(tmp_path, "[{model: fine_gray}]"), ("clinical", "slides"), CARD_OF_TINY)
    roles = assign_roles(protocol, alone, "")
    assert roles.clinical == roles.singles["clinical"] == "fine_gray__clinical"


def test_every_model_of_late_entry_honours_it() -> None:
    plans = plan_arms(read_protocol("late_entry"), ("slides", "notes", "clinical"), WITH_SCORE)
    assert all(MODEL_CARDS[plan.model].late_entry for plan in plans)
