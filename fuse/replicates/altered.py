"""A cohort altered on purpose: cases drawn again, outcomes dealt anew, or what goes beyond clinical values.

Enters: cases, outcomes, the folds of one repeat, a generator. Leaves: the same three, altered, for the
pipeline to be fitted on as it was on the cohort itself. Outcomes and folds never part: folds are made from
outcomes, so it is the features that are dealt to other cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from feature_cache.errors import OutcomeError
from fuse.cases import Cases
from fuse.folds.folds import Fold
from fuse.labels import modality_of
from fuse.outcomes.outcomes import Classes, Outcome
from fuse.replicates.beyond import deal_beyond

#: The modality that the others are asked to add to.
GIVEN = "clinical"

#: Resamples that are drawn before it is said that none can be fitted.
MOST_DRAWS = 100


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Cases, their outcomes, and folds of one repeat; rows of all three are the same cases."""

    cases: Cases
    outcome: Outcome
    folds: tuple[Fold, ...]


def resample_cases(cohort: Cohort, rng: np.random.Generator) -> Cohort:
    """Draw as many cases with replacement; a case and its copies stay in the fold that the case was in.

    A copy in the train part of the fold that tests the case would be a leak. Copies are never compared with
    each other: they share one time. Draws without an event (or with one class) in a train part are drawn
    again.

    Raises
    ------
    OutcomeError
        None of `MOST_DRAWS` resamples can be fitted.
    """
    count = len(cohort.cases)
    for _ in range(MOST_DRAWS):
        drawn = rng.integers(count, size=count)
        folds = tuple(_follow(fold, drawn) for fold in cohort.folds)
        outcome = cohort.outcome.take(drawn)
        if all(_can_be_fitted(outcome, fold) for fold in folds):
            return Cohort(cases=cohort.cases.take(drawn), outcome=outcome, folds=folds)
    raise OutcomeError(
        "refit bootstrap",
        expected="resamples with an event in every train part",
        got=f"none in {MOST_DRAWS} draws",
        remedy="Use fewer folds, or no refit_bootstrap, with so few events.",
    )


def deal_outcomes(cohort: Cohort, rng: np.random.Generator) -> Cohort:
    """Give every outcome, with its place in the folds, to a case drawn without replacement.

    What is known of a case stays together: its modalities, and which of them it lacks.
    """
    return replace(cohort, cases=cohort.cases.take(rng.permutation(len(cohort.cases))))


def deal_conditionally(cohort: Cohort, rng: np.random.Generator) -> Cohort:
    """Deal among cases what all other modalities say beyond the clinical values; see `beyond.py`."""
    given = [label for label in cohort.cases.modalities if modality_of(label) == GIVEN]
    return replace(cohort, cases=deal_beyond(cohort.cases, given, rng))


def one_repeat(folds: Sequence[Fold], number: int) -> tuple[Fold, ...]:
    """Return the folds of a repeat: the first for number 0, and around again after the last."""
    repeats = sorted({fold.repeat for fold in folds})
    wanted = repeats[number % len(repeats)]
    return tuple(fold for fold in folds if fold.repeat == wanted)


def _follow(fold: Fold, drawn: Int[np.ndarray, " case"]) -> Fold:
    """Return the fold of a resample: every copy is where its case was."""
    inner_of = dict(zip(fold.train.tolist(), fold.inner.tolist(), strict=True))
    train = np.flatnonzero(np.isin(drawn, fold.train))
    return replace(
        fold,
        train=train,
        test=np.flatnonzero(np.isin(drawn, fold.test)),
        inner=np.array([inner_of[row] for row in drawn[train].tolist()], dtype=np.int64),
    )


def _can_be_fitted(outcome: Outcome, fold: Fold) -> bool:
    """Return whether a train part has an event (two classes) and two inner folds, and somebody is tested."""
    if not len(fold.test) or len(np.unique(fold.inner)) < 2:
        return False
    train = outcome.take(fold.train)
    return len(np.unique(train.label)) > 1 if isinstance(train, Classes) else bool(train.event.any())
