"""What a stack says from some of its modalities: which arms it asks, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.arm import fit_arm
from fuse.fusion.late import fit_late
from fuse.fusion.subsets import MOST_MODALITIES, subset_stacks, subsets_of
from fuse.models.registry import build_learner
from tests.fuse.fusion.masked import notes, with_modality

MODELS = (("ridge_cox", ("table",)), ("ridge_cox", ("slides",)), ("early", ("table", "slides")))


@pytest.fixture(scope="module")
def arms(cohort):
    return {
        f"{model}__{'+'.join(names)}": fit_arm(
            build_learner(model, names), cohort.cases, cohort.outcome, cohort.inner, 0
        )
        for model, names in MODELS
    }


def risks_of(cohort, arms):
    late = fit_late(arms, cohort.cases, cohort.outcome, cohort.inner)
    return late, risks_from(late, cohort.cases, cohort)


def risks_from(late, cases, cohort):
    stacks = subset_stacks(late, cases, cohort.outcome, cohort.inner)
    return {subset: stack.risk(cases) for subset, stack in stacks.items()}


def test_a_subset_is_the_stack_of_the_arms_that_read_nothing_else(cohort, arms):
    late, risks = risks_of(cohort, arms)
    assert list(risks) == [("slides",), ("table",), ("slides", "table")]
    assert risks["slides", "table"].tobytes() == late.risk(cohort.cases).tobytes()
    own = fit_late({"a": arms["ridge_cox__table"]}, cohort.cases, cohort.outcome, cohort.inner)
    assert risks["table",].tobytes() == own.risk(cohort.cases).tobytes()
    absent = ~cohort.cases.modalities["table"].present
    assert absent.any() and not risks["table",][absent].any()


def test_a_subset_that_no_arm_reads_is_left_out(cohort, arms):
    both = {name: arm for name, arm in arms.items() if "+" in name}
    assert list(risks_of(cohort, both)[1]) == [("slides", "table")]
    with_table = {name: arm for name, arm in arms.items() if name != "ridge_cox__slides"}
    assert list(risks_of(cohort, with_table)[1]) == [("table",), ("slides", "table")]


def test_a_modality_that_no_train_case_had_is_still_a_modality(cohort):
    n = len(cohort.cases)
    cases = with_modality(cohort.cases, notes(n, np.zeros(n, dtype=bool)))
    names = ("table", "notes")
    arms = {
        "one": fit_arm(build_learner("ridge_cox", ("table",)), cases, cohort.outcome, cohort.inner, 0),
        "trees": fit_arm(build_learner("early_boosted", names), cases, cohort.outcome, cohort.inner, 0),
    }
    late = fit_late(arms, cases, cohort.outcome, cohort.inner)
    risks = risks_from(late, cases, cohort)
    assert list(risks) == [("table",), ("notes", "table")]


def test_of_many_modalities_few_subsets_are_looked_at():
    few, many = tuple("abcde"), tuple("abcdef")
    assert len(few) == MOST_MODALITIES and len(list(subsets_of(few))) == 31
    assert [len(subset) for subset in subsets_of(many)] == [1] * 6 + [5] * 6 + [6]
