"""What the folds said, written and sealed: one file an arm, before an outcome of a test part is opened.

Enters: the results of all folds. Leaves: the prediction files of the run, of times or of classes, with the
sha256 that each had when it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fuse.cases import FoldPrediction
from fuse.fitting import FoldResult
from fuse.folds.folds import Folds
from fuse.run.class_prediction import ClassPrediction, write_class_predictions
from fuse.run.predictions import prediction_file, write_predictions


def seal_predictions(
    folder: Path,
    results: Sequence[FoldResult],
    folds: Folds,
    times_days: Float[np.ndarray, " time"],
    classes: tuple[str, ...],
) -> dict[str, tuple[Path, str]]:
    """Write one file an arm; from here on outcomes of test parts may be opened.

    Parameters
    ----------
    times_days, classes
        What the columns of `ArmResult.probability` are: days, or (not empty) the names of classes.

    Returns
    -------
    dict
        Arm -> its file and the file's sha256 (hex).
    """
    sealed = {}
    for arm in results[0].arms:
        path = folder / prediction_file(arm)
        if classes:
            seal = write_class_predictions(path, _of_classes(arm, results, folds, classes))
        else:
            seal = write_predictions(path, _of_times(arm, results, folds, times_days))
        sealed[arm] = path, seal
    return sealed


def _of_times(
    arm: str, results: Sequence[FoldResult], folds: Folds, times_days: Float[np.ndarray, " time"]
) -> list[FoldPrediction]:
    return [
        FoldPrediction(
            repeat=fold.repeat,
            fold=fold.fold,
            case_ids=tuple(folds.case_ids[row] for row in fold.test),
            risk=result.arms[arm].risk,
            times_days=times_days,
            event_free=result.arms[arm].probability,
        )
        for fold, result in zip(folds.folds, results, strict=True)
    ]


def _of_classes(
    arm: str, results: Sequence[FoldResult], folds: Folds, classes: tuple[str, ...]
) -> list[ClassPrediction]:
    return [
        ClassPrediction(
            repeat=fold.repeat,
            fold=fold.fold,
            case_ids=tuple(folds.case_ids[row] for row in fold.test),
            names=classes,
            risk=result.arms[arm].risk,
            probability=result.arms[arm].probability,
        )
        for fold, result in zip(folds.folds, results, strict=True)
    ]
