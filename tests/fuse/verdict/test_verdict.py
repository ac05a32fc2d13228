from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from fuse.metrics.censoring import Horizon
from fuse.metrics.comparison import ComparisonRow, Roles
from fuse.metrics.evaluation import MetricRow
from fuse.verdict.verdict import Evidence, Question, judge


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


LATE = "late__clinical+notes+slides"
CLINICAL, CAPRA_S = "ridge_cox__clinical", "capra_s__clinical"
SELECTED = "selected_single__clinical+notes+slides"
ROLES = Roles(
    fusion=LATE,
    clinical=CLINICAL,
    selected_single=SELECTED,
    published_score=CAPRA_S,
    null="null__none",
    singles={"clinical": CLINICAL, "notes": "ridge_cox__notes", "slides": "ridge_cox__slides"},
)
EVIDENCE = Evidence(
    roles=ROLES,
    metrics={LATE: [metric("c_index", 0.71, 0.60, 0.80), metric("observed_expected", 1.05, 0.8, 1.3)]},
    comparisons=[
        versus(LATE, CAPRA_S, (-0.05, 0.01)),
        versus(LATE, CLINICAL, (0.01, 0.08)),
        versus(LATE, SELECTED, (-0.02, 0.06)),
    ],
    n_cases=95,
    n_events=27,
    horizon=Horizon(days=85.0, reason="only 3 of 95 cases were followed beyond day 1826.25"),
    alone={
        "slides": metric("c_index", 0.62, 0.54, 0.70),
        "notes": metric("c_index", 0.51, 0.41, 0.61),
        "clinical": metric("c_index", 0.5, math.nan, math.nan),
    },
    titles={CAPRA_S: "CAPRA-S: clinical"},
)


def answers(evidence: Evidence) -> dict[str, Question]:
    return {question.id: question for question in judge(evidence).questions}


def with_gain(*limits: float) -> Question:
    rows = [versus(LATE, CLINICAL, (limits[0], limits[1]))]
    return answers(replace(EVIDENCE, comparisons=rows))["adds_to_clinical"]


def with_c_index(low: float, high: float) -> Question:
    rows = {LATE: [metric("c_index", (low + high) / 2, low, high)]}
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
        "predicts_clinical": "cannot tell",
        "calibration": "cannot tell",
    }


@pytest.mark.parametrize(
    ("limits", "answer", "says"),
    [
        ((0.001, 0.08), "yes", "Of 100 pairs of patients, fusion put 4.0 more in the right order"),
        ((0.001, 0.015), "no", "There is a gain, too small to matter: a gain of 2 or more is excluded."),
        ((-0.08, 0.019), "no", "A gain of 2 or more is excluded."),
        ((-0.08, -0.01), "no", "Fusion is worse."),
        ((-0.08, -0.01), "no", "4.5 fewer in the right order (95 % interval −8.0 to −1.0)"),
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
    rows = {LATE: [metric("c_index", 1.0, math.nan, math.nan)]}
    question = answers(replace(EVIDENCE, metrics=rows))["better_than_chance"]
    assert (question.answer, question.estimate, question.low) == ("cannot tell", 1.0, None)
    assert "no interval" in question.words


def test_a_comparison_found_afterwards_answers_nothing() -> None:
    rows = [versus(LATE, CLINICAL, (0.03, 0.2), named_before=False)]
    question = answers(replace(EVIDENCE, comparisons=rows))["adds_to_clinical"]
    assert (question.answer, question.estimate) == ("cannot tell", None)


def test_two_arms_that_order_every_fold_alike_exclude_no_gain() -> None:
    same = replace(versus(LATE, CLINICAL, (0.0, 0.0)), low=math.nan, high=math.nan)
    question = answers(replace(EVIDENCE, comparisons=[same]))["adds_to_clinical"]
    assert (question.answer, question.estimate) == ("cannot tell", 0.0)
    assert question.words.endswith("(no interval). Without an interval a gain is neither shown nor excluded.")


def test_a_single_modality_is_judged_by_its_own_simultaneous_interval() -> None:
    question = answers(EVIDENCE)["predicts_slides"]
    assert question.question == "Do the slides predict alone?"
    assert (question.estimate, question.low, question.high) == (0.62, 0.54, 0.70)
    assert question.words == (
        "Of 100 pairs of patients, 62 were put in the right order (95 % interval 54 to 70; chance is 50). "
        "This interval is wider than in the table of arms: those of all 3 modalities shall hold together."
    )


def test_a_modality_that_hardly_any_case_has_is_no_evidence_against_it() -> None:
    question = answers(EVIDENCE)["predicts_clinical"]
    assert question.question == "Do the clinical values predict alone?"
    assert (question.answer, question.low) == ("cannot tell", None)
    assert question.words.endswith("Without an interval this cannot be told from chance.")


def test_calibration_is_a_sentence_on_top_where_it_can_be_told() -> None:
    rows = {
        LATE: [
            metric("c_index", 0.71, 0.60, 0.80),
            metric("observed_expected", 1.9, 1.5, 2.4),
            metric("calibration_slope", 1.0, 0.7, 1.3),
        ]
    }
    verdict = judge(replace(EVIDENCE, metrics=rows))
    assert {one.id: one.answer for one in verdict.questions}["calibration"] == "no"
    assert verdict.top.endswith(" The predicted probabilities are not right.")
    assert "probabilities" not in judge(EVIDENCE).top


def test_what_would_be_needed_stands_with_every_cannot_tell_and_nowhere_else() -> None:
    questions = judge(EVIDENCE).questions
    assert all((question.needed != "") == (question.answer == "cannot tell") for question in questions)
    gain = answers(EVIDENCE)["adds_to_selected_single"]
    # 95 cases, limits .04 either side of .02: half of that is left of 0 with four times the cases
    assert (gain.needed_cases, gain.needed_events) == (780, 230)
    assert gain.needed == (
        "It would take about 780 cases with 230 events if the truth is what was estimated here (80 % power), "
        "and 1,600 cases whatever the truth is."
    )
    assert answers(EVIDENCE)["predicts_clinical"].needed_cases is None


def test_questions_without_a_comparator_are_not_asked() -> None:
    bare = replace(EVIDENCE, roles=Roles(fusion=LATE, clinical=CLINICAL))
    assert list(answers(bare)) == ["better_than_chance", "adds_to_clinical", "calibration"]


def test_the_clinical_arm_is_judged_where_nothing_else_ran() -> None:
    rows = {CLINICAL: [metric("c_index", 0.6, 0.48, 0.7)]}
    roles = Roles(clinical=CLINICAL, singles={"clinical": CLINICAL})
    verdict = judge(replace(EVIDENCE, metrics=rows, roles=roles, comparisons=[]))
    assert verdict.top == (
        "Whether the clinical values alone predict better than chance cannot be told (C 0.60, 0.48 to 0.70), "
        "from 95 cases with 27 events."
    )


def test_the_only_modality_is_judged() -> None:
    rows = {"ridge_cox__notes": [metric("c_index", 0.6, 0.52, 0.7)], "null__none": []}
    roles = Roles(singles={"notes": "ridge_cox__notes"}, null="null__none")
    verdict = judge(replace(EVIDENCE, metrics=rows, roles=roles, comparisons=[]))
    assert verdict.questions[0].question == "Do the notes alone predict better than chance?"
    assert verdict.top == (
        "The notes alone predict better than chance (C 0.60, 0.52 to 0.70), from 95 cases with 27 events."
    )


def test_the_published_score_is_judged_where_it_is_alone() -> None:
    rows = {CAPRA_S: [metric("c_index", 0.6, 0.52, 0.7)]}
    verdict = judge(replace(EVIDENCE, metrics=rows, roles=Roles(published_score=CAPRA_S, null="null__none")))
    assert verdict.questions[0].question == "Does CAPRA-S predict better than chance?"


def test_evaluated_arms_without_a_role_are_not_denied() -> None:
    rows = {"xgboost_cox__notes": [metric("c_index", 0.6, 0.52, 0.7)], "null__none": []}
    verdict = judge(replace(EVIDENCE, metrics=rows, roles=Roles(null="null__none"), comparisons=[]))
    assert verdict.top == (
        "No arm was named before the evaluation to be judged as a whole, on 95 cases with 27 events."
    )


def test_the_sentence_on_top_names_the_published_score_first() -> None:
    assert judge(EVIDENCE).top == (
        "Late fusion of slides, notes and clinical values predicts better than chance (C 0.71, 0.60 to "
        "0.80); it does not usefully beat the published risk score; it adds to the clinical values, "
        "from 95 cases with 27 events. Predict on their own: slides; cannot tell: notes, clinical values."
    )
    without = judge(replace(EVIDENCE, roles=replace(ROLES, published_score="")))
    assert "published" not in without.top
    nothing = judge(replace(EVIDENCE, metrics={}, comparisons=[], alone={}))
    assert nothing.top == "Nothing can be said: no arm was evaluated on 95 cases with 27 events."
    assert {question.answer for question in nothing.questions} == {"cannot tell"}


def test_the_sentence_on_top_says_that_fusion_is_worse_where_it_is() -> None:
    harmed = [versus(LATE, CAPRA_S, (-0.09, -0.02)), versus(LATE, CLINICAL, (-0.08, -0.01))]
    assert (
        "; it is worse than the published risk score; it is worse than the clinical values, from "
        in judge(replace(EVIDENCE, comparisons=harmed)).top
    )
    useless = [versus(LATE, CAPRA_S, (-0.09, 0.01)), versus(LATE, CLINICAL, (-0.08, 0.01))]
    assert "worse" not in judge(replace(EVIDENCE, comparisons=useless)).top


def test_a_selected_modality_that_is_worse_than_each_by_itself_is_a_weak_comparator() -> None:
    def words(selected: float) -> str:
        reached = {SELECTED: selected, CLINICAL: 0.6, "ridge_cox__notes": 0.59, "ridge_cox__slides": 0.63}
        rows = {arm: [metric("c_index", c, c - 0.1, c + 0.1)] for arm, c in reached.items()}
        gain = [versus(LATE, SELECTED, (0.07, 0.33))]
        shown = replace(EVIDENCE, metrics=EVIDENCE.metrics | rows, comparisons=gain)
        return answers(shown)["adds_to_selected_single"].words

    assert words(0.54).endswith(
        " A weak comparator here: what training picked reached C 0.54, less than each modality alone "
        "(0.59 to 0.63, below). Beating it says nothing of the best of them."
    )
    assert "weak" not in words(0.595)


def test_every_answer_on_a_single_modality_is_named_on_top() -> None:
    alone = {
        "slides": metric("c_index", 0.62, 0.54, 0.70),
        "slides:uni": metric("c_index", 0.50, 0.49, 0.51),
        "volumes": metric("c_index", 0.58, 0.45, 0.70),
    }
    singles = {label: f"ridge_cox__{label}" for label in alone}
    top = judge(replace(EVIDENCE, alone=alone, roles=replace(ROLES, singles=singles))).top
    assert top.endswith(
        "Predict on their own: slides; do not usefully predict on their own: slides (uni); "
        "cannot tell: volumes."
    )
    several = judge(replace(EVIDENCE, alone=alone, roles=replace(ROLES, singles=singles))).questions
    said = next(one.words for one in several if one.id == "predicts_slides:uni")
    assert said.endswith("those of all 3 feature sets shall hold together.")
    one = judge(replace(EVIDENCE, roles=replace(ROLES, singles={"slides": "ridge_cox__slides"})))
    assert "on their own" not in one.top


def test_json_without_nan_and_with_the_notes() -> None:
    rows = {LATE: [metric("c_index", 1.0, math.nan, math.nan)]}
    verdict = judge(replace(EVIDENCE, metrics=rows)).as_dict()
    text = json.dumps(verdict, allow_nan=False)
    assert set(json.loads(text)) == {"questions", "top", "notes", "horizon"}
    assert json.loads(text)["horizon"]["days"] == 85
    assert "prognostic is not predictive of treatment effect" in text
    assert all(question["rule"] and question["method"] for question in json.loads(text)["questions"])
