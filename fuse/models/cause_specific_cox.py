"""Cause-specific Cox regression: one ridge Cox a cause, put together into cumulative incidence.

Enters: the values of one modality, times and causes. Leaves: the learner of each cause, and the hazards of
all causes as one model of what comes first. `ridge_cox` on such an endpoint gives the other causes the same
hazard in every case; here theirs follow the values too: who is likely to die first has less of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases
from fuse.models.card import ModelCard
from fuse.models.learner import Scorer
from fuse.models.ridge_cox import RidgeCox

#: Incidences nearer to 1 are as certain as can be said; their logarithm of a logarithm stays finite.
MOST_INCIDENCE = 1 - 1e-12


class CauseSpecificCox(RidgeCox):
    """The ridge Cox of one cause; `per_cause` has an arm of it fitted for each."""

    name = "cause_specific_cox"
    per_cause = True


@dataclass(frozen=True, kw_only=True)
class CauseHazards:
    """Cumulative hazards of several causes, that of interest first.

    `slope` (cause,): what the risks of each cause are multiplied by. `time_days` (step,): every day on which
    something happened. `increments` (cause, step): of the cumulative hazard of a case of risk 0.
    """

    slope: Float[np.ndarray, " cause"]
    time_days: Float[np.ndarray, " step"]
    increments: Float[np.ndarray, "cause step"]

    def incidence(
        self, risks: Float[np.ndarray, "cause case"], times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case time"]:
        """Return the cumulative incidence of the cause of interest up to each day, in [0, 1].

        On a day when several causes happen they share what is lost as their hazards (as the matrix
        exponential of R's `survfit.coxphms` does), so that incidences and what is left sum to 1.
        """
        relative = np.exp(self.slope[:, None] * risks)
        interest = relative[0][:, None] * self.increments[0]
        total = np.zeros_like(interest)
        for own, increments in zip(relative, self.increments, strict=True):
            total += own[:, None] * increments
        before = np.exp(-(np.cumsum(total, axis=1) - total))
        share = np.divide(interest, total, out=np.zeros_like(total), where=total > 0)
        reached = np.cumsum(before * -np.expm1(-total) * share, axis=1)
        padded = np.concatenate([np.zeros((len(reached), 1)), reached], axis=1)
        steps = np.searchsorted(self.time_days, times_days, side="right")
        return np.asarray(np.clip(padded[:, steps], 0.0, 1.0))

    def risk(self, risks: Float[np.ndarray, "cause case"], day: float) -> Float[np.ndarray, " case"]:
        """Return the complementary log-log of the incidence by a day, above that of a case of risk 0.

        On this scale a model of proportional subdistribution hazards would be a sum. Where the cause of
        interest does not happen by then it is the log hazard of that cause.
        """
        days = np.array([day])
        middle = self.incidence(np.zeros((len(risks), 1)), days)[0, 0]
        if middle <= 0.0:
            return np.asarray(self.slope[0] * risks[0])
        return np.asarray(_log_log(self.incidence(risks, days)[:, 0]) - _log_log(np.array([middle]))[0])


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


def _log_log(incidence: Float[np.ndarray, " case"]) -> Float[np.ndarray, " case"]:
    tiny = np.finfo(np.float64).tiny
    return np.asarray(np.log(-np.log1p(-np.clip(incidence, tiny, MOST_INCIDENCE))))


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
