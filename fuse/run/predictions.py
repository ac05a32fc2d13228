"""Prediction files: written and sealed before a test outcome is opened, then only read.

Enters: what every arm said in every fold. Leaves: one CSV an arm (repeat, fold, case_id, risk,
event_free_<day>…), rows sorted, numbers as the shortest text that gives back the same bits; and the seal,
the sha256 of each file. What is evaluated is what is read back from the sealed file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fuse.cases import FoldPrediction
from fuse.files import file_stem
from fuse.run.fold_table import Columns, FoldRows, read_fold_table, write_fold_table

_PREFIX = "event_free_"
_RISK = "risk"


def prediction_file(arm: str) -> str:
    """Return the file of an arm below the RUN folder; the arm's name can be told from it."""
    return f"predictions/{file_stem(arm)}.csv"


def write_predictions(path: Path, folds: Sequence[FoldPrediction]) -> str:
    """Write one arm's predictions and return their seal, the sha256 (hex) of the file."""
    columns = [_RISK, *(f"{_PREFIX}{day:.10g}" for day in folds[0].times_days)]
    rows = [
        FoldRows(
            repeat=fold.repeat,
            fold=fold.fold,
            case_ids=fold.case_ids,
            numbers=np.column_stack([fold.risk, fold.event_free]).astype(np.float64),
        )
        for fold in folds
    ]
    return write_fold_table(path, columns, rows)


def read_predictions(path: Path) -> list[FoldPrediction]:
    """Read one arm's predictions, one `FoldPrediction` a fold, rows as in the file.

    Raises
    ------
    OutcomeError
        The file is not of this form.
    """
    names, folds = read_fold_table(path, Columns(fit=_are_of_times, words=f"{_RISK}, {_PREFIX}<day>…"))
    days = np.array([float(name.removeprefix(_PREFIX)) for name in names[1:]])
    return [
        FoldPrediction(
            repeat=fold.repeat,
            fold=fold.fold,
            case_ids=fold.case_ids,
            risk=fold.numbers[:, 0],
            times_days=days,
            event_free=fold.numbers[:, 1:],
        )
        for fold in folds
    ]


def _are_of_times(names: Sequence[str]) -> bool:
    return names[:1] == [_RISK] and all(name.startswith(_PREFIX) for name in names[1:])
