"""The mistakes that people make in the labels of a cohort, each with what a refusal owes them.

Enters: sound labels, a case, a source of chance. Leaves: labels with one mistake, and the text that must
stand in a refusal: the case where a case is wrong, else the line, the column or the file.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Row = list[str]
Make = Callable[[Any, str, random.Random], str]


@dataclass(frozen=True)
class Mistake:
    """A mistake: which verb has to find it, and how it is made. `make` returns what the refusal owes."""

    name: str
    verb: Literal["extract", "fuse"]
    make: Make


def _cell(table: str, column: str, value: str, owed: str = "case {case}") -> Make:
    """Write a value into a case's cell."""

    def make(labels: Any, case: str, generator: random.Random) -> str:
        del generator
        rows = labels.tables[table]
        at = rows[0].index(column)
        for row in rows[1:]:
            if case in row:
                row[at] = value
                break
        return owed.format(case=case)

    return make


def _row(table: str, row: Row, owed: str = "case {case}") -> Make:
    """Add a row; `{case}` in a cell is the case."""

    def make(labels: Any, case: str, generator: random.Random) -> str:
        rows = labels.tables[table]
        at = generator.randint(1, len(rows))
        rows.insert(at, [cell.format(case=case) for cell in row])
        return owed.format(case=case, line=at + 1)

    return make


def _header(table: str, old: str, new: str, owed: str) -> Make:
    def make(labels: Any, case: str, generator: random.Random) -> str:
        del case, generator
        rows = labels.tables[table]
        rows[0][rows[0].index(old)] = new
        return owed

    return make


def _bytes(table: str, change: Callable[[bytes], bytes]) -> Make:
    def make(labels: Any, case: str, generator: random.Random) -> str:
        del case, generator
        text = "".join(",".join(row) + "\n" for row in labels.tables[table])
        labels.raw[table] = change(text.encode())
        return f"{table}.csv"

    return make


def _cut_row(table: str) -> Make:
    def make(labels: Any, case: str, generator: random.Random) -> str:
        del case
        rows = labels.tables[table]
        at = generator.randint(1, len(rows) - 1)
        rows[at] = rows[at][:-1]
        return f"{table}.csv line {at + 1}"

    return make


def _card(keys: tuple[str, ...], value: object, owed: str) -> Make:
    def make(labels: Any, case: str, generator: random.Random) -> str:
        del case, generator
        part = labels.card
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value
        return owed

    return make


def _all(table: str, column: str, value: str, owed: str) -> Make:
    def make(labels: Any, case: str, generator: random.Random) -> str:
        del case, generator
        rows = labels.tables[table]
        for row in rows[1:]:
            row[rows[0].index(column)] = value
        return owed

    return make


def _folds(change: Callable[[list[Row], str], list[Row]], owed: str = "case {case}") -> Make:
    """Change the rows of folds.csv: repeat, fold, case, part."""

    def make(labels: Any, case: str, generator: random.Random) -> str:
        del generator
        header, *rows = labels.tables["folds"]
        labels.tables["folds"] = [header, *change(rows, case)]
        return owed.format(case=case)

    return make


def _tested_twice(rows: list[Row], case: str) -> list[Row]:
    return [[*row[:3], "test"] if row[0] == "0" and row[2] == case else row for row in rows]


def _never_tested(rows: list[Row], case: str) -> list[Row]:
    return [[*row[:3], "train"] if row[0] == "1" and row[2] == case else row for row in rows]


def _in_both(rows: list[Row], case: str) -> list[Row]:
    return [*rows, ["0", "0", case, "train"], ["0", "0", case, "test"]]


def _empty_part(part: str) -> Callable[[list[Row], str], list[Row]]:
    def change(rows: list[Row], case: str) -> list[Row]:
        del case
        return [[*row[:3], part] if row[:2] == ["0", "0"] else row for row in rows]

    return change


def _without(rows: list[Row], case: str) -> list[Row]:
    return [row for row in rows if row[:3] != ["0", "1", case]]


OUTCOMES = tuple(
    Mistake(f"outcome {column} {value!r}", "fuse", _cell("outcomes", column, value))
    for column, values in (
        ("time", ("-3", "0", "nan", "inf", "long ago", "", "12.5 months", "1e999")),
        ("event", ("2", "-1", "maybe", "0.5", "", "death")),
    )
    for value in values
)
MISTAKES: tuple[Mistake, ...] = (
    *OUTCOMES,
    Mistake("case in train and test", "fuse", _folds(_in_both)),
    Mistake("case tested twice", "fuse", _folds(_tested_twice)),
    Mistake("case never tested", "fuse", _folds(_never_tested)),
    Mistake("case missing from a fold", "fuse", _folds(_without)),
    Mistake(
        "case twice in train", "fuse", _folds(lambda rows, case: rows + [r for r in rows if r[2] == case][:1])
    ),
    Mistake("unknown case in folds", "fuse", _row("folds", ["0", "0", "x{case}", "train"], "case x{case}")),
    Mistake("another part", "fuse", _cell("folds", "part", "val")),
    Mistake("repeat that is no number", "fuse", _cell("folds", "repeat", "1.0")),
    Mistake("fold that is negative", "fuse", _cell("folds", "fold", "-1")),
    Mistake("empty test part", "fuse", _folds(_empty_part("train"), "repeat 0, fold 0")),
    Mistake("empty train part", "fuse", _folds(_empty_part("test"), "repeat 0, fold 0")),
    Mistake("no part column", "fuse", _header("folds", "part", "Part", "folds.csv")),
    Mistake("short line of folds", "fuse", _cut_row("folds")),
    Mistake("folds without rows", "fuse", _folds(lambda rows, case: [], "folds.csv")),
    Mistake("second outcome", "fuse", _row("outcomes", ["{case}", "bcr", "1", "5", "", ""])),
    Mistake(
        "outcome of nobody", "fuse", _row("outcomes", ["x{case}", "bcr", "1", "5", "", ""], "case x{case}")
    ),
    Mistake("id with a space", "fuse", _cell("outcomes", "case_id", "{} ".format("0001"), "case 0001 ")),
    Mistake("id without its zeros", "fuse", _cell("outcomes", "case_id", "7", "case 7")),
    Mistake("comma in a time", "fuse", _cell("outcomes", "time", "12,5", "outcomes.csv line")),
    Mistake("short line of outcomes", "fuse", _cut_row("outcomes")),
    Mistake("no event column", "fuse", _header("outcomes", "event", "Event", "outcomes.csv")),
    Mistake("column twice", "fuse", _header("outcomes", "cause", "time", "outcomes.csv: time")),
    Mistake("endpoint misspelt", "fuse", _all("outcomes", "endpoint", "BCR", "endpoint bcr")),
    Mistake("no event at all", "fuse", _all("outcomes", "event", "0", "endpoint bcr")),
    Mistake("outcomes in UTF-16", "fuse", _bytes("outcomes", lambda raw: raw.decode().encode("utf-16"))),
    Mistake("NUL in outcomes", "fuse", _bytes("outcomes", lambda raw: raw.replace(b"bcr", b"bc\0", 1))),
    Mistake("kind that is none", "fuse", _card(("endpoints", "bcr", "kind"), "hazard", "endpoints.bcr.kind")),
    Mistake("unit that is none", "fuse", _card(("endpoints", "bcr", "time_unit"), "weeks", "time_unit")),
    Mistake("no unit", "fuse", _card(("endpoints", "bcr", "time_unit"), None, "time_unit")),
    Mistake(
        "horizon that is none", "fuse", _card(("endpoints", "bcr", "horizon_days"), float("nan"), "horizon")
    ),
    Mistake("case twice", "extract", _row("cases", ["{case}", "A"])),
    Mistake("case without id", "extract", _row("cases", ["", "A"], "cases.csv")),
    Mistake("case twice for stage 2", "fuse", _row("cases", ["{case}", "A"])),
    Mistake("column that is none", "extract", _header("cases", "site", "hospital", "cases.csv: hospital")),
    Mistake("short line of cases", "extract", _cut_row("cases")),
    Mistake("second row of values", "extract", _row("clinical", ["{case}", "5", "60"])),
    Mistake("values of nobody", "extract", _row("clinical", ["x{case}", "5", "60"], "case x{case}")),
    Mistake("value that is a text", "extract", _cell("clinical", "psa", "high")),
    Mistake("value out of its limits", "extract", _cell("clinical", "age", "630")),
    Mistake("negative value", "extract", _cell("clinical", "psa", "-4")),
    Mistake("outcome among the values", "extract", _header("clinical", "age", "psa_after", "psa_after")),
    Mistake("undeclared column", "extract", _header("clinical", "age", "height", "clinical.csv: height")),
    Mistake(
        "clinical in Latin-1", "extract", _bytes("clinical", lambda raw: raw.replace(b"60", b"6\xe4", 1))
    ),
    Mistake("late measurement", "extract", _cell("measurements", "day", "12")),
    Mistake(
        "day that is no number", "extract", _cell("measurements", "day", "later", "measurements.csv line")
    ),
    Mistake("unknown variable", "extract", _cell("measurements", "variable", "weight", "weight")),
    Mistake("another unit", "extract", _cell("measurements", "unit", "mg/dL")),
    Mistake(
        "variable that is the endpoint",
        "extract",
        _card(("variables", "bcr"), {"kind": "binary"}, "variables.bcr"),
    ),
    Mistake("variable that is excluded", "extract", _card(("excluded", "psa"), "why", "variables.psa")),
    Mistake("prediction day as text", "extract", _card(("prediction_day",), "soon", "prediction_day")),
)
