"""Which cases teach which network: folds of whole cases, made once or read, and then only followed.

Enters: the cases that have a mask, a file of folds in the contract's form or a seed. Leaves: folds, their
CSV text, and the cases of a train part that say when to stop. Nothing of a case is ever in two parts.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from extract.segment.settings import FitSettings
from feature_cache.csv_lines import csv_line
from feature_cache.errors import ManifestError, Problem
from feature_cache.tables import read_table

COLUMNS = ("repeat", "fold", "case_id", "part")


@dataclass(frozen=True, kw_only=True)
class SegmenterFold:
    """A train and a test part, case ids sorted; `test` may be empty (one network of all cases)."""

    repeat: int
    fold: int
    train: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its network's files."""
        return f"repeat{self.repeat}_fold{self.fold}"


@dataclass(frozen=True, kw_only=True)
class SegmenterFolds:
    """All folds of a fit and where they came from."""

    folds: tuple[SegmenterFold, ...]
    source: Literal["made", "file"]

    def csv_text(self) -> str:
        """Return folds.csv in the contract's form."""
        rows = [
            (str(fold.repeat), str(fold.fold), case_id, part)
            for fold in self.folds
            for part, cases in (("train", fold.train), ("test", fold.test))
            for case_id in cases
        ]
        return "".join(map(csv_line, (COLUMNS, *rows)))

    @property
    def sha256(self) -> str:
        """The sha256 (hex) of the bytes of folds.csv."""
        return hashlib.sha256(self.csv_text().encode("utf-8")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class CaseToDeal:
    """What folds are balanced by: the site, and whether any structure was drawn."""

    site: str | None
    drawn: bool


def make_folds(cases: Mapping[str, CaseToDeal], settings: FitSettings) -> SegmenterFolds:
    """Deal cases into `settings.folds` parts of one size, sites and empty masks spread evenly.

    Raises
    ------
    ManifestError
        Fewer cases than folds.
    """
    if len(cases) < settings.folds:
        raise ManifestError(
            "folds",
            expected=f"{settings.folds} cases with a mask, one a fold at least",
            got=f"{len(cases)}",
            remedy="Set fewer `folds` in the settings; 1 fits one network to all cases.",
        )
    names = sorted(cases)
    if settings.folds == 1:
        return SegmenterFolds(
            folds=(SegmenterFold(repeat=1, fold=1, train=tuple(names), test=()),), source="made"
        )
    drawn_at_random = np.random.default_rng([settings.seed, 0]).permutation(len(names))
    order = sorted(
        range(len(names)),
        key=lambda row: (cases[names[row]].drawn, cases[names[row]].site or "", drawn_at_random[row]),
    )
    fold_of = {names[row]: place % settings.folds + 1 for place, row in enumerate(order)}
    folds = tuple(
        SegmenterFold(
            repeat=1,
            fold=number,
            train=tuple(name for name in names if fold_of[name] != number),
            test=tuple(name for name in names if fold_of[name] == number),
        )
        for number in range(1, settings.folds + 1)
    )
    return SegmenterFolds(folds=folds, source="made")


def read_folds(path: Path, cases: Sequence[str]) -> SegmenterFolds:
    """Read folds.csv (repeat, fold, case_id, part); rows of cases without a mask are passed over.

    Raises
    ------
    ManifestError
        No such table; a case in two parts of a fold, twice, or in none; a part that is neither train nor
        test; a fold with nobody to learn from; a case that is tested twice in a repeat.
    """
    parts: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    for row in _rows(path):
        where = f"{path.name}: case {row['case_id']}"
        if row["part"] not in ("train", "test") or not (
            row["repeat"].isdecimal() and row["fold"].isdecimal()
        ):
            raise ManifestError(
                where,
                expected="whole numbers for repeat and fold, and part train or test",
                got="something else",
                remedy="Cases for early stopping are taken from train: write train for them.",
            )
        of_fold = parts[int(row["repeat"]), int(row["fold"])]
        if row["case_id"] in of_fold:
            raise ManifestError(
                where,
                expected="each case once in a fold, in train or in test",
                got=f"repeat {row['repeat']}, fold {row['fold']} has it twice",
                remedy="Give all studies of a case one part.",
            )
        of_fold[row["case_id"]] = row["part"]
    folds = tuple(_fold(path, key, of_fold, cases) for key, of_fold in sorted(parts.items()))
    _refuse_repeated_tests(path, folds)
    return SegmenterFolds(folds=folds, source="file")


def early_stopping_cases(
    fold: SegmenterFold, drawn: Mapping[str, bool], settings: FitSettings
) -> tuple[str, ...]:
    """Return the cases of a train part that say when to stop, sorted; none where `patience` is null.

    Cases in which something was drawn are taken first: an empty mask has no Dice.

    Raises
    ------
    ManifestError
        A train part in which fewer than two cases have a structure: none could be spared.
    """
    if settings.patience is None:
        return ()
    useful = [case for case in fold.train if drawn[case]]
    if len(useful) < 2:
        raise ManifestError(
            f"folds: repeat {fold.repeat}, fold {fold.fold}",
            expected="two cases in train in which something was drawn, one of them to stop early by",
            got=f"{len(useful)} of {len(fold.train)}",
            remedy="Set `patience: null` for a fixed number of epochs, or choose fewer folds.",
        )
    wanted = min(max(1, round(settings.early_stopping_share * len(fold.train))), len(useful) - 1)
    rng = np.random.default_rng([settings.seed, 1, fold.repeat, fold.fold])
    return tuple(sorted(useful[row] for row in rng.permutation(len(useful))[:wanted]))


def _rows(path: Path) -> list[dict[str, str]]:
    problems: list[Problem] = []
    columns, rows = read_table(path, problems)
    for problem in problems:
        raise ManifestError(problem.where, expected=problem.expected, got=problem.got, remedy=problem.remedy)
    lacking = [name for name in COLUMNS if name not in columns]
    if lacking or not rows:
        raise ManifestError(
            path.name,
            expected=f"columns {', '.join(COLUMNS)}, and rows",
            got=f"no column {', '.join(lacking)}" if lacking else "no row",
            remedy="Give --folds a table in the form of folds.csv, or leave it out to have folds made.",
        )
    return rows


def _fold(
    path: Path, key: tuple[int, int], of_fold: Mapping[str, str], cases: Sequence[str]
) -> SegmenterFold:
    where = f"{path.name}: repeat {key[0]}, fold {key[1]}"
    absent = [case for case in cases if case not in of_fold]
    if absent:
        raise ManifestError(
            where,
            expected="every case with a mask in train or test",
            got=f"no row for {len(absent)} of them, the first is case {absent[0]}",
            remedy="Add them to train or test.",
        )
    train, test = (
        tuple(sorted(case for case in cases if of_fold[case] == part)) for part in ("train", "test")
    )
    if not train:
        raise ManifestError(
            where,
            expected="cases with a mask in train",
            got="none",
            remedy="Move some there, or take the fold out.",
        )
    return SegmenterFold(repeat=key[0], fold=key[1], train=train, test=test)


def _refuse_repeated_tests(path: Path, folds: Sequence[SegmenterFold]) -> None:
    seen: set[tuple[int, str]] = set()
    for fold in folds:
        for case in fold.test:
            if (fold.repeat, case) in seen:
                raise ManifestError(
                    f"{path.name}: case {case}",
                    expected="each case in one test part a repeat",
                    got=f"two in repeat {fold.repeat}",
                    remedy="Number the repeats, or mend the folds.",
                )
            seen.add((fold.repeat, case))
