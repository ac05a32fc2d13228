"""Prediction files: the same bits back, rows in one order, and a seal that follows the bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_cache.errors import OutcomeError
from fuse.cases import FoldPrediction
from fuse.run.predictions import read_predictions, write_predictions

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


def fold(repeat: int, number: int, case_ids: tuple[str, ...], risk: list[float]) -> FoldPrediction:
    curve = np.linspace(1.0, 0.1, 2 * len(case_ids)).reshape(len(case_ids), 2)
    return FoldPrediction(
        repeat=repeat,
        fold=number,
        case_ids=case_ids,
        risk=np.array(risk),
        times_days=np.array([30.0, 1826.25]),
        event_free=curve,
    )


@given(risk=st.lists(FINITE, min_size=2, max_size=2))
def test_every_bit_comes_back(tmp_path_factory: pytest.TempPathFactory, risk: list[float]) -> None:
    path = tmp_path_factory.mktemp("p") / "arm.csv"
    written = fold(1, 1, ("0001", "0002"), risk)
    write_predictions(path, [written])
    (again,) = read_predictions(path)
    np.testing.assert_array_equal(again.risk, written.risk)
    np.testing.assert_array_equal(again.event_free, written.event_free)
    np.testing.assert_array_equal(again.times_days, written.times_days)


def test_rows_are_sorted_whatever_the_order_of_folds_and_cases(tmp_path: Path) -> None:
    first, second = fold(1, 1, ("0009", "0002"), [0.5, -0.25]), fold(1, 2, ("0001",), [3.0])
    path = tmp_path / "predictions" / "arm.csv"
    seal = write_predictions(path, [second, first])
    lines = [line.split(",")[:4] for line in path.read_text().splitlines()]
    assert lines[0] == ["repeat", "fold", "case_id", "risk"]
    assert lines[1:] == [["1", "1", "0002", "-0.25"], ["1", "1", "0009", "0.5"], ["1", "2", "0001", "3.0"]]
    assert write_predictions(path, [first, second]) == seal
    assert write_predictions(path, [first]) != seal
    assert [entry.name for entry in path.parent.iterdir()] == ["arm.csv"]


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arm.csv"
    path.write_text("case_id,risk\n1,2\n")
    with pytest.raises(OutcomeError, match=r"predictions/arm\.csv"):
        read_predictions(path)
