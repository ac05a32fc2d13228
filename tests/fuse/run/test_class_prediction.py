"""Prediction files of classes: read back as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_cache.canonical import sha256_of_file
from feature_cache.errors import OutcomeError
from fuse.run.class_prediction import ClassPrediction, read_class_predictions, write_class_predictions


def make(fold: int, names: tuple[str, ...]) -> ClassPrediction:
    rng = np.random.default_rng(fold)
    risk = rng.normal(size=(4, len(names)))
    share = np.exp(risk) / np.exp(risk).sum(axis=1, keepdims=True)
    return ClassPrediction(
        repeat=1,
        fold=fold,
        case_ids=tuple(f"=case{fold}{row}" for row in range(4)),
        names=names,
        risk=risk[:, 1] if len(names) == 2 else risk,
        probability=share,
    )


@pytest.mark.parametrize("names", [("no", "yes"), ("T1", "T2, with a comma", "risk")])
def test_the_same_bits_come_back(tmp_path: Path, names: tuple[str, ...]) -> None:
    folds, path = [make(1, names), make(2, names)], tmp_path / "arm.csv"
    assert write_class_predictions(path, folds[::-1]) == sha256_of_file(path)
    for was, now in zip(folds, read_class_predictions(path), strict=True):
        assert (was.repeat, was.fold, was.case_ids, was.names) == (
            now.repeat,
            now.fold,
            now.case_ids,
            now.names,
        )
        assert was.risk.tobytes() == now.risk.tobytes()
        assert was.probability.tobytes() == now.probability.tobytes()


def test_a_file_of_times_is_no_file_of_classes(tmp_path: Path) -> None:
    path = tmp_path / "arm.csv"
    path.write_text("repeat,fold,case_id,risk,event_free_100\n1,1,a,0.5,0.9\n")
    with pytest.raises(OutcomeError, match="probability_<class>"):
        read_class_predictions(path)
