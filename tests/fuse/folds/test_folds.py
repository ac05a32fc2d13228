"""Folds: invariants for any cohort, and files that are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_cache.errors import OutcomeError
from fuse.folds.fold_file import read_folds, unknown_cases
from fuse.folds.folds import FoldPlan, Folds, Strata, make_folds
from fuse.outcomes.outcomes import Classes, Competing, Survival

PLAN = FoldPlan(repeats=2, folds=3, inner=2, seed=5)


def cohort(n: int, seed: int) -> tuple[list[str], Strata]:
    rng = np.random.default_rng(seed)
    event = rng.random(n) < 0.3
    outcome = Survival(event=event, time_days=rng.exponential(100, n) + 1)
    return [f"{row:03d}" for row in range(n)], Strata(
        outcome=outcome, sites=[None, "A", "B"][: 1 + seed % 3] * n
    )


def strata_of(n: int, seed: int) -> tuple[list[str], Strata]:
    ids, strata = cohort(n, seed)
    return ids, Strata(outcome=strata.outcome, sites=list(strata.sites)[:n])


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(20, 90),
    seed=st.integers(0, 1000),
    folds=st.integers(2, 5),
    inner=st.integers(2, 4),
)
def test_invariants(n: int, seed: int, folds: int, inner: int) -> None:
    ids, strata = strata_of(n, seed)
    made = make_folds(ids, strata, FoldPlan(repeats=2, folds=folds, inner=inner, seed=seed))
    event = strata.outcome.event
    for repeat in (1, 2):
        parts = [fold for fold in made.folds if fold.repeat == repeat]
        tested = np.concatenate([fold.test for fold in parts])
        assert sorted(tested.tolist()) == list(range(n))
        events = [int(event[fold.test].sum()) for fold in parts]
        sizes = [len(fold.test) for fold in parts]
        assert max(events) - min(events) <= 1
        assert max(sizes) - min(sizes) <= 1
        for fold in parts:
            assert set(fold.train.tolist()).isdisjoint(fold.test.tolist())
            assert len(fold.train) + len(fold.test) == n
            held = [int(event[fold.train[fold.inner == number]].sum()) for number in range(inner)]
            assert max(held) - min(held) <= 1


def test_sites_are_spread_evenly() -> None:
    ids, strata = strata_of(60, 2)
    event, sites = strata.outcome.event, np.array([site or "" for site in strata.sites])
    for fold in make_folds(ids, strata, PLAN).folds:
        for site in set(sites):
            of_site = (sites == site) & event
            assert abs(int(of_site[fold.test].sum()) - of_site.sum() / 3) < 1


def test_classes_and_causes_are_spread_evenly() -> None:
    rng = np.random.default_rng(3)
    ids, sites = [f"{row:03d}" for row in range(60)], [None] * 60
    label = np.arange(60) % 4
    cause, time = rng.integers(0, 3, 60), rng.exponential(size=60) + 1
    competing = Competing(event=cause == 1, time_days=time, cause=cause, causes=("a", "b"))
    for outcome, groups in ((Classes(label=label, names=tuple("abcd")), label), (competing, cause)):
        for fold in make_folds(ids, Strata(outcome=outcome, sites=sites), PLAN).folds:
            for group in np.unique(groups):
                assert abs(int((groups[fold.test] == group).sum()) - (groups == group).sum() / 3) < 1


def test_the_seed_decides_and_the_hash_tells() -> None:
    ids, strata = strata_of(30, 1)
    first = make_folds(ids, strata, PLAN)
    assert make_folds(ids, strata, PLAN).csv_text() == first.csv_text()
    other = make_folds(ids, strata, FoldPlan(repeats=2, folds=3, inner=2, seed=6))
    assert other.sha256 != first.sha256


def test_too_few_cases_for_the_folds() -> None:
    ids, strata = strata_of(5, 1)
    with pytest.raises(OutcomeError, match="got 5 cases"):
        make_folds(ids, strata, PLAN)


def written(tmp_path: Path) -> tuple[Path, list[str], Strata, Folds]:
    ids, strata = strata_of(12, 4)
    made = make_folds(ids, strata, PLAN)
    path = tmp_path / "folds.csv"
    path.write_text(made.csv_text())
    return path, ids, strata, made


def test_a_run_s_own_file_gives_its_folds_back(tmp_path: Path) -> None:
    path, ids, strata, made = written(tmp_path)
    assert read_folds(path, ids, strata, PLAN).csv_text() == made.csv_text()


def test_inner_folds_are_made_where_the_file_has_none(tmp_path: Path) -> None:
    path, ids, strata, made = written(tmp_path)
    lines = [",".join(line.split(",")[:4]) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    assert read_folds(path, ids, strata, PLAN).csv_text() == made.csv_text()


@pytest.mark.parametrize(
    ("inner", "said"), [("blank", "got none for 1 of"), ("0", "one fold"), ("no", "another text")]
)
def test_inner_folds_of_some_cases_only_are_refused(tmp_path: Path, inner: str, said: str) -> None:
    path, ids, strata, _ = written(tmp_path)
    head, *lines = path.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    trained = [row for row in cells if row[:2] == ["1", "1"] and row[3] == "train"]
    for row in trained[:1] if inner == "blank" else trained:
        row[4] = "" if inner == "blank" else inner
    path.write_text("\n".join([head, *map(",".join, cells)]) + "\n")
    with pytest.raises(OutcomeError, match=f"fold 1: inner: expected two inner folds .* {said}"):
        read_folds(path, ids, strata, PLAN)


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_file_that_splits_a_case(tmp_path: Path, part: str) -> None:
    path, ids, strata, made = written(tmp_path)
    row = (made.folds[0].test if part == "train" else made.folds[0].train)[0]
    path.write_text(path.read_text() + f"1,1,{ids[row]},{part},\n")
    with pytest.raises(OutcomeError, match=f"case {ids[row]}.*splits this case"):
        read_folds(path, ids, strata, PLAN)


def test_a_case_twice_in_one_part(tmp_path: Path) -> None:
    path, ids, strata, made = written(tmp_path)
    case = ids[made.folds[0].test[0]]
    path.write_text(path.read_text() + f"1,1,{case},test,\n")
    with pytest.raises(OutcomeError, match=f"case {case}.*has it twice"):
        read_folds(path, ids, strata, PLAN)


def test_a_case_tested_in_two_folds_of_a_repeat(tmp_path: Path) -> None:
    path, ids, strata, made = written(tmp_path)
    row = made.folds[1].test[0]
    inner = made.folds[0].inner[made.folds[0].train == row][0]
    spoil(path, f"1,1,{ids[row]},train,{inner}", f"1,1,{ids[row]},test,")
    with pytest.raises(OutcomeError, match=f"case {ids[row]}.*test parts of 2 folds"):
        read_folds(path, ids, strata, PLAN)


def test_an_absent_case(tmp_path: Path) -> None:
    path, ids, strata, made = written(tmp_path)
    case = ids[made.folds[0].test[0]]
    spoil(path, f"1,1,{case},test,\n", "")
    with pytest.raises(OutcomeError, match=f"first is case {case}"):
        read_folds(path, ids, strata, PLAN)


def test_another_part_and_a_text_for_a_number(tmp_path: Path) -> None:
    path, ids, strata, made = written(tmp_path)
    case = ids[made.folds[0].test[0]]
    spoil(path, f"1,1,{case},test", f"1,1,{case},val")
    with pytest.raises(OutcomeError, match="part train or test; got another part"):
        read_folds(path, ids, strata, PLAN)
    spoil(path, f"1,1,{case},val", f"one,1,{case},test")
    with pytest.raises(OutcomeError, match="whole numbers"):
        read_folds(path, ids, strata, PLAN)


@pytest.mark.parametrize("number", ["-1", "1.0", ""])
def test_a_repeat_that_is_no_whole_number(tmp_path: Path, number: str) -> None:
    path, ids, strata, _ = written(tmp_path)
    spoil(path, "\n1,1,", f"\n{number},1,")
    with pytest.raises(OutcomeError, match=r"whole numbers of at least 0 .* such as 1\.0 or -1"):
        read_folds(path, ids, strata, PLAN)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ([], "12 cases in train with 4 events, 0 cases in test"),
        (range(12), "0 cases in train with 0 events, 12 cases in test"),
        (range(4), "8 cases in train with 0 events, 4 cases in test"),
    ],
    ids=["all train", "all test", "no event in train"],
)
def test_a_fold_that_teaches_or_tests_nothing(tmp_path: Path, test: Sequence[int], said: str) -> None:
    path, ids, strata, _ = written(tmp_path)
    strata = replace(strata, outcome=replace(strata.outcome, event=np.arange(12) < 4))
    rows = [f"1,1,{case},{'test' if row in test else 'train'}\n" for row, case in enumerate(ids)]
    path.write_text("".join(["repeat,fold,case_id,part\n", *rows]))
    with pytest.raises(OutcomeError, match=f"repeat 1, fold 1.*got {said}"):
        read_folds(path, ids, strata, PLAN)


def test_cases_without_outcome_are_passed_over_and_strangers_named(tmp_path: Path) -> None:
    path, ids, strata, _ = written(tmp_path)
    fewer = Strata(outcome=strata.outcome.take(np.arange(11)), sites=strata.sites[:11])
    folds = read_folds(path, ids[:11], fewer, PLAN)
    assert folds.case_ids == tuple(ids[:11])
    assert [problem.where for problem in unknown_cases(path, ids[:11])] == [f"folds.csv: case {ids[11]}"]
