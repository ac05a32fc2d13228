"""Ridge-penalised Cox regression by Newton's method, over a path of penalties.

Enters: columns of a train part (a few dozen at most), outcomes, penalties. Leaves: coefficients for each
penalty. A cohort is fitted thousands of times by folds, inner folds and stacks; the library that this is
tested against needs four seconds to import and ten times as long for a fit.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.losses import risk_sets
from fuse.models.entering_likelihood import EnteringLikelihood
from fuse.outcomes.outcomes import Survival

logger = logging.getLogger(__name__)

#: A fit has converged where a step would gain less than this of log likelihood.
TOLERANCE = 1e-8
MOST_STEPS = 50
MOST_HALVINGS = 30


def ridge_cox_path(
    matrix: Float[np.ndarray, "case column"],
    outcome: Survival,
    alphas: tuple[float, ...],
    offset: Float[np.ndarray, " case"] | None = None,
) -> list[Float[np.ndarray, " column"]]:
    """Return the coefficients that maximise log partial likelihood - alpha / 2 * their squares.

    Parameters
    ----------
    matrix
        Columns of about unit scale.
    outcome
        Ties are Breslow's (1974).
    alphas
        Penalties > 0. Each fit starts at 0, so that it is the same whatever others are asked for with it.
    offset
        A log hazard that is known and added with coefficient 1; 0 if absent.

    Returns
    -------
    list
        Coefficients for each penalty, in the order given. Where Newton's steps end nowhere they are 0, the
        null model's, and a warning is logged.
    """
    if not matrix.shape[1]:
        return [np.zeros(0) for _ in alphas]
    likelihood = partial_likelihood(matrix, outcome, offset)
    found = []
    for alpha in alphas:
        with np.errstate(over="ignore", invalid="ignore"):  # where a step ends is judged, not assumed
            coefficients = maximise(likelihood, alpha)
        if coefficients is None:
            logger.warning("ridge Cox, alpha %g, %d cases: did not converge", alpha, len(outcome))
            coefficients = np.zeros(matrix.shape[1])
        found.append(coefficients)
    return found


def cox_slope(risk: Float[np.ndarray, " case"], outcome: Survival, highest: float) -> float:
    """Return the slope in [0, highest] that maximises the partial likelihood of `slope * risk`.

    The likelihood is concave in the slope: Newton's steps, kept inside the bounds and halved until they gain.
    """
    return best_slope(partial_likelihood(risk[:, None], outcome, None), highest)


def partial_likelihood(
    matrix: Float[np.ndarray, "case column"],
    outcome: Survival,
    offset: Float[np.ndarray, " case"] | None,
) -> Likelihood:
    """Return the partial likelihood of columns; where cases come late, risk sets are not nested."""
    if outcome.entry_days is None:
        return _PartialLikelihood.of(matrix, outcome, offset)
    return EnteringLikelihood(matrix, np.zeros(len(outcome)) if offset is None else offset, outcome)


def best_slope(likelihood: Likelihood, highest: float) -> float:
    """Return the slope in [0, highest] that maximises a likelihood of one column, as `cox_slope` does."""
    at, value = np.zeros(1), likelihood.value(np.zeros(1))
    for _ in range(MOST_STEPS):
        gradient, information = likelihood.slopes(at)
        curvature = max(float(information[0, 0]), 1e-300)
        tried = np.clip(at + gradient / curvature, 0.0, highest)
        if float(gradient @ (tried - at)) < TOLERANCE:
            return float(tried[0])
        reached = likelihood.value(tried)
        while reached <= value and float(gradient @ (tried - at)) >= TOLERANCE:
            tried = (at + tried) / 2
            reached = likelihood.value(tried)
        at, value = tried, reached
    return float(at[0])


class Likelihood(Protocol):
    """A concave log likelihood of the coefficients of some columns."""

    @property
    def matrix(self) -> Float[np.ndarray, "case column"]:
        """The columns."""

    def value(self, coefficients: Float[np.ndarray, " column"]) -> float:
        """Return the log likelihood."""

    def slopes(
        self, coefficients: Float[np.ndarray, " column"]
    ) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, "column column"]]:
        """Return its first derivatives, and minus the second."""


@dataclass(frozen=True)
class _PartialLikelihood:
    """Cases from the latest to the earliest time; `last` and `first` are the ends of each one's tie group."""

    matrix: Float[np.ndarray, "case column"]
    offset: Float[np.ndarray, " case"]
    event: Bool[np.ndarray, " case"]
    last: Int[np.ndarray, " case"]
    first: Int[np.ndarray, " case"]

    @classmethod
    def of(
        cls,
        matrix: Float[np.ndarray, "case column"],
        outcome: Survival,
        offset: Float[np.ndarray, " case"] | None,
    ) -> _PartialLikelihood:
        order, last = risk_sets(outcome.time_days)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(last)) + 1])
        group = np.searchsorted(starts, np.arange(len(last)), side="right") - 1
        known = np.zeros(len(order)) if offset is None else offset[order]
        return cls(np.ascontiguousarray(matrix[order]), known, outcome.event[order], last, starts[group])

    def value(self, coefficients: Float[np.ndarray, " column"]) -> float:
        """Return the log partial likelihood."""
        risk = self.offset + self.matrix @ coefficients
        at_risk = np.logaddexp.accumulate(risk)[self.last]
        return float(np.sum((risk - at_risk)[self.event]))

    def slopes(
        self, coefficients: Float[np.ndarray, " column"]
    ) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, "column column"]]:
        """Return the gradient, and the information (minus the second derivative)."""
        risk = self.offset + self.matrix @ coefficients
        weight = np.exp(risk - risk.max())
        weighted = self.matrix * weight[:, None]
        ends = self.last[self.event]
        total = np.cumsum(weight)[ends]
        mean = np.cumsum(weighted, axis=0)[ends] / total[:, None]
        share = np.zeros(len(risk))
        share[self.event] = 1.0 / total
        # a case is at risk for the events at its own time and before, which come later in this order
        hazard = np.cumsum(share[::-1])[::-1][self.first]
        gradient = self.matrix[self.event].sum(axis=0) - mean.sum(axis=0)
        return gradient, weighted.T @ (self.matrix * hazard[:, None]) - mean.T @ mean


def maximise(likelihood: Likelihood, alpha: float) -> Float[np.ndarray, " column"] | None:
    """Follow Newton's steps, halved until they gain; None where they end nowhere.

    What is maximised is the likelihood less alpha / 2 * the squares of the coefficients; alpha 0 is none.
    """
    at = np.zeros(likelihood.matrix.shape[1])
    value = likelihood.value(at)
    for _ in range(MOST_STEPS):
        gradient, information = likelihood.slopes(at)
        gradient = gradient - alpha * at
        information[np.diag_indices_from(information)] += alpha
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            return None
        gain = float(gradient @ step)
        if not np.isfinite(gain):
            return None
        if gain < TOLERANCE:
            return at + step  # the error of a step is the square of the one before
        for _ in range(MOST_HALVINGS):
            tried = at + step
            reached = likelihood.value(tried) - alpha / 2 * float(tried @ tried)
            if reached > value:
                break
            step = step / 2
        else:
            return at  # no step gains: the last digits of the maximum
        at, value = tried, reached
    return None
