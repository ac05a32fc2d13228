"""Who is known to have had the event by one day, what was predicted of them, and how much each one counts.

Enters: a `ScoredArm` or a `ClassArm`. Leaves: one observation for every test part that a case was in, all
repeats below each other. Calibration at one day is judged on these, whatever the kind of the endpoint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.metrics.censoring import weigh
from fuse.metrics.class_scored import ClassArm
from fuse.metrics.pooled import predicted_event_free, weights_note
from fuse.metrics.scored import ScoredArm


@dataclass(frozen=True, kw_only=True)
class KnownStatus:
    """Observations of which the status on the day is known; `row` (obs,) is the case's row in the cohort.

    `part` (obs,) numbers the test part. `weight` (obs,) is 1 / the probability of being known, 1 everywhere
    without censoring. `constant` says that every fold predicted the same for all of its cases. `note` names
    the weights.
    """

    row: Int[np.ndarray, " obs"]
    part: Int[np.ndarray, " obs"]
    probability: Float[np.ndarray, " obs"]
    happened: Bool[np.ndarray, " obs"]
    weight: Float[np.ndarray, " obs"]
    constant: bool
    note: str

    def of_cases(self, happened: bool) -> int:
        """Return how many cases are known to have had the event, or not to have had it."""
        return len(np.unique(self.row[self.happened == happened]))


def known_at(arm: ScoredArm, day: float) -> KnownStatus:
    """Return the cases known to have had the event by a day, or to be free of it on that day.

    Weighted as for the Brier score (see `censoring.weigh`): a case that was censored before the day is
    represented by those like it that were not. A case with another cause first is known not to have it.
    """
    days = np.array([day])
    parts, constant, capped = [], True, set()
    for number, fold in enumerate(arm.folds):
        weights = weigh(fold.truth.reference, fold.truth.test, days)
        said = 1 - predicted_event_free(fold, days)[:, 0]
        constant &= bool(np.ptp(said) < 1e-12)
        weight = weights.had_event[:, 0] + weights.event_free[:, 0]
        known = weight > 0
        capped |= set(fold.rows[weights.capped].tolist())
        part = np.full(int(known.sum()), number)
        parts.append((fold.rows[known], part, said[known], weights.had_event[known, 0] > 0, weight[known]))
    row, part, probability, happened, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    return KnownStatus(
        row=row,
        part=part,
        probability=probability,
        happened=happened,
        weight=weight,
        constant=constant,
        note=weights_note(arm, len(capped)),
    )


def known_classes(arm: ClassArm) -> KnownStatus:
    """Return every case of a binary endpoint with its probability of a yes; nobody is censored."""
    said = [fold.prediction.probability[:, 1] for fold in arm.folds]
    row = np.concatenate([fold.rows for fold in arm.folds])
    return KnownStatus(
        row=row,
        part=np.repeat(np.arange(len(said)), [len(of_fold) for of_fold in said]),
        probability=np.concatenate(said),
        happened=np.concatenate([fold.truth.test.label == 1 for fold in arm.folds]),
        weight=np.ones(len(row)),
        constant=all(np.ptp(of_fold) < 1e-12 for of_fold in said),
        note="",
    )
