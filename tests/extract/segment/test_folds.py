"""Folds of whole cases, made and read, and the cases that say when to stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract.segment.folds import CaseToDeal, SegmenterFold, early_stopping_cases, make_folds, read_folds
from extract.segment.settings import FitSettings
from feature_cache.errors import ManifestError

CASES = {f"c{n:02}": CaseToDeal(site="ab"[n % 2], drawn=n >= 4) for n in range(12)}


def test_every_case_is_tested_once_and_never_taught_by_itself() -> None:
    folds = make_folds(CASES, FitSettings(folds=4)).folds
    assert sorted(case for fold in folds for case in fold.test) == sorted(CASES)
    for fold in folds:
        assert set(fold.train) | set(fold.test) == set(CASES)
        assert not set(fold.train) & set(fold.test)
        assert sum(not CASES[case].drawn for case in fold.test) == 1  # four empty masks in four folds


def test_folds_follow_from_the_seed() -> None:
    first, again = (make_folds(CASES, FitSettings(folds=3, seed=1)) for _ in range(2))
    assert first == again
    assert first.sha256 != make_folds(CASES, FitSettings(folds=3, seed=2)).sha256


def test_one_fold_is_one_network_of_all_cases() -> None:
    (fold,) = make_folds(CASES, FitSettings(folds=1)).folds
    assert fold.train == tuple(sorted(CASES))
    assert fold.test == ()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    made = make_folds(CASES, FitSettings(folds=3))
    path = tmp_path / "folds.csv"
    path.write_text(made.csv_text(), encoding="utf-8")
    read = read_folds(path, sorted(CASES))
    assert read.folds == made.folds
    assert read.sha256 == made.sha256


def test_cases_without_a_mask_are_passed_over_and_absent_ones_are_not(tmp_path: Path) -> None:
    path = tmp_path / "folds.csv"
    path.write_text(make_folds(CASES, FitSettings(folds=3)).csv_text(), encoding="utf-8")
    (first, *_) = read_folds(path, ["c00", "c01", "c05"]).folds
    assert set(first.train) | set(first.test) == {"c00", "c01", "c05"}
    with pytest.raises(ManifestError, match="no row for 1 of them, the first is case zz"):
        read_folds(path, ["c00", "zz"])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1,1,a,train\n1,1,a,test\n", "repeat 1, fold 1 has it twice"),
        ("1,1,a,train\n1,1,b,val\n", "write train for them"),
        ("1,1,a,test\n1,1,b,test\n", "expected cases with a mask in train"),
        ("1,1,a,train\n1,1,b,test\n1,2,a,train\n1,2,b,test\n", "two in repeat 1"),
    ],
)
def test_folds_that_make_no_sense_are_refused(tmp_path: Path, rows: str, said: str) -> None:
    path = tmp_path / "folds.csv"
    path.write_text(f"repeat,fold,case_id,part\n{rows}", encoding="utf-8")
    with pytest.raises(ManifestError, match=said):
        read_folds(path, ["a", "b"])


def test_early_stopping_cases_are_of_the_train_part_and_have_something_to_find() -> None:
    drawn = {case: deal.drawn for case, deal in CASES.items()}
    for fold in make_folds(CASES, FitSettings(folds=3)).folds:
        kept = early_stopping_cases(fold, drawn, FitSettings(early_stopping_share=0.5))
        assert len(kept) == 4
        assert set(kept) < set(fold.train)
        assert all(drawn[case] for case in kept)
        assert early_stopping_cases(fold, drawn, FitSettings(patience=None)) == ()


def test_a_train_part_that_can_spare_nobody_is_refused() -> None:
    fold = SegmenterFold(repeat=1, fold=1, train=("a", "b"), test=())
    with pytest.raises(ManifestError, match="Set `patience: null` for a fixed number of epochs"):
        early_stopping_cases(fold, {"a": True, "b": False}, FitSettings())
