"""Hazards of several causes put together: how many will have had the one of interest first.

Enters: for each cause the slope of its risks and its cumulative baseline hazard. Leaves: cumulative
incidence by any day. The only place where causes compete, whether the others follow the values
(`cause_specific_cox`) or are the same for everybody (the calibration of an arm that ranks by one cause).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

#: Incidences nearer to 1 are as certain as can be said; their logarithm of a logarithm stays finite.
MOST_INCIDENCE = 1 - 1e-12

Steps = tuple[Float[np.ndarray, " step"], Float[np.ndarray, " step"]]
"""Days, ascending, and the cumulative hazard from each on."""


@dataclass(frozen=True, kw_only=True)
class CauseHazards:
    """Cumulative hazards of several causes, that of interest first.

    `slope` (cause,): what the risks of each cause are multiplied by. `time_days` (step,): every day on which
    something happened. `increments` (cause, step): of the cumulative hazard of a case of risk 0.
    """

    slope: Float[np.ndarray, " cause"]
    time_days: Float[np.ndarray, " step"]
    increments: Float[np.ndarray, "cause step"]

    @classmethod
    def join(cls, slopes: Sequence[float], curves: Sequence[Steps]) -> CauseHazards:
        """Put the baselines of all causes, each on its own days, on the days of any of them."""
        days = np.unique(np.concatenate([own for own, _ in curves]))
        increments = np.zeros((len(curves), len(days)))
        for row, (own, cumulative) in enumerate(curves):
            increments[row, np.searchsorted(days, own)] = np.diff(cumulative, prepend=0.0)
        return cls(slope=np.array(slopes, dtype=np.float64), time_days=days, increments=increments)

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


def _log_log(incidence: Float[np.ndarray, " case"]) -> Float[np.ndarray, " case"]:
    tiny = np.finfo(np.float64).tiny
    return np.asarray(np.log(-np.log1p(-np.clip(incidence, tiny, MOST_INCIDENCE))))
