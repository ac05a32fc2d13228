from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from fuse.metrics.comparison import ComparisonRow, Roles
from fuse.metrics.evaluation import MetricRow
from fuse.verdict import Evidence, Question, judge


def metric(name: str, estimate: float, low: float, high: float) -> MetricRow:
    return MetricRow(
        metric=name, estimate=estimate, low=low, high=high, method="by hand", n_cases=95, n_events=27
    )


def versus(first: str, second: str, limits: tuple[float, float], named_before: bool = True) -> ComparisonRow:
    return ComparisonRow(
        first=first,
        second=second,
        metric="c_index",
        difference=sum(limits) / 2,
        low=limits[0],
        high=limits[1],
        method="by hand",
        named_before=named_before,
    )


ROLES = Roles(
    fusion="late",
    clinical="cox",
    selected_single="selected",
    published_score="capra_s",
    null="null",
    singles={"slides": "slides_cox", "notes": "notes_cox"},
)
EVIDENCE = Evidence(
    roles=ROLES,
    metrics={"late": [metric("c_index", 0.71, 0.60, 0.80), metric("observed_expected", 1.05, 0.8, 1.3)]},
    comparisons=[
        versus("late", "capra_s", (-0.05, 0.01)),
        versus("late", "cox", (0.01, 0.08)),
        versus("late", "selected", (-0.02, 0.06)),
        versus("slides_cox", "null", (0.04, 0.2)),
        versus("notes_cox", "null", (-0.09, 0.11)),
    ],
    n_cases=95,
    n_events=27,
    titles={"late": "Late fusion"},
)


def answers(evidence: Evidence) -> dict[str, Question]:
    return {question.id: question for question in judge(evidence).questions}


def with_gain(*limits: float) -> Question:
    rows = [versus("late", "cox", (limits[0], limits[1]))]
    return answers(replace(EVIDENCE, comparisons=rows))["adds_to_clinical"]


def with_c_index(low: float, high: float) -> Question:
    rows = {"late": [metric("c_index", (low + high) / 2, low, high)]}
    return answers(replace(EVIDENCE, metrics=rows))["better_than_chance"]


def test_one_answer_to_every_question() -> None:
    given = {key: question.answer for key, question in answers(EVIDENCE).items()}
    assert given == {
        "better_than_chance": "yes",
        "beats_published_score": "no",
        "adds_to_clinical": "yes",
        "adds_to_selected_single": "cannot tell",
        "predicts_slides": "yes",
        "predicts_notes": "cannot tell",
        "calibration": "cannot tell",
    }


@pytest.mark.parametrize(
    ("limits", "answer", "says"),
    [
        ((0.001, 0.08), "yes", "Of 100 pairs of patients, fusion put 4.0 more in the right order"),
        ((0.001, 0.015), "yes", "too small to matter"),
        ((-0.08, 0.019), "no", "A gain of 2 or more is excluded."),
        ((-0.08, -0.01), "no", "Fusion is worse."),
        ((-0.08, 0.02), "cannot tell", "95 cases with 27 events cannot decide between them."),
        ((0.0, 0.08), "cannot tell", "95 % interval +0.0 to +8.0"),
        ((math.nan, math.nan), "cannot tell", "not compared"),
    ],
)
def test_a_gain_is_no_only_when_a_gain_worth_having_is_excluded(limits, answer: str, says: str) -> None:
    question = with_gain(*limits)
    assert question.answer == answer
    assert says in question.words


@pytest.mark.parametrize(
    ("limits", "answer"),
    [((0.501, 0.6), "yes"), ((0.4, 0.519), "no"), ((0.4, 0.52), "cannot tell"), ((0.5, 0.9), "cannot tell")],
)
def test_chance_is_beaten_only_by_the_lower_limit(limits, answer: str) -> None:
    assert with_c_index(*limits).answer == answer


def test_an_estimate_without_limits_cannot_tell() -> None:
    rows = {"late": [metric("c_index", 1.0, math.nan, math.nan)]}
    question = answers(replace(EVIDENCE, metrics=rows))["better_than_chance"]
    assert (question.answer, question.estimate, question.low) == ("cannot tell", 1.0, None)
    assert "no interval" in question.words


def test_a_comparison_found_afterwards_answers_nothing() -> None:
    rows = [versus("late", "cox", (0.03, 0.2), named_before=False)]
    question = answers(replace(EVIDENCE, comparisons=rows))["adds_to_clinical"]
    assert (question.answer, question.estimate) == ("cannot tell", None)


def test_a_single_modality_is_shown_on_the_scale_of_c() -> None:
    question = answers(EVIDENCE)["predicts_slides"]
    assert (question.estimate, question.low, question.high) == pytest.approx((0.62, 0.54, 0.70))
    assert (
        question.words
        == "Of 100 pairs of patients, 62 were put in the right order (95 % interval 54 to 70; chance is 50)."
    )


@pytest.mark.parametrize(("n_events", "answer"), [(99, "cannot tell"), (100, "yes")])
def test_calibration_needs_a_hundred_events(n_events: int, answer: str) -> None:
    question = answers(replace(EVIDENCE, n_events=n_events))["calibration"]
    assert (question.answer, question.estimate) == (answer, 1.05)
    assert ("99 events do not show" in question.words) == (n_events == 99)


def test_questions_without_a_comparator_are_not_asked() -> None:
    bare = replace(EVIDENCE, roles=Roles(fusion="late", clinical="cox"))
    assert list(answers(bare)) == ["better_than_chance", "adds_to_clinical", "calibration"]


def test_the_clinical_arm_is_judged_where_nothing_else_ran() -> None:
    rows = {"cox": [metric("c_index", 0.6, 0.48, 0.7)]}
    verdict = judge(replace(EVIDENCE, metrics=rows, roles=Roles(clinical="cox"), comparisons=[]))
    assert verdict.top == (
        "Whether cox predicts better than chance cannot be told (C 0.60, 0.48 to 0.70), "
        "from 95 cases with 27 events."
    )


def test_the_sentence_on_top() -> None:
    assert judge(EVIDENCE).top == (
        "Late fusion predicts better than chance (C 0.71, 0.60 to 0.80); it adds to the clinical values, "
        "from 95 cases with 27 events."
    )
    nothing = judge(replace(EVIDENCE, metrics={}, comparisons=[]))
    assert nothing.top == "Nothing can be said: no arm was evaluated on 95 cases with 27 events."
    assert {question.answer for question in nothing.questions} == {"cannot tell"}


def test_json_without_nan_and_with_the_notes() -> None:
    rows = {"late": [metric("c_index", 1.0, math.nan, math.nan)]}
    verdict = judge(replace(EVIDENCE, metrics=rows)).as_dict()
    text = json.dumps(verdict, allow_nan=False)
    assert set(json.loads(text)) == {"questions", "top", "notes"}
    assert "prognostic is not predictive of treatment effect" in text
    assert all(question["rule"] and question["method"] for question in json.loads(text)["questions"])
