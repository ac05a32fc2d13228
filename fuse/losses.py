"""The Cox partial likelihood, once in numpy and once in torch.

Enters: log relative hazards and survival outcomes. Leaves: the log partial likelihood with its gradient
(numpy, for stacking and for choosing a candidate) and the mean negative log partial likelihood (torch, for
training networks). Ties are Breslow's: all cases of a tied event time are at risk for each of its events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.outcomes.at_risk import log_shares
from fuse.outcomes.outcomes import Survival

if TYPE_CHECKING:
    import torch


def partial_log_likelihood(risk: Float[np.ndarray, " case"], outcome: Survival) -> float:
    """Return the log partial likelihood of a risk (Cox 1972, ties by Breslow 1974).

    Parameters
    ----------
    risk
        (case,) float64, log relative hazard; adding a constant changes nothing.
    outcome
        The outcomes of the same cases. Without an event the likelihood is empty: 0.0.
    """
    if outcome.entry_days is not None:
        return float(np.sum(risk[outcome.event] - log_shares(risk, outcome)[0]))
    order, last_tied = risk_sets(outcome.time_days)
    at_risk = np.logaddexp.accumulate(risk[order])[last_tied]
    event = outcome.event[order]
    return float(np.sum(risk[order][event] - at_risk[event]))


def partial_log_likelihood_gradient(
    risk: Float[np.ndarray, " case"], outcome: Survival
) -> Float[np.ndarray, " case"]:
    """Return the derivative of `partial_log_likelihood` by each case's risk: its martingale residual."""
    if outcome.entry_days is not None:
        return np.asarray(outcome.event - np.exp(log_shares(risk, outcome)[1]).sum(axis=0))
    order, last_tied = risk_sets(outcome.time_days)
    event = outcome.event[order].astype(np.float64)
    at_risk = np.logaddexp.accumulate(risk[order])[last_tied]
    # hazard of a case = sum over events up to its time; events later in `order` come earlier in time,
    # and those tied with the case count as well, hence the first row of its tie group
    hazard_from = np.cumsum((event * np.exp(risk[order].max() - at_risk))[::-1])[::-1]
    first_tied = _first_tied(last_tied)
    expected = np.exp(risk[order] - risk[order].max()) * hazard_from[first_tied]
    gradient = np.empty_like(risk, dtype=np.float64)
    gradient[order] = event - expected
    return gradient


def risk_sets(
    time_days: Float[np.ndarray, " case"],
) -> tuple[Int[np.ndarray, " case"], Int[np.ndarray, " case"]]:
    """Return the cases from the latest to the earliest time, and where each one's tie group ends.

    The cases at risk at the time of `order[i]` are `order[: last_tied[i] + 1]`.
    """
    order = np.argsort(-time_days, kind="stable")
    _, group, size = np.unique(-time_days[order], return_inverse=True, return_counts=True)
    return order, (np.cumsum(size) - 1)[group]


def negative_log_partial_likelihood(
    risk: torch.Tensor, event: Bool[np.ndarray, " case"], time_days: Float[np.ndarray, " case"]
) -> torch.Tensor:
    """Return the negative log partial likelihood per event, differentiable by `risk`.

    Parameters
    ----------
    risk
        (case,) float32 tensor, log relative hazard.
    event, time_days
        (case,) outcomes. At least one event, or nothing can be learned (the mean is over events).
    """
    import torch

    order, last_tied = risk_sets(time_days)
    ordered = risk[torch.from_numpy(order)]
    at_risk = torch.logcumsumexp(ordered, dim=0)[torch.from_numpy(last_tied)]
    observed = torch.from_numpy(event[order])
    return (at_risk - ordered)[observed].mean()


def _first_tied(last_tied: Int[np.ndarray, " case"]) -> Int[np.ndarray, " case"]:
    starts = np.concatenate([[0], np.flatnonzero(np.diff(last_tied)) + 1])
    group = np.searchsorted(starts, np.arange(len(last_tied)), side="right") - 1
    return np.asarray(starts[group])
