"""The hazard of the subdistribution: the likelihood of Fine and Gray, and the baseline that goes with it.

Enters: columns or risks of a train part, with times and causes. Leaves: a concave likelihood for Newton's
steps, and the cumulative baseline hazard. Who had another cause first stays at risk of the cause of interest,
counted by the probability of being observed still: G(s-) / G(T-), as `finegray` of R's survival has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from fuse.losses import risk_sets
from fuse.metrics.kaplan_meier import estimate_observed
from fuse.models.baseline_hazard import BaselineHazard
from fuse.models.newton_cox import best_slope
from fuse.outcomes.likelihood import MAX_SLOPE_PER_SD
from fuse.outcomes.outcomes import Competing, Survival


@dataclass(frozen=True)
class SubdistributionLikelihood:
    """Cases from the latest to the earliest time; `last` and `first` are the ends of each one's tie group.

    `events` (event,): rows of the events of interest. `kept` (case,): 1 / G(T-) of a case with another cause,
    0 of all others. `observed` (case,): G(T-). Fine and Gray 1999, equation 3; ties are Breslow's; an event
    comes before a censoring of the same day.
    """

    matrix: Float[np.ndarray, "case column"]
    time_days: Float[np.ndarray, " case"]
    events: Int[np.ndarray, " event"]
    last: Int[np.ndarray, " case"]
    first: Int[np.ndarray, " case"]
    kept: Float[np.ndarray, " case"]
    observed: Float[np.ndarray, " case"]

    @classmethod
    def of(cls, matrix: Float[np.ndarray, "case column"], outcome: Competing) -> SubdistributionLikelihood:
        """Sort the cases and weigh those with another cause by the censoring of these very cases."""
        order, last = risk_sets(outcome.time_days)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(last)) + 1])
        group = np.searchsorted(starts, np.arange(len(last)), side="right") - 1
        time_days, cause = outcome.time_days[order], outcome.cause[order]
        seen = estimate_observed(Survival(event=outcome.cause > 0, time_days=outcome.time_days))
        observed = seen.at(np.nextafter(time_days, -np.inf))
        return cls(
            matrix=np.ascontiguousarray(matrix[order]),
            time_days=time_days,
            events=np.flatnonzero(cause == 1),
            last=last,
            first=starts[group],
            # whoever was under observation on a day was uncensored before it: G(T-) is above 0
            kept=np.where(cause > 1, 1.0 / observed, 0.0),
            observed=observed,
        )

    def value(self, coefficients: Float[np.ndarray, " column"]) -> float:
        """Return the log partial likelihood."""
        risk = self.matrix @ coefficients
        weight, highest = self._weights(risk)
        return float(np.sum(risk[self.events] - highest) - np.sum(np.log(self._at_risk(weight[:, None]))))

    def slopes(
        self, coefficients: Float[np.ndarray, " column"]
    ) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, "column column"]]:
        """Return the first derivatives of the likelihood, and minus the second."""
        weight, _ = self._weights(self.matrix @ coefficients)
        weighted = self.matrix * weight[:, None]
        total = self._at_risk(weight[:, None])
        mean = self._at_risk(weighted) / total
        gradient = self.matrix[self.events].sum(axis=0) - mean.sum(axis=0)
        hazard = self._cumulative(1.0 / total[:, 0])
        return gradient, weighted.T @ (self.matrix * hazard[:, None]) - mean.T @ mean

    def baseline(self, risk_slope: float) -> tuple[Float[np.ndarray, " step"], Float[np.ndarray, " step"]]:
        """Return the days of events and the cumulative subdistribution hazard of a case of risk 0.

        For a likelihood of one column: `risk_slope` is its coefficient.
        """
        weight, highest = self._weights(self.matrix[:, 0] * risk_slope)
        increments = np.exp(-highest) / self._at_risk(weight[:, None])[:, 0]
        days, step = np.unique(self.time_days[self.events], return_inverse=True)
        return days, np.cumsum(np.bincount(step, weights=increments, minlength=len(days)))

    def _weights(self, risk: Float[np.ndarray, " case"]) -> tuple[Float[np.ndarray, " case"], float]:
        highest = float(risk.max())
        return np.exp(risk - highest), highest

    def _at_risk(self, terms: Float[np.ndarray, "case column"]) -> Float[np.ndarray, "event column"]:
        """Sum the terms of the cases at risk at each event, those with another cause before it weighed."""
        ends = self.last[self.events]
        still = np.cumsum(terms, axis=0)[ends]
        earlier = np.cumsum((terms * self.kept[:, None])[::-1], axis=0)[::-1]
        earlier = np.concatenate([earlier, np.zeros((1, terms.shape[1]))])[ends + 1]
        return np.asarray(still + self.observed[self.events, None] * earlier)

    def _cumulative(self, increments: Float[np.ndarray, " event"]) -> Float[np.ndarray, " case"]:
        """Return the hazard that each case was under: up to its time, and weighed after another cause."""
        own, later = np.zeros(len(self.time_days)), np.zeros(len(self.time_days))
        own[self.events] = increments
        later[self.events] = increments * self.observed[self.events]
        before = np.cumsum(own[::-1])[::-1][self.first]
        after = np.concatenate([[0.0], np.cumsum(later)])[self.first]
        return np.asarray(before + self.kept * after)


def subdistribution_slope(risk: Float[np.ndarray, " case"], outcome: Competing) -> float:
    """Return the slope >= 0 that maximises the likelihood of Fine and Gray of `slope * risk`.

    Risks that are all the same, or that go against what happened, get 0.
    """
    sd = float(np.std(risk))
    if not outcome.event.any() or sd <= 1e-12:
        return 0.0
    likelihood = SubdistributionLikelihood.of(risk[:, None], outcome)
    if likelihood.slopes(np.zeros(1))[0][0] <= 1e-9 * sd:
        return 0.0
    return best_slope(likelihood, MAX_SLOPE_PER_SD / sd)


def subdistribution_gain(risk: Float[np.ndarray, " case"], outcome: Competing) -> float:
    """Return the log likelihood of out-of-fold risks, at their best slope >= 0, above the null's."""
    if not outcome.event.any():
        return 0.0
    likelihood = SubdistributionLikelihood.of(risk[:, None], outcome)
    slope = subdistribution_slope(risk, outcome)
    return likelihood.value(np.array([slope])) - likelihood.value(np.zeros(1))


def fit_subdistribution_baseline(risk: Float[np.ndarray, " case"], outcome: Competing) -> BaselineHazard:
    """Fit slope and baseline on risks that were predicted out of fold.

    exp(-cumulative hazard * exp(slope * risk)) is 1 - the cumulative incidence of the cause of interest.
    """
    slope = subdistribution_slope(risk, outcome)
    time_days, cumulative = SubdistributionLikelihood.of(risk[:, None], outcome).baseline(slope)
    return BaselineHazard(slope=slope, time_days=time_days, cumulative=cumulative)
