"""How problems are printed: each with its remedy, and a wrong column as one thing to mend."""

from __future__ import annotations

from dataclasses import replace

from feature_cache.command_line import count_problems, problem_lines
from feature_cache.errors import Problem

ONE = Problem(
    level="error",
    where="cases.csv line 2: entry_day",
    expected="a number",
    got="a text",
    remedy="Mend the cell.",
)


def of_line(number: int) -> Problem:
    return replace(ONE, where=f"cases.csv line {number}: entry_day")


def test_each_problem_has_its_place_and_its_remedy() -> None:
    other = replace(ONE, level="warning", where="notes.csv: case 7", got="nothing")
    assert problem_lines([ONE, other]) == (
        "ERROR   cases.csv line 2: entry_day: expected a number; got a text.\n        Mend the cell.\n"
        "WARNING notes.csv: case 7: expected a number; got nothing.\n        Mend the cell.\n"
    )


def test_a_column_that_is_wrong_in_every_row_is_told_three_times_and_counted() -> None:
    problems = [of_line(number) for number in range(2, 60)]
    elsewhere = replace(ONE, where="slides.csv line 2: entry_day")
    said = problem_lines([*problems[:30], elsewhere, *problems[30:]])
    assert said.count("ERROR") == 4 and "slides.csv line 2" in said
    assert "(and 55 more like these, the last cases.csv line 59: entry_day)" in said
    assert count_problems(problems) == "58 to mend, 0 warning(s)"
    assert problem_lines(problems[:3]).count("ERROR") == 3 and "more like" not in problem_lines(problems[:3])
