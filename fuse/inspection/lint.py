"""The leak lint: what tells the outcome before anything is fitted, in the order in which it can be known.

Enters: a cohort, its outcomes, the chosen feature sets; then the folds; then the values. Leaves: problems,
each beginning with the name of its leak (`leaks.py`). `fuse check` and `fuse benchmark` ask the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from feature_cache.cohort import Cohort
from feature_cache.errors import Problem
from fuse.cases import Cases
from fuse.features.feature_sets import ChosenSet
from fuse.folds.folds import Folds
from fuse.inspection.declared_leaks import declared_leaks
from fuse.inspection.duplicates import near_embeddings, same_sources
from fuse.inspection.label_vectors import label_vectors
from fuse.inspection.outcome_columns import outcome_columns
from fuse.inspection.pooled_items import PooledItems
from fuse.inspection.segmenter_cases import segmenter_cases
from fuse.outcomes.endpoint import OutcomeDoor, inspect_outcomes
from fuse.outcomes.outcome_kinds import KINDS


def lint_inputs(
    cohort: Cohort, door: OutcomeDoor, also: Sequence[str], chosen: Mapping[str, ChosenSet]
) -> Iterator[Problem]:
    """Yield what card, tables, outcomes and the records of entries tell; no array is read.

    `also` are endpoints that are learned beside that of the door.
    """
    yield from declared_leaks(cohort, door.endpoint, chosen)
    yield from same_sources(chosen, door.case_ids)
    yield from label_vectors(_doors(cohort, door), (door.endpoint, *also))


def lint_folds(folds: Folds, chosen: Mapping[str, ChosenSet]) -> Iterator[Problem]:
    """Yield what the division into parts makes a leak."""
    tested = np.unique(np.concatenate([fold.test for fold in folds.folds]))
    yield from segmenter_cases(chosen, {folds.case_ids[row] for row in tested.tolist()})


def lint_values(cases: Cases, items: Sequence[PooledItems], door: OutcomeDoor) -> Iterator[Problem]:
    """Yield what the values themselves tell: columns that are the outcome, cases that are one.

    `cases` are those of the door, in any order. Outcomes of all of them are compared with each column and
    used for nothing else.
    """
    outcome = door.lint(cases.case_ids)
    for modality in cases.modalities.values():
        yield from outcome_columns(modality, outcome)
    for one in items:
        yield from near_embeddings(one)


def _doors(cohort: Cohort, door: OutcomeDoor) -> dict[str, OutcomeDoor]:
    """Return the doors of all endpoints that can be read and that are not made from others."""
    doors = {door.endpoint: door}
    for name, declared in cohort.card.endpoints.items():
        if name not in doors and declared.kind in KINDS and not declared.first_of:
            doors[name] = inspect_outcomes(cohort, name)[0]
    return doors
