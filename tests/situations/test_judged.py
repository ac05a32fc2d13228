"""The eight situations have the truths that they claim, and answers are marked as they were written down."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.concordance import concordant_pairs
from tests.situations.cohorts import SHOWING, draw
from tests.situations.judged import judge, mark
from tests.situations.situations import CALIBRATION, CHANCE, GAIN, SITUATIONS

COUNT = 4000


def concordance(risk: np.ndarray, outcome) -> float:
    ordered, comparable = concordant_pairs(risk, outcome)
    return ordered / comparable


@pytest.mark.parametrize("name", SITUATIONS)
def test_who_knows_what_and_how_many_have_the_event(name: str) -> None:
    situation = SITUATIONS[name]
    drawn = draw(situation, COUNT, 1)
    assert drawn.outcome.event.mean() == pytest.approx(situation.events, abs=0.03)
    clinical = concordance(drawn.clinical[:, :SHOWING].mean(axis=1), drawn.outcome)
    imaging = concordance(drawn.imaging[:, :SHOWING].mean(axis=1), drawn.outcome)
    knows = (situation.clinical > 0, situation.imaging > 0 or situation.from_where == "copy_of_clinical")
    for reached, known in zip((clinical, imaging), knows, strict=True):
        assert reached > 0.6 if known else abs(reached - 0.5) < 0.03


def test_a_copy_of_the_measured_values_says_nothing_beyond_them() -> None:
    drawn = draw(SITUATIONS["redundant"], COUNT, 1)
    measured = drawn.clinical[:, :SHOWING].mean(axis=1)
    imaging = drawn.imaging[:, :SHOWING].mean(axis=1)
    assert concordance(imaging, drawn.outcome) > 0.7
    left = imaging - np.polyval(np.polyfit(measured, imaging, 1), measured)
    assert abs(concordance(left, drawn.outcome) - 0.5) < 0.03


def test_the_other_cohort_has_the_hazard_that_it_is_given() -> None:
    situation = SITUATIONS["miscalibrated"]
    own, other = draw(situation, COUNT, 1), draw(situation, COUNT, 1, other=True)
    assert other.outcome.event.mean() > 1.7 * own.outcome.event.mean()
    assert not np.array_equal(own.clinical, other.clinical)
    harmful = draw(SITUATIONS["harmful"], COUNT, 1, other=True)
    assert abs(concordance(harmful.imaging[:, :SHOWING].mean(axis=1), harmful.outcome) - 0.5) < 0.03
    assert concordance(harmful.clinical[:, :SHOWING].mean(axis=1), harmful.outcome) > 0.6
    again = draw(situation, COUNT, 1)
    assert again.imaging.tobytes() == own.imaging.tobytes()


def test_every_named_question_must_be_answered_rightly() -> None:
    situation = SITUATIONS["too_small"]
    said = {name: {"answer": right[0], "needed_cases": 500} for name, right in situation.right.items()}
    assert mark(situation, said) == ()
    assert mark(situation, said | {GAIN: {"answer": "yes"}}) == (GAIN,)
    assert mark(situation, said | {GAIN: {"answer": "cannot tell", "needed_cases": None}}) == (GAIN,)
    assert mark(situation, said | {CHANCE: {"answer": "no"}}) == (CHANCE,)
    del said[CALIBRATION]
    assert mark(situation, said) == (CALIBRATION,)
    harmful, yes = SITUATIONS["harmful"], {CALIBRATION: {"answer": "no"}}
    assert mark(harmful, yes | {GAIN: {"answer": "no", "words": "… Fusion is worse."}}) == ()
    assert mark(harmful, yes | {GAIN: {"answer": "no", "words": "A gain of 2 is excluded."}}) == (GAIN,)


@pytest.mark.parametrize(
    ("always", "right_in"),
    [("cannot tell", {"nothing", "too_small"}), ("yes", {"both"}), ("no", {"harmful"})],
)
def test_an_answer_that_is_given_unseen_is_not_enough(always: str, right_in: set[str]) -> None:
    said = {"answer": always, "needed_cases": 500, "words": "Fusion is worse."}
    passed = {name for name, one in SITUATIONS.items() if not mark(one, dict.fromkeys(one.right, said))}
    assert passed == right_in


def test_one_seed_goes_through_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    small = replace(SITUATIONS["too_small"], cases=40)
    monkeypatch.setitem(SITUATIONS, "too_small", small)
    judged = judge("too_small", 3)
    assert set(judged.answers) == {
        *("better_than_chance", "adds_to_clinical", "adds_to_selected_single"),
        *("predicts_slides", "predicts_clinical", "calibration"),
    }
    assert judged.answers["calibration"] == "cannot tell"
