"""From when a case is followed: the day of the prediction, and the day on which it came under observation.

Enters: a cohort, and outcomes whose times count from the index event. Leaves: the outcomes of the cases that
were under observation when they began to be followed. At a moment of the card the clock starts again there
(van Houwelingen 2007, landmark analysis): event-free at L, features up to L, time from L on. A case with an
entry day of its own is at risk from then on only (left truncation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from fuse.outcomes.outcome_kinds import OutcomeTable
from fuse.outcomes.outcomes import Classes


@dataclass(frozen=True, kw_only=True)
class Clock:
    """When time is counted from, in days after the index event.

    `landmark_days`: whoever has an outcome by then is not predicted. `start_days`: what is day 0 of the
    times, 0 but at a moment after the index event. `entry_days`: case -> day on which it came under
    observation, where that is later than the landmark.
    """

    landmark_days: float
    start_days: float
    entry_days: Mapping[str, float]

    @property
    def before(self) -> str:
        """What happened to a case that is not followed, in words: to the left of its clock."""
        late = ", or before they came under observation" if self.entry_days else ""
        return f"outcome by day {self.landmark_days:g}{late}"

    @classmethod
    def of(cls, cohort: Cohort) -> Clock:
        """Return the clock of a cohort's predictions."""
        landmark = landmark_days(cohort.card)
        late = {
            row.case_id: float(row.entry_day)
            for row in cohort.cases
            if row.entry_day is not None and row.entry_day > landmark
        }
        start = 0.0 if cohort.moment is None else float(max(0, cohort.card.prediction_day_number))
        return cls(landmark_days=landmark, start_days=start, entry_days=late)

    def follow(self, table: OutcomeTable) -> OutcomeTable:
        """Return the outcomes of the cases that were under observation, on this clock.

        Classes have no time: all of them are kept.
        """
        if isinstance(table.outcome, Classes):
            return table
        entry = np.array([self.entry_days.get(case, self.landmark_days) for case in table.case_ids])
        kept = np.flatnonzero(table.outcome.time_days > entry)
        outcome = table.outcome.take(kept)
        if self.start_days:
            outcome = replace(outcome, time_days=outcome.time_days - self.start_days)
        case_ids = tuple(table.case_ids[row] for row in kept)
        if any(case in self.entry_days for case in case_ids):
            entered = [self.entry_days.get(case, self.start_days) - self.start_days for case in case_ids]
            outcome = replace(outcome, entry_days=np.array(entered))
        return OutcomeTable(case_ids=case_ids, outcome=outcome)


def landmark_days(card: CohortCard) -> float:
    """Return the day from which a case is followed: prediction day or entry day, whichever is later."""
    prediction = card.prediction_day if isinstance(card.prediction_day, int) else 0
    return float(max(0, prediction, card.entry_day or 0))
