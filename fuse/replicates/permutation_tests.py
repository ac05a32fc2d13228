"""p-values of permutation tests, with their null in words.

Enters: C of every arm on the cohort itself and on each altered one, by the same function. Leaves: the rows of
tests.csv. Every test is one-sided (higher C than the null gives), and its p counts the cohort itself among
the altered ones, so that it is never 0 and holds its level (Phipson and Smyth 2010).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fuse.metrics.comparison import Roles

#: Rounding of two sums of the same pairs is no difference.
ROUNDING = 1e-12

ANYTHING = "the outcome has nothing to do with anything that is known of a case"
BEYOND = (
    "given the clinical values, nothing else tells of the outcome (the other modalities may follow the "
    "clinical values by a line or a parabola)"
)


@dataclass(frozen=True, kw_only=True)
class PermutationRow:
    """One line of tests.csv: `statistic` of the cohort, held against that of `n` altered ones.

    `altered_mean` and `altered_high` are the mean of theirs, and what 95 % of them stay below.
    """

    test: str
    arms: str
    statistic: float
    p: float
    n: int
    altered_mean: float
    altered_high: float
    method: str
    null: str


@dataclass(frozen=True, kw_only=True)
class Held:
    """C of each arm on the cohort (`own`), and on each altered cohort in turn."""

    own: Mapping[str, float]
    altered: Sequence[Mapping[str, float]]


def share_as_high(own: float, altered: Sequence[float]) -> float:
    """Return p: how many of all, the cohort among them, are at least as high as the cohort.

    >>> share_as_high(0.7, [0.5, 0.6, 0.7])
    0.5
    """
    high = np.asarray(altered) >= own - ROUNDING
    return float((1 + high.sum()) / (1 + len(high)))


def rows_of_permutation(held: Held, roles: Roles, note: str) -> list[PermutationRow]:
    """Return whether anything predicts at all: the highest C of all arms, and arms that are asked about.

    The highest is held against the highest of each permutation: picking the best arm afterwards is part of
    what is repeated. Arms alone are not adjusted for being several.
    """
    if not held.altered:
        return [_nothing("permutation", "no arm that is cheap enough to be fitted again", ANYTHING)]
    highest = max(held.own.values()), [max(altered.values()) for altered in held.altered]
    rows = [_row("permutation", "the highest of all arms", highest, (note, ANYTHING))]
    asked = (tested_fusion(roles, held.own), roles.clinical, roles.selected_single)
    for arm in dict.fromkeys(name for name in asked if name in held.own):
        own = held.own[arm], [altered[arm] for altered in held.altered]
        rows.append(_row("permutation", arm, own, (note, ANYTHING)))
    return rows


def rows_of_conditional(held: Held, roles: Roles, note: str) -> list[PermutationRow]:
    """Return whether the other modalities add to the clinical values: the gain of fusion over their arm."""
    fusion = tested_fusion(roles, held.own)
    if not fusion or roles.clinical not in held.own:
        why = "no cheap fusion" if not fusion else "no clinical arm among the comparators"
        return [_nothing("conditional_permutation", why, BEYOND)]
    gains = [altered[fusion] - altered[roles.clinical] for altered in held.altered]
    own = held.own[fusion] - held.own[roles.clinical], gains
    return [_row("conditional_permutation", f"{fusion} minus {roles.clinical}", own, (note, BEYOND))]


def tested_fusion(roles: Roles, there: Collection[str]) -> str:
    """Return the fusion that is compared with the comparators; if it was left out, the last that was not."""
    return next((arm for arm in (roles.fusion, *reversed(roles.other_fusions)) if arm in there), "")


def _nothing(test: str, why: str, null: str) -> PermutationRow:
    """Return the row of a test that could not be made."""
    nan = float("nan")
    return PermutationRow(
        test=test,
        arms="",
        statistic=nan,
        p=nan,
        n=0,
        altered_mean=nan,
        altered_high=nan,
        method=f"none: {why}",
        null=null,
    )


def _row(test: str, arms: str, held: tuple[float, Sequence[float]], words: tuple[str, str]) -> PermutationRow:
    own, altered = held
    note, null = words
    method = "one-sided, whole pipeline refitted each time, first repeat of the folds"
    return PermutationRow(
        test=test,
        arms=arms,
        statistic=own,
        p=share_as_high(own, altered),
        n=len(altered),
        altered_mean=float(np.mean(altered)),
        altered_high=float(np.quantile(altered, 0.95)),
        method=f"{method}; {note}" if note else method,
        null=null,
    )
