"""What an arm says of classes, in memory and in its prediction file.

Enters: scores and probabilities of the test part of each fold. Leaves: one CSV an arm (repeat, fold, case_id,
risk or risk_<class>…, probability_<class>…), the same in all else as the files of `predictions.py`. What is
evaluated is what is read back from the sealed file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from feature_cache.canonical import sha256_of_file
from feature_cache.errors import OutcomeError
from fuse.files import csv_text, read_csv, write_text
from fuse.outcomes.outcomes import Classes

_KEY = ("repeat", "fold", "case_id")
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
    names = folds[0].names
    risks = (_RISK,) if folds[0].risk.ndim == 1 else tuple(f"{_RISK}_{name}" for name in names)
    rows: list[tuple[int | str | float, ...]] = [
        (fold.repeat, fold.fold, case, *np.atleast_1d(risk).tolist(), *probability.tolist())
        for fold in folds
        for case, risk, probability in zip(fold.case_ids, fold.risk, fold.probability, strict=True)
    ]
    columns = [*_KEY, *risks, *(f"{_PROBABILITY}{name}" for name in names)]
    write_text(path, csv_text(columns, sorted(rows)))
    return sha256_of_file(path)


def read_class_predictions(path: Path) -> list[ClassPrediction]:
    """Read one arm's predictions, one `ClassPrediction` a fold, rows as in the file.

    Raises
    ------
    OutcomeError
        The file is not of this form.
    """
    header, rows = read_csv(path)
    names = tuple(name.removeprefix(_PROBABILITY) for name in header if name.startswith(_PROBABILITY))
    risks = (_RISK,) if len(names) == 2 else tuple(f"{_RISK}_{name}" for name in names)
    if not names or header != [*_KEY, *risks, *(f"{_PROBABILITY}{name}" for name in names)]:
        raise OutcomeError(
            f"predictions/{path.name}",
            expected=f"columns {', '.join(_KEY)}, {_RISK}, {_PROBABILITY}<class>…",
            got=f"{len(header)} other columns",
            remedy="Run the benchmark again.",
        )
    of_fold: dict[tuple[int, int], list[list[str]]] = defaultdict(list)
    for row in rows:
        of_fold[int(row["repeat"]), int(row["fold"])].append(list(row.values()))
    return [_fold(key, own, names, len(risks)) for key, own in sorted(of_fold.items())]


def _fold(key: tuple[int, int], rows: list[list[str]], names: tuple[str, ...], risks: int) -> ClassPrediction:
    numbers = np.array([[float(cell) for cell in row[len(_KEY) :]] for row in rows])
    return ClassPrediction(
        repeat=key[0],
        fold=key[1],
        case_ids=tuple(row[2] for row in rows),
        names=names,
        risk=numbers[:, 0] if risks == 1 else numbers[:, :risks],
        probability=numbers[:, risks:],
    )
