"""From a risk to a probability: a slope on out-of-fold risks and Breslow's cumulative baseline hazard.

Enters: risks of the train part that were predicted out of fold, and their outcomes. Leaves: the probability
of no event up to a time for any risk. In-sample risks of an overfitted model are too far apart; out of
fold they are not, and the slope (never negative) shrinks them to what they are worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.losses import risk_sets
from fuse.outcomes.at_risk import log_shares
from fuse.outcomes.likelihood import non_negative_slope
from fuse.outcomes.outcomes import Survival


@dataclass(frozen=True, kw_only=True)
class BaselineHazard:
    """Cumulative hazard of a case of risk 0 as a step function, and the slope that risks are given.

    `time_days` (step,): the event times, ascending; `cumulative` (step,): the hazard from each on.
    """

    slope: float
    time_days: Float[np.ndarray, " step"]
    cumulative: Float[np.ndarray, " step"]

    def probability(
        self, risk: Float[np.ndarray, " case"], times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case time"]:
        """Return the probability of no event up to and including each time, in [0, 1].

        After the last event of the train part the curve is continued flat.
        """
        steps = np.searchsorted(self.time_days, times_days, side="right")
        hazard = np.concatenate([[0.0], self.cumulative])[steps]
        return np.asarray(np.exp(-hazard[None, :] * np.exp(self.slope * risk)[:, None]))


def fit_baseline(oof_risk: Float[np.ndarray, " case"], outcome: Survival) -> BaselineHazard:
    """Fit slope and baseline on risks that were predicted out of fold.

    Risks that are all the same, or that go with later events, get slope 0: everybody has the train
    part's own curve (Nelson-Aalen).
    """
    slope = non_negative_slope(oof_risk, outcome)
    time_days, cumulative = breslow(slope * oof_risk, outcome)
    return BaselineHazard(slope=slope, time_days=time_days, cumulative=cumulative)


def breslow(
    risk: Float[np.ndarray, " case"], outcome: Survival
) -> tuple[Float[np.ndarray, " step"], Float[np.ndarray, " step"]]:
    """Return the event times and the cumulative hazard of a case of risk 0 (Breslow 1974)."""
    if outcome.entry_days is not None:
        days, step = np.unique(outcome.time_days[outcome.event], return_inverse=True)
        hazard = np.exp(-log_shares(risk, outcome)[0])
        return days, np.cumsum(np.bincount(step, weights=hazard, minlength=len(days)))
    order, last_tied = risk_sets(outcome.time_days)
    at_risk = np.logaddexp.accumulate(risk[order])[last_tied]
    event = outcome.event[order]
    time_days, step = np.unique(outcome.time_days[order][event], return_inverse=True)
    increments = np.bincount(step, weights=np.exp(-at_risk[event]), minlength=len(time_days))
    return time_days, np.cumsum(increments)
