from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.arm_plans import ArmPlan
from fuse.cases import Cases
from fuse.folds.folds import FoldPlan, Strata, make_folds
from fuse.metrics.concordance import concordant_pairs
from fuse.outcomes.outcomes import Classes, Competing, Outcome
from fuse.replicates.replicate import KINDS, ReplicateTask, cheap_plans, concordances, replicate
from tests.fuse.simulated import make_cohort

COUNT = 75


def cohort(kind: str) -> tuple[Cases, Outcome]:
    """The simulated cohort with its table called clinical, and an outcome of a kind."""
    made = make_cohort(seed=2, n=COUNT)
    modalities = made.cases.modalities
    named = {
        "clinical": replace(modalities["table"], name="clinical"),
        "slides": replace(modalities["slides"], bags=None),
    }
    cases = Cases(case_ids=made.cases.case_ids, modalities=named)
    event, time = made.outcome.event, made.outcome.time_days
    late = np.argsort(np.argsort(time)) * 3 // COUNT
    outcomes = {
        "survival": made.outcome,
        "competing": Competing(
            event=event & (late != 1),
            time_days=time,
            cause=np.where(event, np.where(late != 1, 1, 2), 0),
            causes=("relapse", "death"),
        ),
        "binary": Classes(label=(late == 0).astype(np.int64), names=("no", "yes")),
        "multiclass": Classes(label=late, names=("early", "between", "late")),
    }
    return cases, outcomes[kind]


def task(kind: str, outcome: Outcome, cases: Cases, number: int = 0) -> ReplicateTask:
    model = "ridge_logistic" if isinstance(outcome, Classes) else "ridge_cox"
    singles = tuple(ArmPlan(model=model, modalities=(name,)) for name in cases.modalities)
    late = ArmPlan(
        model="late", modalities=("clinical", "slides"), bases=tuple(single.name for single in singles)
    )
    strata = Strata(outcome=outcome, sites=[None] * len(cases))
    folds = make_folds(cases.case_ids, strata, FoldPlan(inner=2, seed=0, repeats=2, folds=2)).folds
    return ReplicateTask(
        kind=kind, number=number, outcome=outcome, folds=folds, plans=(*singles, late), seed=0
    )


def test_arms_of_several_causes_are_refitted_with_the_days_of_the_run() -> None:
    cases, outcome = cohort("competing")
    plans = tuple(
        ArmPlan(model=model, modalities=("clinical",)) for model in ("cause_specific_cox", "fine_gray")
    )
    asked = replace(task("refit_bootstrap", outcome, cases), plans=plans, times_days=np.array([300.0]))
    found = replicate(asked, cases)
    assert {"cause_specific_cox__clinical", "fine_gray__clinical"} <= found.keys()
    assert all(0 < value < 1 for value in found.values())


@pytest.mark.parametrize("kind", ["competing", "binary", "multiclass"])
def test_every_kind_of_endpoint_is_refitted(kind) -> None:
    cases, outcome = cohort(kind)
    found = {of: replicate(task(of, outcome, cases), cases) for of in KINDS}
    assert {frozenset(c) for c in found.values()} == {frozenset(found["as_it_is"])}
    assert len(found["as_it_is"]) == 4  # two singles, their stack, the selected single
    assert all(0 < value < 1 for c in found.values() for value in c.values())
    assert (
        found["conditional_permutation"]["late__clinical+slides"]
        != found["as_it_is"]["late__clinical+slides"]
    )


def test_signal_is_lost_where_outcomes_are_dealt_and_kept_where_cases_are_drawn() -> None:
    cases, outcome = cohort("survival")
    arm = "late__clinical+slides"
    means = {
        kind: np.mean([replicate(task(kind, outcome, cases, number), cases)[arm] for number in range(3)])
        for kind in ("refit_bootstrap", "permutation")
    }
    assert means["permutation"] < 0.6 < 0.65 < means["refit_bootstrap"]


def test_the_clinical_arm_is_untouched_where_only_the_rest_is_dealt() -> None:
    cases, outcome = cohort("survival")
    own, dealt = (
        replicate(task(kind, outcome, cases), cases) for kind in ("as_it_is", "conditional_permutation")
    )
    assert dealt["ridge_cox__clinical"] == own["ridge_cox__clinical"]
    assert dealt["ridge_cox__slides"] != own["ridge_cox__slides"]


def test_c_is_of_pairs_within_folds() -> None:
    cases, outcome = cohort("survival")
    folds = task("as_it_is", outcome, cases).folds[:2]
    risks = [np.sin(fold.test * 1.7) + 100 * fold.fold for fold in folds]
    pairs = np.sum(
        [concordant_pairs(r, outcome.take(f.test)) for r, f in zip(risks, folds, strict=True)], axis=0
    )
    assert concordances({"arm": risks}, outcome, folds) == {"arm": pairs[0] / pairs[1]}


def test_networks_what_reads_tiles_and_what_is_fitted_from_them_are_left_out() -> None:
    plans = (
        ArmPlan(model="null", modalities=()),
        ArmPlan(model="ridge_cox", modalities=("clinical",)),
        ArmPlan(model="value_network", modalities=("clinical",)),
        ArmPlan(model="prototypes", modalities=("slides",)),
        ArmPlan(model="stack", modalities=("clinical",), bases=("ridge_cox__clinical",)),
        ArmPlan(model="late", modalities=("clinical", "slides"), bases=("prototypes__slides",)),
    )
    assert [plan.name for plan in cheap_plans(plans)] == ["ridge_cox__clinical", "stack__clinical"]
