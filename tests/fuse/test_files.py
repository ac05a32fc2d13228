"""Tables of a run: no cell runs in a spreadsheet, and every text is read back as it was."""

from __future__ import annotations

import csv
import io
import math
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feature_cache.csv_lines import FORMULA_STARTS
from fuse.cases import FoldPrediction
from fuse.files import csv_text, file_stem, parse_csv
from fuse.folds.fold_file import read_folds
from fuse.folds.folds import FoldPlan, Strata, make_folds
from fuse.run.predictions import read_predictions, write_predictions
from tests.fuse.simulated import make_cohort

#: What a spreadsheet would run, and texts that only look as if they were marked already.
HOSTILE = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''=1", "'tis", '=a"b,c', "＝1"]


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1))
@example([(text, text) for text in HOSTILE])
def test_every_text_is_read_back_and_none_runs(rows: list[tuple[str, str]]) -> None:
    text = csv_text(("a", "b"), rows)
    columns, found = parse_csv(text)
    assert columns == ["a", "b"]
    assert [(row["a"], row["b"]) for row in found] == rows
    for cells in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(FORMULA_STARTS) for cell in cells)


def test_numbers_stay_numbers() -> None:
    assert csv_text(("a", "b", "c"), [(-0.5, -3, math.nan), (1e-300, True, None)]) == (
        "a,b,c\n-0.5,-3,\n1e-300,true,\n"
    )


@given(st.text(min_size=1))
@example("ridge_cox__slides:uni")
@example("late__clinical+slides:a/b")
def test_a_stem_is_a_file_name_and_gives_the_name_back(name: str) -> None:
    stem = file_stem(name)
    assert unquote(stem) == name
    assert not set(stem) & set('<>:"/\\|?*\0')


@pytest.mark.parametrize("text", HOSTILE)
def test_ids_of_predictions_and_folds_come_back(text: str, tmp_path) -> None:
    cohort = make_cohort(n=30)
    ids = (text, *(f"'{text}", *(f"case{number}" for number in range(28))))
    strata = Strata(outcome=cohort.outcome.take(np.arange(30)), sites=[None] * 30)
    plan = FoldPlan(repeats=1, folds=3, inner=2, seed=0)
    folds = make_folds(ids, strata, plan)
    (tmp_path / "folds.csv").write_text(folds.csv_text(), encoding="utf-8", newline="\n")
    again = read_folds(tmp_path / "folds.csv", ids, strata, plan)
    assert again.csv_text() == folds.csv_text()
    said = FoldPrediction(
        repeat=1,
        fold=1,
        case_ids=tuple(sorted(ids)),
        risk=np.linspace(-1.0, 1.0, 30),
        times_days=np.array([1.0]),
        event_free=np.full((30, 1), 0.5),
    )
    write_predictions(tmp_path / "p.csv", [said])
    (found,) = read_predictions(tmp_path / "p.csv")
    assert found.case_ids == said.case_ids
    assert found.risk.tolist() == said.risk.tolist()
