"""Prediction files: written and sealed before a test outcome is opened, then only read.

Enters: what every arm said in every fold. Leaves: one CSV an arm (repeat, fold, case_id, risk,
event_free_<day>…), rows sorted, numbers as the shortest text that gives back the same bits; and the seal,
the sha256 of each file. What is evaluated is what is read back from the sealed file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from feature_cache.canonical import sha256_of_file
from feature_cache.errors import OutcomeError
from fuse.cases import FoldPrediction
from fuse.files import csv_text, file_stem, read_csv, write_text

_PREFIX = "event_free_"
_KEY = ("repeat", "fold", "case_id", "risk")


def prediction_file(arm: str) -> str:
    """Return the file of an arm below the RUN folder; the arm's name can be told from it."""
    return f"predictions/{file_stem(arm)}.csv"


def write_predictions(path: Path, folds: Sequence[FoldPrediction]) -> str:
    """Write one arm's predictions and return their seal, the sha256 (hex) of the file."""
    columns = [*_KEY, *(f"{_PREFIX}{day:.10g}" for day in folds[0].times_days)]
    rows: list[tuple[int | str | float, ...]] = [
        (fold.repeat, fold.fold, case, float(risk), *curve.tolist())
        for fold in folds
        for case, risk, curve in zip(fold.case_ids, fold.risk, fold.event_free, strict=True)
    ]
    write_text(path, csv_text(columns, sorted(rows)))
    return sha256_of_file(path)


def read_predictions(path: Path) -> list[FoldPrediction]:
    """Read one arm's predictions, one `FoldPrediction` a fold, rows as in the file.

    Raises
    ------
    OutcomeError
        The file is not of this form.
    """
    header, rows = read_csv(path)
    if tuple(header[:4]) != _KEY or not all(name.startswith(_PREFIX) for name in header[4:]):
        raise OutcomeError(
            f"predictions/{path.name}",
            expected=f"columns {', '.join(_KEY)}, {_PREFIX}<day>…",
            got=f"{len(header)} other columns",
            remedy="Run the benchmark again.",
        )
    of_fold: dict[tuple[int, int], list[list[str]]] = defaultdict(list)
    for row in rows:
        of_fold[int(row["repeat"]), int(row["fold"])].append(list(row.values()))
    days = np.array([float(name.removeprefix(_PREFIX)) for name in header[4:]])
    return [_fold(key, rows, days) for key, rows in sorted(of_fold.items())]


def _fold(key: tuple[int, int], rows: list[list[str]], days: Float[np.ndarray, " time"]) -> FoldPrediction:
    return FoldPrediction(
        repeat=key[0],
        fold=key[1],
        case_ids=tuple(row[2] for row in rows),
        risk=np.array([float(row[3]) for row in rows]),
        times_days=days,
        event_free=np.array([[float(cell) for cell in row[4:]] for row in rows]).reshape(
            len(rows), len(days)
        ),
    )
