"""What each kind of endpoint makes of its rows, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_cache.errors import Problem
from fuse.outcomes.endpoint import OutcomeDoor, inspect_outcomes
from fuse.outcomes.outcomes import Classes, Competing, Outcome
from tests.fuse.outcomes.test_endpoint import CASES, make_cohort

TIME = {"definition": "x", "time_unit": "days", "horizon_days": 10.0}
COMPETING = {"kind": "competing", **TIME}
CLASSES = {"kind": "multiclass", "definition": "x", "classes": ["low", "middle", "high"]}


def read(folder: Path, rows: list[str], endpoint: dict[str, object]) -> tuple[OutcomeDoor, list[Problem]]:
    return inspect_outcomes(make_cohort(folder, rows, endpoint), "bcr")


def first_of(door: OutcomeDoor, case: str = "0000") -> Outcome:
    return door.training([case])


def competing_rows(first: str) -> list[str]:
    return [first, *(f"{case},bcr,,{i + 1},{i % 3}," for i, case in enumerate(CASES) if i)]


@pytest.mark.parametrize(
    ("row", "cause", "event"),
    [
        ("0000,bcr,,5,1,", 1, True),
        ("0000,bcr,1,5,2,", 2, False),
        ("0000,bcr,,5,0,", 0, False),
        ("0000,bcr,0,5,,", 0, False),
        ("0000,bcr,,5,None,", 0, False),
    ],
)
def test_a_cause_and_its_time(tmp_path: Path, row: str, cause: int, event: bool) -> None:
    outcome = first_of(read(tmp_path, competing_rows(row), COMPETING)[0])
    assert isinstance(outcome, Competing)
    assert outcome.causes == ("1", "2")
    assert (outcome.cause.tolist(), outcome.event.tolist()) == ([cause], [event])


def test_the_card_names_the_cause_of_interest(tmp_path: Path) -> None:
    door, _ = read(tmp_path, competing_rows("0000,bcr,,5,2,"), COMPETING | {"cause": "2"})
    outcome = door.strata()
    assert isinstance(outcome, Competing)
    assert outcome.causes == ("2", "1")
    assert outcome.n_events == (outcome.cause == 1).sum() == 9
    assert door.counts() == "9 events of cause 2, 8 of other causes"


@pytest.mark.parametrize(
    ("row", "got"),
    [
        ("0000,bcr,,5,,", "a time and no cause"),
        ("0000,bcr,1,5,,", "an event without cause"),
        ("0000,bcr,0,5,1,", "an event that does not go with its cause"),
        ("0000,bcr,1,5,0,", "an event that does not go with its cause"),
        ("0000,bcr,,,1,", "an event without time"),
        ("0000,bcr,,-5,1,", "a negative time (-5)"),
    ],
)
def test_faults_of_causes(tmp_path: Path, row: str, got: str) -> None:
    problems = read(tmp_path, competing_rows(row), COMPETING)[1]
    assert problems[0].got == got
    assert problems[0].where == "outcomes.csv: case 0000, endpoint bcr"


def test_too_few_of_the_cause_of_interest(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, competing_rows("0000,bcr,,5,0,"), COMPETING)[1]
    assert problem.got == "too few: 8 events of cause 1 in 24 cases"


@pytest.mark.parametrize(
    ("row", "label"),
    [("0000,bcr,1,,,", 1), ("0000,bcr,,,,no", 0), ("0000,bcr,0,,,0", 0), ("0000,bcr,yes,,,TRUE", 1)],
)
def test_yes_or_no_in_value_or_event(tmp_path: Path, row: str, label: int) -> None:
    rows = [row, *(f"{case},bcr,{i % 2},,," for i, case in enumerate(CASES) if i)]
    door, problems = read(tmp_path, rows, {"kind": "binary", "definition": "x"})
    outcome = first_of(door)
    assert isinstance(outcome, Classes)
    assert (outcome.label.tolist(), outcome.names, problems) == ([label], ("no", "yes"), [])
    assert door.horizon_days() is None


@pytest.mark.parametrize(
    ("row", "got"),
    [("0000,bcr,2,,,", "another text"), ("0000,bcr,1,,,0", "a value and an event that differ")],
)
def test_faults_of_yes_and_no(tmp_path: Path, row: str, got: str) -> None:
    rows = [row, *(f"{case},bcr,{i % 2},,," for i, case in enumerate(CASES) if i)]
    assert read(tmp_path, rows, {"kind": "binary", "definition": "x"})[1][0].got == got


def test_one_of_the_classes_of_the_card(tmp_path: Path) -> None:
    rows = [f"{case},bcr,,,,{CLASSES['classes'][i % 3]}" for i, case in enumerate(CASES[1:])]
    door, problems = read(tmp_path, [*rows, "0000,bcr,,,,lower"], CLASSES)
    assert door.without == ("0000",)
    assert first_of(door, "0003").label.tolist() == [2]
    assert [problem.got for problem in problems] == [
        "another text",
        "too few: 8 low, 8 middle, 7 high in 23 cases",
    ]
    assert "low, middle, high" in problems[0].expected


def test_classes_that_the_card_does_not_list(tmp_path: Path) -> None:
    endpoint = {"kind": "multiclass", "definition": "x"}
    (problem,) = read(tmp_path, [], endpoint)[1]
    assert problem.where == "cohort.yaml: endpoints.bcr.classes"


def test_a_time_that_everybody_comes_to(tmp_path: Path) -> None:
    rows = [f"{case},bcr,{'0' if i < 4 else ''},{i + 1},," for i, case in enumerate(CASES)]
    door, problems = read(tmp_path, rows, {"kind": "time", **TIME})
    assert problems == []
    assert door.strata().event.tolist() == [False] * 4 + [True] * 20
    assert door.has_times
