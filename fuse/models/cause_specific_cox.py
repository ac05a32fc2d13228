"""Cause-specific Cox regression: one ridge Cox a cause, put together into cumulative incidence.

Enters: the values of one modality, times and causes. Leaves: the learner of each cause, and the scorer
of all causes together, by what comes first. `ridge_cox` on such an endpoint gives the other causes the same
hazard in every case; here theirs follow the values too: who is likely to die first has less of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases
from fuse.models.card import ModelCard
from fuse.models.cause_hazards import CauseHazards
from fuse.models.learner import Scorer
from fuse.models.ridge_cox import RidgeCox


class CauseSpecificCox(RidgeCox):
    """The ridge Cox of one cause; `per_cause` has an arm of it fitted for each."""

    name = "cause_specific_cox"
    per_cause = True


@dataclass(frozen=True, kw_only=True)
class CausesScorer:
    """The scorers of all causes with their hazards; cases are ranked by the incidence on `day`."""

    scorers: Mapping[str, Scorer]
    hazards: CauseHazards
    day: float

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard of the subdistribution by `day`; 0.0 for who lacks the modality."""
        return self.hazards.risk(self._risks(cases), self.day)

    def incidence(
        self, cases: Cases, times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case time"]:
        """Return the cumulative incidence of the cause of interest up to each day."""
        return self.hazards.incidence(self._risks(cases), times_days)

    def _risks(self, cases: Cases) -> Float[np.ndarray, "cause case"]:
        return np.stack([scorer.risk(cases) for scorer in self.scorers.values()])


CARD = ModelCard(
    name="cause_specific_cox",
    title="Cause-specific Cox, ridge penalty",
    reads="values",
    modalities="one",
    needs=(),
    source="Prentice et al. 1978, Biometrics 34:541; Benichou and Gail 1990, Biometrics 46:813",
    options=("missing_indicators",),
    endpoints=("competing",),
    adds_up=False,
    build=lambda modalities, options: CauseSpecificCox(
        modalities, bool(options.get("missing_indicators", False))
    ),
    late_entry=True,
)
