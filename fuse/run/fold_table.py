"""The table behind every prediction file: a row for each case of each fold, and the seal of its bytes.

Enters: numbers of each fold's cases, under named columns. Leaves: one CSV (repeat, fold, case_id, numbers…),
rows sorted, numbers as the shortest text that gives back the same bits; or the folds, read back from it.
What the columns mean is known to `predictions.py` (times) and `class_prediction.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from feature_cache.canonical import sha256_of_file
from feature_cache.errors import OutcomeError
from fuse.files import csv_text, read_csv, write_text

KEY = ("repeat", "fold", "case_id")


@dataclass(frozen=True, kw_only=True)
class FoldRows:
    """The numbers of one fold: `numbers` (case, column), rows as `case_ids`."""

    repeat: int
    fold: int
    case_ids: tuple[str, ...]
    numbers: Float[np.ndarray, "case column"]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What a table must look like: `fit` says whether its columns (those after the key) are right.

    `words` names them where they are not.
    """

    fit: Callable[[Sequence[str]], bool]
    words: str


def write_fold_table(path: Path, columns: Sequence[str], folds: Iterable[FoldRows]) -> str:
    """Write all folds and return the seal of the file, its sha256 (hex)."""
    rows: list[tuple[int | str | float, ...]] = [
        (fold.repeat, fold.fold, case, *numbers.tolist())
        for fold in folds
        for case, numbers in zip(fold.case_ids, fold.numbers, strict=True)
    ]
    write_text(path, csv_text([*KEY, *columns], sorted(rows)))
    return sha256_of_file(path)


def read_fold_table(path: Path, columns: Columns) -> tuple[list[str], list[FoldRows]]:
    """Read what `write_fold_table` wrote: the columns after the key, and the folds, rows as in the file.

    Raises
    ------
    OutcomeError
        The file has other columns.
    """
    header, rows = read_csv(path)
    names = header[len(KEY) :]
    if tuple(header[: len(KEY)]) != KEY or not columns.fit(names):
        raise OutcomeError(
            f"predictions/{path.name}",
            expected=f"columns {', '.join(KEY)}, {columns.words}",
            got=f"{len(header)} other columns",
            remedy="Run the benchmark again.",
        )
    of_fold: dict[tuple[int, int], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        of_fold[int(row["repeat"]), int(row["fold"])].append(row)
    return names, [
        FoldRows(
            repeat=repeat,
            fold=fold,
            case_ids=tuple(row["case_id"] for row in own),
            numbers=np.array([[float(row[name]) for name in names] for row in own]).reshape(len(own), -1),
        )
        for (repeat, fold), own in sorted(of_fold.items())
    ]
