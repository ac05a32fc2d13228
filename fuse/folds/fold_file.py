"""Folds that were made elsewhere: a cohort's folds.csv, a protocol's file, or that of a run that is repeated.

Enters: a table (repeat, fold, case_id, part) with `inner` where it is a run's own, or split files (see
`split_files.py`). Leaves: `Folds`, after every way in which such a file goes wrong was refused: a case that
is split or tested twice, an unknown case, an absent one, a part to learn or test nothing on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from feature_cache.csv_lines import as_given
from feature_cache.errors import OutcomeError, Problem, table_error
from feature_cache.tables import read_table
from fuse.folds.folds import COLUMNS, Fold, FoldPlan, Folds, Strata, count_events, make_inner
from fuse.folds.split_files import is_split_file, read_splits
from fuse.outcomes.outcomes import Outcome

FoldKey = tuple[int, int]
Rows = Int[np.ndarray, " case"]


@dataclass(frozen=True)
class _Place:
    """Where a case stands in one fold: its part, and the text of its inner fold (may be blank)."""

    part: str
    inner: str


def read_folds(path: Path, cases: Sequence[str], strata: Strata, plan: FoldPlan) -> Folds:
    """Read a fold file: every case in train or test of each fold, in one test part a repeat.

    Parameters
    ----------
    path
        The table, a split file, or a folder of split files. Rows of cases that are not in `cases` (no outcome
        for this endpoint) are passed over.
    cases
        The cases that are evaluated, in order.
    strata, plan
        What inner folds are made from where the file has none.

    Raises
    ------
    OutcomeError
        The file splits a case, tests one twice in a repeat, or lacks one; a part is empty, or a train part
        has no event, or inner folds for some of its cases only.
    """
    row_of = {case: row for row, case in enumerate(cases)}
    folds = []
    for key, places in sorted(_read_places(path).items()):
        _refuse_absent(path, key, places, cases)
        place_of = {row_of[case]: place for case, place in places.items() if case in row_of}
        train, test = _rows(place_of, "train"), _rows(place_of, "test")
        _refuse_useless(f"{path.name}: repeat {key[0]}, fold {key[1]}", train, test, strata.outcome)
        inner = _inner(f"{path.name}: repeat {key[0]}, fold {key[1]}", [place_of[row].inner for row in train])
        if inner is None:
            inner = make_inner(strata, train, plan, key)
        folds.append(Fold(repeat=key[0], fold=key[1], train=train, test=test, inner=inner))
    _refuse_repeated_tests(path, folds, cases)
    return Folds(case_ids=tuple(cases), folds=tuple(folds), source="file")


def unknown_cases(path: Path, cohort_cases: Collection[str]) -> list[Problem]:
    """Return an error row for every case of a cohort's own fold file that the cohort does not have."""
    _, rows = read_table(path, [])
    ids = {row["case_id"] for row in rows if "case_id" in row}
    return [
        table_error(f"{path.name}: case {case}", "a case of cases.csv", "an unknown case", "Mend the id.")
        for case in sorted(ids - set(cohort_cases))
    ]


def outside_cases(path: Path, cohort_cases: Collection[str]) -> list[str]:
    """Return the cases of a protocol's fold file that the cohort does not have, sorted."""
    named = {case for places in _read_places(path).values() for case in places}
    return sorted(named - set(cohort_cases))


def _rows(place_of: dict[int, _Place], part: str) -> Rows:
    return np.array(sorted(row for row, place in place_of.items() if place.part == part), dtype=np.int64)


def _inner(where: str, texts: Sequence[str]) -> Rows | None:
    """Return the inner folds that a file gives a train part, None where it leaves them all blank."""
    if not any(texts):
        return None
    if not all(text.isdecimal() for text in texts) or len(set(texts)) < 2:
        blank = texts.count("")
        raise OutcomeError(
            f"{where}: inner",
            expected="two inner folds or more, such as 0 and 1, a number for every case of train",
            got=f"none for {blank} of {len(texts)} cases" if blank else "one fold, or another text",
            remedy="Fill the column in, or take it out of the file to have inner folds made.",
        )
    return np.array([int(text) for text in texts], dtype=np.int64)


def _read_places(path: Path) -> dict[FoldKey, dict[str, _Place]]:
    """Return (repeat, fold) -> case -> its place, each case once a fold."""
    if is_split_file(path):
        parts = read_splits(path).items()
        return {key: {case: _Place(part, "") for case, part in of_fold.items()} for key, of_fold in parts}
    table: dict[FoldKey, dict[str, _Place]] = defaultdict(dict)
    for row in _read_lines(path):
        # a run writes inner folds, and marks ids that a spreadsheet would run as a formula
        case, part = as_given(row["case_id"]) if "inner" in row else row["case_id"], row["part"]
        where = f"{path.name}: case {case}"
        if part not in ("train", "test"):
            raise OutcomeError(
                where,
                expected="part train or test",
                got="another part",
                remedy="Write train for it: what is chosen is chosen on inner folds of the train part.",
            )
        if not (row["repeat"].isdecimal() and row["fold"].isdecimal()):
            raise OutcomeError(
                where,
                expected="whole numbers of at least 0 for repeat and fold, such as 1",
                got="another text, such as 1.0 or -1",
                remedy="Number them 1, 2, 3.",
            )
        key = int(row["repeat"]), int(row["fold"])
        before = table[key].get(case)
        if before is not None:
            raise _twice(where, key, splits=before.part != part)
        table[key][case] = _Place(part, row.get("inner", ""))
    return table


def _read_lines(path: Path) -> list[dict[str, str]]:
    problems: list[Problem] = []
    columns, rows = read_table(path, problems)
    for problem in problems:
        raise OutcomeError(problem.where, expected=problem.expected, got=problem.got, remedy=problem.remedy)
    lacking = [name for name in COLUMNS[:4] if name not in columns]
    if lacking or not rows:
        raise OutcomeError(
            path.name,
            expected="columns repeat, fold, case_id, part, and rows",
            got=f"no column {', '.join(lacking)}" if lacking else "no row",
            remedy="Write all four, or take the file away to have folds made.",
        )
    return rows


def _twice(where: str, key: FoldKey, *, splits: bool) -> OutcomeError:
    what = "splits this case: it is in train and in test" if splits else "has it twice"
    named = "case-in-two-parts: " if splits else ""  # as the lint names what leaks
    return OutcomeError(
        where,
        expected="each case once in a fold, in train or in test",
        got=f"{named}repeat {key[0]}, fold {key[1]} {what}",
        remedy="Give all slides and notes of a case one part.",
    )


def _refuse_absent(path: Path, key: FoldKey, places: Collection[str], cases: Sequence[str]) -> None:
    lacking = [case for case in cases if case not in places]
    if lacking:
        raise OutcomeError(
            f"{path.name}: repeat {key[0]}, fold {key[1]}",
            expected="every case with an outcome",
            got=f"no row for {len(lacking)} of them, the first is case {lacking[0]}",
            remedy="Add them to train or test.",
        )


def _refuse_useless(where: str, train: Rows, test: Rows, outcome: Outcome) -> None:
    """Refuse a fold with an empty part, and a train part in which nothing ever happens."""
    events = count_events(outcome.take(train))
    if not len(train) or not len(test) or not events:
        raise OutcomeError(
            where,
            expected="cases in train and in test, and an event in train",
            got=f"{len(train)} cases in train with {events} events, {len(test)} cases in test",
            remedy="Give every fold both parts, or take the file away to have folds made.",
        )


def _refuse_repeated_tests(path: Path, folds: Sequence[Fold], cases: Sequence[str]) -> None:
    """Refuse a case that is tested twice in a repeat, or never in a repeat of several folds."""
    for repeat in sorted({fold.repeat for fold in folds}):
        tests = [fold.test for fold in folds if fold.repeat == repeat]
        counts = np.bincount(np.concatenate(tests), minlength=len(cases))
        wrong = np.flatnonzero((counts > 1) | ((counts == 0) & (len(tests) > 1)))
        if len(wrong):
            first = int(wrong[0])
            raise OutcomeError(
                f"{path.name}: repeat {repeat}, case {cases[first]}",
                expected="each case in the test part of one fold of a repeat",
                got=f"the test parts of {counts[first]} folds",
                remedy="Mend its rows: every case is tested once a repeat.",
            )
