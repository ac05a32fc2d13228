"""Summaries of scores: the case is the unit, and what is not defined is counted, not filled in."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from extract.segment.out_of_fold import DRAWS, SEED, ScoredStudy, scores_text, summary_text
from extract.segment.scores import score_structure


def scored(case: str, study: str, predicted: int, drawn: int, spacing: bool = True) -> ScoredStudy:
    """Of ten voxels in a row the first are predicted and drawn."""
    row = np.arange(10).reshape(10, 1, 1)
    score = score_structure("scar", row < predicted, row < drawn, (1.0, 1.0, 1.0) if spacing else None)
    return ScoredStudy(case_id=case, study_id=study, frame=None, model="m", part="test", scores=(score,))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_studies_of_one_case_count_as_one() -> None:
    # case a: Dice 1 and 0 in two studies; b: 1; c: 2 * 2 / (2 + 6) = .5; d: empty in both, not defined
    given = [
        scored("a", "1", 4, 4), scored("a", "2", 0, 4), scored("b", "1", 3, 3), scored("c", "1", 2, 6),
        scored("d", "1", 0, 0),
    ]  # fmt: skip
    rows = {row["score"]: row for row in rows_of(summary_text(given, ["scar"]))}
    dice = rows["dice"]
    assert float(dice["estimate"]) == pytest.approx((0.5 + 1 + 0.5) / 3)
    assert (dice["n_cases"], dice["n_undefined"]) == ("3", "1")
    drawn = np.random.default_rng(SEED).integers(0, 3, (DRAWS, 3))
    low, high = np.percentile(np.array([0.5, 1, 0.5])[drawn].mean(axis=1), (2.5, 97.5))
    assert (float(dice["low"]), float(dice["high"])) == (low, high)
    assert (rows["hd95_mm"]["n_cases"], rows["hd95_mm"]["n_undefined"]) == ("3", "1")
    assert "hd95_voxels" not in rows


def test_detection_is_by_case_with_wilsons_interval() -> None:
    given = [scored("a", "1", 0, 4), scored("a", "2", 3, 3), scored("b", "1", 0, 2), scored("c", "1", 0, 0)]
    rows = {row["score"]: row for row in rows_of(summary_text(given, ["scar"]))}
    assert (rows["sensitivity"]["estimate"], rows["sensitivity"]["n_cases"]) == ("0.5", "2")
    # prop.test's and Hmisc's Wilson interval of 1 of 2
    assert float(rows["sensitivity"]["low"]) == pytest.approx(0.0945312, abs=1e-6)
    assert float(rows["sensitivity"]["high"]) == pytest.approx(0.9054688, abs=1e-6)
    assert (rows["specificity"]["estimate"], rows["specificity"]["high"]) == ("1.0", "1.0")


def test_two_cases_get_no_interval() -> None:
    rows = rows_of(summary_text([scored("a", "1", 4, 4), scored("b", "1", 2, 6)], ["scar"]))
    dice = next(row for row in rows if row["score"] == "dice")
    assert (dice["low"], dice["high"], dice["method"]) == ("", "", "none: fewer than 3 cases")


def test_a_row_a_study_with_blanks_where_nothing_is_defined() -> None:
    (row,) = rows_of(scores_text([scored("=a", "1", 0, 4, spacing=False)]))
    assert row["case_id"] == "'=a"
    assert (row["presence"], row["dice"], row["hd95_mm"], row["hd95_voxels"]) == ("missed", "0.0", "", "")
    assert (row["volume_error_ml"], row["volume_error_voxels"]) == ("", "-4")
