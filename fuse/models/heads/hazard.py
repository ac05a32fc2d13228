"""The discrete-time head: the hazard of each time bin, no assumption about how hazards go together.

Enters: times in bins that the train part's events made. Leaves: one logit a bin, learned by the likelihood of
surviving the bins before and, where the event was observed, of failing in its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from fuse.models.heads.time_bins import fit_time_bins, null_hazards
from fuse.outcomes.outcomes import Survival

if TYPE_CHECKING:
    import torch


class HazardHead:
    """Discrete-time survival (Zadeh and Schmid 2020, doi 10.1109/TPAMI.2020.2979450; MCAT's with alpha 0).

    With h_j = sigmoid(logit_j) and S_j = prod_(i <= j) (1 - h_i) a case whose time is in bin y costs
    -log S_(y-1) - log h_y if its event was observed, else -log S_y. What a network says is added to the
    logits of the train part as a whole: 0 is the case of which nothing is known.
    """

    def __init__(self, outcome: Survival) -> None:
        cause = outcome.event.astype(np.intp)
        self.bins = fit_time_bins(outcome.time_days, cause)
        self.width = len(self.bins)
        self.event = outcome.event
        self.bin_of = self.bins.of(outcome.time_days)
        hazard = null_hazards(self.bin_of, cause, (1, self.width))[0]
        self.start = np.log(hazard) - np.log1p(-hazard)

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the mean negative log likelihood."""
        import torch
        from torch.nn.functional import logsigmoid

        logit = output + torch.from_numpy(self.start).to(output.dtype)
        own = np.arange(self.width) == self.bin_of[rows][:, None]
        earlier = np.arange(self.width) < self.bin_of[rows][:, None]
        fails = torch.from_numpy(own & self.event[rows][:, None])
        survives = torch.from_numpy(earlier | (own & ~self.event[rows][:, None]))
        zero = torch.zeros((), dtype=output.dtype)
        log_likelihood = torch.where(fails, logsigmoid(logit), zero) + torch.where(
            survives, logsigmoid(-logit), zero
        )
        return -log_likelihood.sum(dim=1).mean()

    def risk(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, " case"]:
        """Return minus the sum over bins of the probability of surviving them: -(expected bins survived)."""
        logit = np.asarray(output, dtype=np.float64) + self.start
        survival = np.exp(np.cumsum(-np.logaddexp(0.0, logit), axis=1))
        return np.asarray(-np.cumsum(survival, axis=1)[:, -1])
