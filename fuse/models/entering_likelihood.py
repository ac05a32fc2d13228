"""The Cox partial likelihood of columns where cases come under observation at different days.

Enters: columns, outcomes with entry days, a known log hazard. Leaves: the likelihood with its derivatives,
which `newton_cox.py` maximises as that of other cohorts. Risk sets are no longer nested, so each is a row of
events x cases; cohorts with delayed entry have hundreds of cases, not tens of thousands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.outcomes.at_risk import log_shares
from fuse.outcomes.outcomes import Survival


@dataclass(frozen=True)
class EnteringLikelihood:
    """See `newton_cox.Likelihood`; rows of `matrix` and `offset` are those of `outcome`."""

    matrix: Float[np.ndarray, "case column"]
    offset: Float[np.ndarray, " case"]
    outcome: Survival

    def value(self, coefficients: Float[np.ndarray, " column"]) -> float:
        """Return the log partial likelihood."""
        risk = self.offset + self.matrix @ coefficients
        total, _ = log_shares(risk, self.outcome)
        return float(np.sum(risk[self.outcome.event] - total))

    def slopes(
        self, coefficients: Float[np.ndarray, " column"]
    ) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, "column column"]]:
        """Return the gradient, and the information (minus the second derivative)."""
        share = np.exp(log_shares(self.offset + self.matrix @ coefficients, self.outcome)[1])
        mean = share @ self.matrix
        gradient = self.matrix[self.outcome.event].sum(axis=0) - mean.sum(axis=0)
        expected = share.sum(axis=0)
        return gradient, self.matrix.T @ (self.matrix * expected[:, None]) - mean.T @ mean
