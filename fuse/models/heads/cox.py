"""The Cox head: one number a case, the log relative hazard, learned by the partial likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from fuse.losses import negative_log_partial_likelihood
from fuse.outcomes.outcomes import Survival

if TYPE_CHECKING:
    import torch


class CoxHead:
    """Cox 1972, ties by Breslow; the risk sets are those of the cases of a step."""

    width = 1

    def __init__(self, outcome: Survival) -> None:
        self.outcome = outcome

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the negative log partial likelihood per event."""
        event = self.outcome.event[rows]
        if not event.any():
            return 0.0 * output.sum()
        return negative_log_partial_likelihood(output[:, 0], event, self.outcome.time_days[rows])

    def risk(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard."""
        return output[:, 0]
