"""Split files as neighbours publish them: one file a fold, with a column of case ids for each part.

Enters: `splits_<k>.csv` with columns `train` and `test` or `val` (PORPOISE, MCAT, CLAM), or a folder of such
files. Leaves: (repeat, fold) -> case -> train or test. Where a file has both `val` and `test`, what is chosen
is chosen on inner folds here: `val` joins the train part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from feature_cache.errors import OutcomeError, Problem
from feature_cache.tables import read_table

#: The number of a fold in the name of its file.
_NUMBERED = re.compile(r"splits_(\d+)\.csv")

Parts = dict[str, str]


def is_split_file(path: Path) -> bool:
    """Return whether a path is a folder, or a table with a column `train`."""
    return path.is_dir() or "train" in read_table(path, [])[0]


def read_splits(path: Path) -> dict[tuple[int, int], Parts]:
    """Read a split file, or all `splits_<k>.csv` of a folder.

    Returns
    -------
    dict
        (repeat, fold) -> case -> part. Test parts that no two files share are the folds `k` of one repeat;
        where a case is tested by several files (drawn anew each time), each file is a repeat of one fold.

    Raises
    ------
    OutcomeError
        There is no such file, or one lacks a part or has a case twice.
    """
    files = _files(path)
    parts = {number: _read_parts(file) for number, file in files.items()}
    tested = Counter(case for of_file in parts.values() for case in of_file if of_file[case] == "test")
    if max(tested.values(), default=0) > 1:
        return {(number, 1): of_file for number, of_file in parts.items()}
    return {(1, number): of_file for number, of_file in parts.items()}


def _files(path: Path) -> Mapping[int, Path]:
    if path.is_file():
        return {1: path}
    numbered = {int(found[1]): file for file in path.iterdir() if (found := _NUMBERED.fullmatch(file.name))}
    if not numbered:
        raise OutcomeError(
            path.name,
            expected="files splits_0.csv, splits_1.csv, …",
            got="a folder without any",
            remedy="Name the folder that holds them, or one file.",
        )
    return dict(sorted(numbered.items()))


def _read_parts(path: Path) -> Parts:
    problems: list[Problem] = []
    columns, rows = read_table(path, problems)
    for problem in problems:
        raise OutcomeError(problem.where, expected=problem.expected, got=problem.got, remedy=problem.remedy)
    tested = "test" if "test" in columns else "val"
    if "train" not in columns or tested not in columns:
        raise OutcomeError(
            path.name,
            expected="columns train, and test or val, of case ids",
            got=f"columns {', '.join(name for name in columns if name) or 'none'}",
            remedy="Write one column of case ids for each part.",
        )
    parts: Parts = {}
    for name in ("train", "val", "test"):
        for case in (row[name] for row in rows if row.get(name)):
            part = "test" if name == tested else "train"
            if case in parts:
                raise OutcomeError(
                    f"{path.name}: case {case}",
                    expected="each case once in a file, in train or in test",
                    got="it twice" if parts[case] == part else "case-in-two-parts: it in train and in test",
                    remedy="Give all slides and notes of a case one part.",
                )
            parts[case] = part
    return parts
