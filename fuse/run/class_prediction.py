"""What an arm says of classes, in memory and in its prediction file.

Enters: scores and probabilities of the test part of each fold. Leaves: one CSV an arm (repeat, fold, case_id,
risk or risk_<class>…, probability_<class>…), the same in all else as the files of `predictions.py`. What is
evaluated is what is read back from the sealed file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fuse.outcomes.outcomes import Classes
from fuse.run.fold_table import Columns, FoldRows, read_fold_table, write_fold_table

_RISK, _PROBABILITY = "risk", "probability_"


@dataclass(frozen=True, kw_only=True)
class ClassPrediction:
    """What one arm said about the test part of one fold, before its outcomes were opened.

    `risk`: log odds of yes (case,) of two classes, scores (case, class) of more, comparable within a fold
    only. `probability` (case, class): calibrated on the train part, rows sum to 1. `inner_pairs`: as in
    `FoldPrediction`.
    """

    repeat: int
    fold: int
    case_ids: tuple[str, ...]
    names: tuple[str, ...]
    risk: Float[np.ndarray, " case *classes"]
    probability: Float[np.ndarray, "case class"]
    inner_pairs: Float[np.ndarray, "inner ranking 2"] | None = None


@dataclass(frozen=True, kw_only=True)
class ClassTruth:
    """The classes of one fold, opened after the predictions were written; rows as in `ClassPrediction`."""

    repeat: int
    fold: int
    test: Classes
    train: Classes


def write_class_predictions(path: Path, folds: Sequence[ClassPrediction]) -> str:
    """Write one arm's predictions and return their seal, the sha256 (hex) of the file."""
    rows = [
        FoldRows(
            repeat=fold.repeat,
            fold=fold.fold,
            case_ids=fold.case_ids,
            numbers=np.column_stack([fold.risk, fold.probability]).astype(np.float64),
        )
        for fold in folds
    ]
    return write_fold_table(path, _columns(folds[0].names), rows)


def read_class_predictions(path: Path) -> list[ClassPrediction]:
    """Read one arm's predictions, one `ClassPrediction` a fold, rows as in the file.

    Raises
    ------
    OutcomeError
        The file is not of this form.
    """
    of_classes = Columns(
        fit=lambda columns: bool(_classes(columns)) and columns == _columns(_classes(columns)),
        words=f"{_RISK}, {_PROBABILITY}<class>…",
    )
    columns, folds = read_fold_table(path, of_classes)
    names = _classes(columns)
    risks = len(columns) - len(names)
    return [
        ClassPrediction(
            repeat=fold.repeat,
            fold=fold.fold,
            case_ids=fold.case_ids,
            names=names,
            risk=fold.numbers[:, 0] if risks == 1 else fold.numbers[:, :risks],
            probability=fold.numbers[:, risks:],
        )
        for fold in folds
    ]


def _classes(columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.removeprefix(_PROBABILITY) for name in columns if name.startswith(_PROBABILITY))


def _columns(names: tuple[str, ...]) -> list[str]:
    """Return the columns of the classes: one risk where there are two, else one of each."""
    risks = (_RISK,) if len(names) == 2 else tuple(f"{_RISK}_{name}" for name in names)
    return [*risks, *(f"{_PROBABILITY}{name}" for name in names)]
