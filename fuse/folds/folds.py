"""Folds: made once from the seed (or read from folds.csv), hashed, then only read.

Enters: case ids, their outcomes and sites, how many repeats, folds and inner folds. Leaves: frozen
`Folds`, whose CSV bytes are their identity. The unit is the case, with all its slides and notes. Events
(causes, classes) are spread evenly, and within them sites and time quantiles. `site_folds.py` leaves one
site out at a time, `fold_file.py` reads folds made elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from feature_cache.errors import OutcomeError
from fuse.files import csv_text
from fuse.outcomes.outcomes import Classes, Competing, Outcome

COLUMNS = ("repeat", "fold", "case_id", "part", "inner")

#: Times are spread over folds within this many quantiles, apart for events and censored cases.
TIME_QUANTILES = 4


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One train part and one test part: rows into `Folds.case_ids`, ascending.

    `inner` gives for each row of `train` the inner fold (0, 1, …) in which that case is held out when
    something has to be chosen inside the train part.
    """

    repeat: int
    fold: int
    train: Int[np.ndarray, " train"]
    test: Int[np.ndarray, " test"]
    inner: Int[np.ndarray, " train"]


@dataclass(frozen=True, kw_only=True)
class Folds:
    """All folds of a run; `remarks` tell of which sites a part is, and what of a file was passed over."""

    case_ids: tuple[str, ...]
    folds: tuple[Fold, ...]
    source: Literal["made", "file", "sites"]
    remarks: tuple[str, ...] = ()

    def csv_text(self) -> str:
        """Return folds.csv: a row for every repeat, fold and case; `inner` blank in the test part."""
        rows: list[tuple[int | str, ...]] = []
        for fold in self.folds:
            inner = dict(zip(fold.train.tolist(), fold.inner.tolist(), strict=True))
            for row, case_id in enumerate(self.case_ids):
                part = "train" if row in inner else "test"
                rows.append((fold.repeat, fold.fold, case_id, part, inner.get(row, "")))
        return csv_text(COLUMNS, rows)

    @property
    def sha256(self) -> str:
        """The sha256 (hex) of the bytes of folds.csv."""
        return hashlib.sha256(self.csv_text().encode("utf-8")).hexdigest()

    @property
    def repeats(self) -> int:
        """How many repeats there are: in each, a case is in one test part at most."""
        return len({fold.repeat for fold in self.folds})


@dataclass(frozen=True, kw_only=True)
class FoldPlan:
    """How many folds to make, and the seed they follow from.

    `repeats` and `folds` count where folds are made evenly; sites and files bring their own.
    """

    inner: int
    seed: int
    repeats: int = 1
    folds: int = 1


@dataclass(frozen=True, kw_only=True)
class Strata:
    """What is spread evenly over the folds; rows as in the case ids. `sites` may hold None."""

    outcome: Outcome
    sites: Sequence[str | None]


def make_folds(case_ids: Sequence[str], strata: Strata, plan: FoldPlan) -> Folds:
    """Make repeated folds with inner folds for each train part, all from `plan.seed`.

    Sizes of parts differ by one case at most, and so do their counts of events.

    Raises
    ------
    OutcomeError
        There are fewer cases than folds, or fewer cases in a train part than inner folds.
    """
    if len(case_ids) < plan.folds * 2 or len(case_ids) - -(-len(case_ids) // plan.folds) < plan.inner:
        raise OutcomeError(
            "folds",
            expected=f"cases enough for {plan.folds} folds and {plan.inner} inner folds",
            got=f"{len(case_ids)} cases",
            remedy="Choose fewer folds in the protocol.",
        )
    folds = []
    for repeat in range(1, plan.repeats + 1):
        dealt = deal(strata, plan.folds, np.random.default_rng([plan.seed, repeat]))
        for number in range(plan.folds):
            train, test = np.flatnonzero(dealt != number), np.flatnonzero(dealt == number)
            inner = make_inner(strata, train, plan, (repeat, number + 1))
            folds.append(Fold(repeat=repeat, fold=number + 1, train=train, test=test, inner=inner))
    return Folds(case_ids=tuple(case_ids), folds=tuple(folds), source="made")


def deal(strata: Strata, count: int, rng: np.random.Generator) -> Int[np.ndarray, " case"]:
    """Deal cases into `count` hands like cards: sorted by event, site and time quantile, then in turn.

    A run of equal cards (same event, site and quantile) differs by one between hands at most; the order
    within a run and the order of the hands are drawn.
    """
    kind, quantile = _kinds(strata.outcome), _time_quantiles(strata.outcome)
    names = sorted({site or "" for site in strata.sites})
    site = np.array([names.index(site or "") for site in strata.sites], dtype=np.int64)
    order = np.lexsort((rng.permutation(len(kind)), quantile, site, kind))
    hands = rng.permutation(count)
    dealt = np.empty(len(kind), dtype=np.int64)
    dealt[order] = hands[np.arange(len(kind)) % count]
    return dealt


def count_events(outcome: Outcome) -> int:
    """Return what a part can teach from: its events; of classes, all cases that are not of the largest."""
    if isinstance(outcome, Classes):
        return len(outcome) - int(np.bincount(outcome.label, minlength=1).max())
    return int(outcome.event.sum())


def _kinds(outcome: Outcome) -> Int[np.ndarray, " case"]:
    """Return what is spread evenly first: events before censored cases, causes in order, classes."""
    if isinstance(outcome, Classes):
        return -outcome.label
    if isinstance(outcome, Competing):
        return np.where(outcome.cause == 0, len(outcome.causes), outcome.cause - 1)
    return (~outcome.event).astype(np.int64)


def _time_quantiles(outcome: Outcome) -> Int[np.ndarray, " case"]:
    """Return the quantile of each case's time among the events, or among the others; 0 without a time."""
    quantile = np.zeros(len(outcome), dtype=np.int64)
    if isinstance(outcome, Classes):
        return quantile
    for group in (outcome.event, ~outcome.event):
        rank = np.argsort(np.argsort(outcome.time_days[group], kind="stable"), kind="stable")
        quantile[group] = rank * TIME_QUANTILES // max(1, int(group.sum()))
    return quantile


def make_inner(
    strata: Strata, train: Int[np.ndarray, " train"], plan: FoldPlan, fold: tuple[int, int]
) -> Int[np.ndarray, " train"]:
    """Return the inner fold of every row of `train`, drawn from the seed and (repeat, fold)."""
    part = Strata(outcome=strata.outcome.take(train), sites=[strata.sites[row] for row in train])
    return deal(part, plan.inner, np.random.default_rng([plan.seed, *fold]))
