"""Heads that predict a time: log-normal, with censored times as bounds.

Enters: times in days, some of them censored. Leaves: one number a case, how far its log time is from that of
the train part, learned by the likelihood of an accelerated failure time model; and the time in days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.outcomes.outcomes import Survival

if TYPE_CHECKING:
    import torch

#: Log times of a cohort spread by some .3 to 3; the bounds keep a cohort of tied times finite.
SCALE_BOUNDS = (0.05, 20.0)


class AftHead:
    """Accelerated failure time, log-normal (Wei 1992, doi 10.1002/sim.4780111409).

    Mean and scale of log time are the train part's own, by maximum likelihood with censoring; the scale is
    kept, and what a network says is in units of it: 0 is the case of which nothing is known.
    """

    width = 1

    def __init__(self, outcome: Survival) -> None:
        log_time = np.log(outcome.time_days)
        self.event = outcome.event
        self.mean, self.scale = fit_log_normal(log_time, outcome.event)
        self.standardised = (log_time - self.mean) / self.scale

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the mean negative log likelihood, up to a constant: density where observed, else tail."""
        import torch

        beyond = torch.from_numpy(self.standardised[rows]).to(output.dtype) - output[:, 0]
        observed = torch.from_numpy(self.event[rows])
        costs = torch.where(observed, beyond**2 / 2, -torch.special.log_ndtr(-beyond))
        return costs.mean()

    def risk(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, " case"]:
        """Return minus the predicted log time in days."""
        return np.asarray(-(self.mean + self.scale * output[:, 0].astype(np.float64)))

    def days(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, " case"]:
        """Return the predicted (median) time in days."""
        return np.asarray(np.exp(-self.risk(output)))


class TimeHead(AftHead):
    """A time to be predicted as such (endpoint of kind `time`): the same likelihood; risk = earlier."""


def fit_log_normal(
    log_time: Float[np.ndarray, " case"], event: Bool[np.ndarray, " case"]
) -> tuple[float, float]:
    """Return mean and standard deviation of log time by maximum likelihood, censored times as lower bounds.

    Without an observed time they are those of the censored times.
    """
    from scipy.optimize import minimize
    from scipy.special import log_ndtr

    low, high = np.log(SCALE_BOUNDS)
    start = np.array([log_time.mean(), np.clip(np.log(max(float(log_time.std()), 1e-12)), low, high)])
    if not event.any():
        return float(start[0]), float(np.exp(start[1]))

    def cost(parameters: Float[np.ndarray, " 2"]) -> float:
        beyond = (log_time - parameters[0]) / np.exp(parameters[1])
        density = -(beyond[event] ** 2) / 2 - parameters[1]
        return -float(density.sum() + log_ndtr(-beyond[~event]).sum()) / len(log_time)

    most = float(log_time.max()) + 10.0
    fit = minimize(cost, start, method="L-BFGS-B", bounds=[(float(log_time.min()), most), (low, high)])
    return float(fit.x[0]), float(np.exp(fit.x[1]))
