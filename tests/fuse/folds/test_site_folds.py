"""One site left out at a time: what is a part, what is put together, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.folds.folds import FoldPlan, Folds, Strata
from fuse.folds.site_folds import make_site_folds
from fuse.outcomes.outcomes import Classes, Outcome, Survival

PLAN = FoldPlan(inner=3, seed=1)


def divide(sites: dict[str | None, tuple[int, int]]) -> Folds:
    """Divide cases of sites, each of so many cases with so many events."""
    names = [name for name, (cases, _) in sites.items() for _ in range(cases)]
    event = [number < events for cases, events in sites.values() for number in range(cases)]
    outcome = Survival(event=np.array(event), time_days=np.arange(1.0, len(names) + 1))
    return of(names, outcome)


def of(names: list[str | None], outcome: Outcome) -> Folds:
    ids = [f"{row:03d}" for row in range(len(names))]
    return make_site_folds(ids, Strata(outcome=outcome, sites=names), PLAN)


def test_each_site_is_one_test_part_and_every_case_is_tested_once() -> None:
    folds = divide({"B": (12, 4), "A": (20, 3), "C": (10, 5)})
    assert (folds.source, folds.repeats) == ("sites", 1)
    assert [fold.test.tolist() for fold in folds.folds] == [
        list(range(12, 32)),
        list(range(12)),
        list(range(32, 42)),
    ]
    for fold in folds.folds:
        assert sorted([*fold.train, *fold.test]) == list(range(42))
        assert set(fold.inner.tolist()) == {0, 1, 2}
    assert folds.remarks[0] == "fold 1 tests site A: 20 cases, 3 events"


def test_small_sites_are_tested_together_and_last() -> None:
    folds = divide({"A": (20, 5), "few events": (15, 2), "few cases": (4, 4), "D": (11, 3)})
    assert [len(fold.test) for fold in folds.folds] == [20, 11, 19]
    assert folds.remarks[2] == "fold 3 tests small sites together (few cases, few events): 19 cases, 6 events"


def test_the_smallest_joins_what_is_still_too_little() -> None:
    folds = divide({"A": (20, 5), "B": (30, 5), "C": (2, 1)})
    assert [len(fold.test) for fold in folds.folds] == [30, 22]
    assert "small sites together (A, C)" in folds.remarks[1]


@pytest.mark.parametrize(
    ("sites", "said"),
    [
        ({"A": (30, 9)}, r"1 site\(s\) that make 1 such part"),
        ({"A": (30, 9), "B": (2, 1)}, r"2 site\(s\) that make 1 such part"),
        ({"A": (30, 9), None: (10, 4)}, "case 030: expected a site.*got none for 10 of 40 cases"),
    ],
    ids=["one site", "nothing to leave in", "no site"],
)
def test_what_cannot_be_divided_is_refused(sites: dict[str | None, tuple[int, int]], said: str) -> None:
    with pytest.raises(OutcomeError, match=said):
        divide(sites)


def test_a_site_of_one_class_is_no_part_of_its_own() -> None:
    label = np.array([0, 1] * 10 + [0] * 12 + [0, 1] * 6)
    names = ["A"] * 20 + ["one class"] * 12 + ["C"] * 12
    folds = of(names, Classes(label=label, names=("no", "yes")))
    assert [remark.split(":")[0] for remark in folds.remarks] == [
        "fold 1 tests site A",
        "fold 2 tests small sites together (C, one class)",
    ]
