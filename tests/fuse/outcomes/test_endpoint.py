"""The door for outcomes: what is read, what is refused, and when a test part is opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_cache.canonical import sha256_of_file
from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.errors import OutcomeError
from feature_cache.tables import CaseRow
from fuse.outcomes.endpoint import choose_endpoint, inspect_outcomes, open_outcomes

CASES = tuple(f"{number:04d}" for number in range(24))


def make_cohort(folder: Path, rows: list[str], endpoint: dict[str, object], **card: object) -> Cohort:
    parts = {
        "schema_version": 1,
        "name": "c",
        "title": "",
        "citation": "",
        "licence": "",
        "sites": [],
        "modalities": ["clinical"],
        "index_event": "operation",
        "prediction_day": 0,
        "endpoints": {"bcr": endpoint},
    }
    (folder / "outcomes.csv").write_text("\n".join(["case_id,endpoint,event,time,cause,value", *rows]) + "\n")
    return Cohort(
        folder=folder,
        card=CohortCard.model_validate(parts | card),
        cases=tuple(CaseRow(case_id=case) for case in CASES),
        clinical={},
    )


SURVIVAL = {"kind": "survival", "definition": "recurrence", "time_unit": "months", "horizon_days": 1826.25}
GOOD = [f"{case},bcr,1,{index + 1},," for index, case in enumerate(CASES)]


def replaced(row: str) -> list[str]:
    return [row, *GOOD[1:]]


@pytest.mark.parametrize(
    ("text", "event"),
    [("1", True), ("1.0", True), ("TRUE", True), ("Yes", True), ("0", False), ("0.0", False), ("no", False)],
)
def test_event_texts(tmp_path: Path, text: str, event: bool) -> None:
    door = open_outcomes(make_cohort(tmp_path, replaced(f"0000,bcr,{text},2,,"), SURVIVAL), "bcr")
    outcome = door.training(["0000"])
    assert outcome.event.tolist() == [event]
    assert outcome.time_days.tolist() == [2 * 30.4375]


@pytest.mark.parametrize(
    ("row", "got"),
    [
        ("0000,bcr,2,5,,", "another text"),
        ("0000,bcr,nan,5,,", "another text"),
        ("0000,bcr,,5,,", "a time and no event"),
        ("0000,bcr,1,,,", "an event without time"),
        ("0000,bcr,0,,,", "a censored case without time"),
        ("0000,bcr,1,NaN,,", "NaN"),
        ("0000,bcr,1,-3,,", "a negative time (-3)"),
        ("0000,bcr,1,0,,", "time 0"),
        ("0000,bcr,1,inf,,", "an infinite time"),
        ("0000,bcr,1,soon,,", "a text that is no number"),
        ("0001,bcr,1,3,,", "a second row"),
        ("9999,bcr,1,3,,", "an unknown case"),
    ],
)
def test_every_fault_names_the_case_and_what_came(tmp_path: Path, row: str, got: str) -> None:
    _, problems = inspect_outcomes(make_cohort(tmp_path, replaced(row), SURVIVAL), "bcr")
    (problem,) = problems
    assert problem.fails
    assert problem.got == got
    assert f"case {row[:4]}" in problem.where
    assert problem.remedy
    with pytest.raises(OutcomeError, match=r"outcomes\.csv"):
        open_outcomes(make_cohort(tmp_path, replaced(row), SURVIVAL), "bcr")


@pytest.mark.parametrize("row", ["0000,bcr,,,,", "0000,bcr,<absent>,<null>,,", "0000,other,1,5,,"])
def test_a_case_without_outcome_is_left_out_and_never_censored(tmp_path: Path, row: str) -> None:
    door = open_outcomes(make_cohort(tmp_path, replaced(row), SURVIVAL), "bcr")
    assert door.without == ("0000",)
    assert "0000" not in door.case_ids
    with pytest.raises(OutcomeError, match="case 0000"):
        door.training(["0000"])


def test_too_few_events_are_counted(tmp_path: Path) -> None:
    rows = [f"{case},bcr,{int(index < 9)},{index + 1},," for index, case in enumerate(CASES)]
    _, problems = inspect_outcomes(make_cohort(tmp_path, rows, SURVIVAL), "bcr")
    assert [problem.got for problem in problems] == ["too few: 9 events in 24 cases"]


def test_ten_rows_of_a_binary_endpoint_are_refused_with_their_counts(tmp_path: Path) -> None:
    rows = [f"{case},bcr,{int(index < 1)},,," for index, case in enumerate(CASES[:10])]
    binary = {"kind": "binary", "definition": "death", "horizon_days": 365.25}
    (problem,) = inspect_outcomes(make_cohort(tmp_path, rows, binary), "bcr")[1]
    assert problem.expected == "at least 10 cases of each class"
    assert problem.got == "too few: 9 no, 1 yes in 10 cases"
    assert problem.fails


def two_endpoints(folder: Path, first: list[str], second: list[str]) -> Cohort:
    declared = {"bcr": SURVIVAL, "death": {"kind": "binary", "definition": "death"}}
    cohort = make_cohort(folder, [*first, *second], SURVIVAL)
    return replace(cohort, card=CohortCard.model_validate(cohort.card.model_dump() | {"endpoints": declared}))


def test_a_further_endpoint_stands_beside_in_training_and_never_in_a_test_part(tmp_path: Path) -> None:
    second = [f"{case},death,{index % 2},,," for index, case in enumerate(CASES[:20]) if index != 1]
    cohort = two_endpoints(tmp_path, GOOD, second)
    door, problems = inspect_outcomes(cohort, "bcr", ("death",))
    assert problems == []
    beside = door.training(["0003", "0001", "0023", "0002"]).beside["death"]
    assert beside.known.tolist() == [True, False, False, True]
    assert beside.outcome.label[beside.known].tolist() == [1, 0]
    sealed = tmp_path / "arm.csv"
    sealed.write_text("said before")
    assert door.evaluation(["0003"], {sealed: sha256_of_file(sealed)}).beside == {}
    assert door.case_ids == CASES


def test_a_further_endpoint_has_no_faulty_row_and_another_name(tmp_path: Path) -> None:
    cohort = two_endpoints(tmp_path, GOOD, ["0001,death,maybe,,,"])
    assert [problem.where for problem in inspect_outcomes(cohort, "bcr", ("death",))[1]] == [
        "outcomes.csv: case 0001, endpoint death"
    ]
    for name in ("bcr", "relapse"):
        with pytest.raises(OutcomeError, match="also: expected endpoints beside bcr, among: death"):
            inspect_outcomes(cohort, "bcr", (name,))


def test_outcomes_before_the_prediction_are_left_out(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, GOOD, SURVIVAL | {"time_unit": "days"}, prediction_day=3)
    door = open_outcomes(cohort, "bcr")
    assert door.too_early == ("0000", "0001", "0002")
    assert len(door.case_ids) == len(CASES) - 3


def test_a_test_part_opens_only_against_the_seal(tmp_path: Path) -> None:
    door = open_outcomes(make_cohort(tmp_path, GOOD, SURVIVAL), "bcr")
    with pytest.raises(OutcomeError, match="got none"):
        door.evaluation(["0000"], {})
    path = tmp_path / "arm.csv"
    with pytest.raises(OutcomeError, match="no such file"):
        door.evaluation(["0000"], {path: "0" * 64})
    path.write_text("said before\n")
    sealed = {path: sha256_of_file(path)}
    assert door.evaluation(["0002", "0000"], sealed).time_days.tolist() == [3 * 30.4375, 30.4375]
    path.write_text("said after\n")
    with pytest.raises(OutcomeError, match=r"arm\.csv: expected the sealed file"):
        door.evaluation(["0000"], sealed)


def test_strata_follow_case_ids(tmp_path: Path) -> None:
    door = open_outcomes(make_cohort(tmp_path, GOOD[::-1], SURVIVAL), "bcr")
    assert door.case_ids == CASES
    assert np.all(np.diff(door.strata().time_days) > 0)


def test_the_endpoint_is_named_or_the_first_with_a_time(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, GOOD, {"kind": "binary", "definition": ""})
    card = cohort.card.model_copy(
        update={
            "endpoints": {
                "death": cohort.card.endpoints["bcr"],
                "bcr": cohort.card.endpoints["bcr"].model_copy(update={"kind": "survival"}),
            }
        }
    )
    assert choose_endpoint(card, None) == "bcr"
    assert choose_endpoint(card, "death") == "death"
    with pytest.raises(OutcomeError, match="one of death, bcr; got relapse"):
        choose_endpoint(card, "relapse")
