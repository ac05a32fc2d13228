"""The head of competing risks: how probable each cause is in each time bin, and that none of them comes.

Enters: times and causes. Leaves: one softmax over all (cause, bin) and survival, learned by the likelihood of
what was seen; the risk is that of the first cause, the one of interest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.models.heads.time_bins import fit_time_bins, null_hazards
from fuse.outcomes.outcomes import Competing

if TYPE_CHECKING:
    import torch


class CompetingHead:
    """Discrete competing risks (Lee et al. 2018, DeepHit, AAAI; its likelihood, without the ranking term).

    Column k * bins + j is cause k in bin j, the last one survival beyond all bins. A case costs minus the
    log probability of its cause in its bin; one that is censored in bin y, of all that comes after y. What
    a network says is added to the logs of the train part's own probabilities.
    """

    def __init__(self, outcome: Competing) -> None:
        self.bins = fit_time_bins(outcome.time_days, outcome.cause)
        self.causes = len(outcome.causes)
        self.width = self.causes * len(self.bins) + 1
        self.allowed = self._allowed(self.bins.of(outcome.time_days), outcome.cause)
        hazards = null_hazards(self.bins.of(outcome.time_days), outcome.cause, (self.causes, len(self.bins)))
        self.start = log_probabilities(hazards)

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the mean negative log likelihood."""
        import torch

        logit = output + torch.from_numpy(self.start).to(output.dtype)
        seen = logit.masked_fill(torch.from_numpy(~self.allowed[rows]), -torch.inf)
        return (torch.logsumexp(logit, dim=1) - torch.logsumexp(seen, dim=1)).mean()

    def risk(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, " case"]:
        """Return the log odds of the cause of interest coming first, up to the end of the last bin."""
        logit = np.asarray(output, dtype=np.float64) + self.start
        of_interest, others = np.split(logit, [len(self.bins)], axis=1)
        return np.asarray(_log_sum_exp(of_interest) - _log_sum_exp(others))

    def _allowed(
        self, bin_of: Int[np.ndarray, " case"], cause: Int[np.ndarray, " case"]
    ) -> Bool[np.ndarray, "case column"]:
        """Return (case, column): whether a column is what happened to a case, or may still happen."""
        of_cause, of_bin = np.divmod(np.arange(self.width - 1), len(self.bins))
        happened = (of_cause == cause[:, None] - 1) & (of_bin == bin_of[:, None])
        later = (cause == 0)[:, None] & (of_bin > bin_of[:, None])
        return np.asarray(np.concatenate([happened | later, (cause == 0)[:, None]], axis=1))


def log_probabilities(hazards: Float[np.ndarray, "cause bin"]) -> Float[np.ndarray, " column"]:
    """Return the log probability of each cause in each bin, then that of surviving all bins."""
    survival = np.cumprod(1.0 - hazards.sum(axis=0))
    before = np.concatenate([[1.0], survival[:-1]])
    return np.asarray(np.log(np.concatenate([(hazards * before).ravel(), survival[-1:]])))


def _log_sum_exp(values: Float[np.ndarray, "case column"]) -> Float[np.ndarray, " case"]:
    """Return the sums one column after the other: a row's does not depend on the others."""
    return np.asarray(np.logaddexp.accumulate(values, axis=1)[:, -1])
