"""Subsets and Shapley values: a game whose answer is known, and the files that a run leaves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fuse.explain.modality_values import PREDICTIONS, seal_subsets, shapley_values, write_modality_values
from fuse.files import read_csv
from fuse.fitting import FoldResult
from fuse.folds.folds import Fold, Folds
from fuse.metrics.case_pairs import pairs_by_case
from fuse.metrics.fold_order import influence_of_cases
from fuse.metrics.order_intervals import WITHOUT_INNER
from fuse.outcomes.outcomes import Survival

ONE = np.ones(1)


def game(**reached: float) -> dict[tuple[str, ...], np.ndarray]:
    return {tuple(subset): value * ONE for subset, value in reached.items()}


def test_what_is_added_up_is_divided_up():
    due = shapley_values(game(a=0.6, b=0.55, ab=0.65))
    assert due["a"] == pytest.approx(0.1) and due["b"] == pytest.approx(0.05)


def test_two_that_know_the_same_share_it():
    due = shapley_values(game(a=0.7, b=0.7, c=0.5, ab=0.7, ac=0.7, bc=0.7, abc=0.7))
    assert due["a"] == pytest.approx(0.1) and due["b"] == pytest.approx(0.1)
    assert due["c"] == pytest.approx(0.0)


def test_the_parts_are_the_whole_in_any_game():
    rng = np.random.default_rng(0)
    reached = {tuple(s): rng.random(4) for s in ("a", "b", "c", "ab", "ac", "bc", "abc")}
    assert sum(shapley_values(reached).values()) == pytest.approx(reached["a", "b", "c"] - 0.5)


def test_without_all_subsets_there_is_no_value():
    assert shapley_values(game(a=0.6, b=0.6, c=0.6, abc=0.8)) == {}
    assert shapley_values({}) == {}


def door(outcome: Survival, opened: list[dict[Any, str]]) -> Any:
    def evaluation(case_ids: list[str], sealed: dict[Any, str]) -> Survival:
        assert all(path.is_file() for path in sealed)
        opened.append(sealed)
        return outcome.take(np.array([int(case) for case in case_ids]))

    return SimpleNamespace(evaluation=evaluation)


def test_the_files_say_what_the_folds_say(tmp_path):
    rng = np.random.default_rng(1)
    n = 60
    risk = rng.normal(size=n)
    outcome = Survival(event=np.ones(n, bool), time_days=rng.exponential(np.exp(-2 * risk)) + 1e-3)
    halves = [np.arange(0, n, 2), np.arange(1, n, 2)]
    folds = Folds(
        case_ids=tuple(map(str, range(n))),
        folds=tuple(
            Fold(repeat=1, fold=k + 1, train=halves[1 - k], test=halves[k], inner=np.zeros(30, int))
            for k in range(2)
        ),
        source="made",
    )
    results = [
        FoldResult(
            repeat=1,
            fold=fold.fold,
            arms={},
            subsets=(said := {("a",): risk[fold.test], ("b",): np.zeros(30), ("a", "b"): risk[fold.test]}),
            subset_probabilities={subset: one[:, None] for subset, one in said.items()},
        )
        for fold in folds.folds
    ]
    opened: list[dict[Any, str]] = []
    sealed = seal_subsets(tmp_path, results, folds, lambda probability: probability[:, 0])
    write_modality_values(results, folds, door(outcome, opened), sealed)
    assert len(opened) == 2 and all(path.name == PREDICTIONS for seal in opened for path in seal)
    subsets = {row["modalities"]: float(row["estimate"]) for row in read_csv(tmp_path / "subsets.csv")[1]}
    assert subsets["a"] == subsets["a+b"] > 0.7 and subsets["b"] == 0.5
    due = {row["modality"]: float(row["estimate"]) for row in read_csv(tmp_path / "shapley.csv")[1]}
    assert due["a"] == pytest.approx(subsets["a"] - 0.5) and due["b"] == pytest.approx(0.0)
    # what a is due moves with C of a, which b does not pull: the error is that of C of a
    truths = [outcome.take(fold.test) for fold in folds.folds]
    pairs = [pairs_by_case(risk[fold.test], truth) for fold, truth in zip(folds.folds, truths, strict=True)]
    whole = np.sum(pairs, axis=(0, 1)) / 2
    pulls = np.concatenate([influence_of_cases(of_fold, whole) for of_fold in pairs])
    row = read_csv(tmp_path / "shapley.csv")[1][0]
    t = 2.0009953780882687  # of 59 degrees of freedom, 97.5 %
    half = t * np.sqrt(2 * np.square(pulls).sum() * n / (n - 1))
    assert float(row["high"]) - float(row["low"]) == pytest.approx(2 * half)
    assert row["interval"] == f"{WITHOUT_INNER}, t with 59 df"
    assert len(read_csv(tmp_path / PREDICTIONS)[1]) == 3 * n
