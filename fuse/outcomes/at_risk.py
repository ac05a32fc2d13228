"""Who is at risk on a day, where some cases came under observation later than others.

Enters: outcomes with entry days, and days. Leaves: the risk sets, from which everything else is estimated:
likelihoods of Cox, baseline hazards, Kaplan-Meier, Aalen-Johansen, concordance. A case is at risk from the
end of its entry day to its own time, (entry, time], as in R's `Surv(start, stop, event)`. Whoever counted as
at risk before could not have had the event there: the time would be immortal.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.outcomes.outcomes import Survival


def at_risk(outcome: Survival, days: Float[np.ndarray, " day"]) -> Bool[np.ndarray, "day case"]:
    """Return whether each case is under observation, without an event before, on each day."""
    there = outcome.time_days[None, :] >= days[:, None]
    return there if outcome.entry_days is None else there & (outcome.entry_days[None, :] < days[:, None])


def count_not_entered(outcome: Survival, days: Float[np.ndarray, " day"]) -> Int[np.ndarray, " day"]:
    """Return how many cases come under observation on each day or later; 0 where all are from the start.

    On day 0 and before, those that are there from the start are there.
    """
    if outcome.entry_days is None:
        return np.zeros(len(days), dtype=np.int64)
    ordered = np.sort(outcome.entry_days[outcome.entry_days > 0])
    return len(ordered) - np.searchsorted(ordered, days, side="left")


def log_shares(
    risk: Float[np.ndarray, " case"], outcome: Survival
) -> tuple[Float[np.ndarray, " event"], Float[np.ndarray, "event case"]]:
    """Return the log of what is at risk at each event, and each case's share of it in logs.

    Parameters
    ----------
    risk
        (case,) log relative hazard.
    outcome
        Its events, in the order of the cases, are the rows. Ties are Breslow's: all cases of a tied time are
        at risk for each of its events.

    Returns
    -------
    total, share
        (event,) log of the sum of exp(risk) of those at risk; (event, case) risk minus it, -inf for whoever
        is not at risk. Memory is events x cases.
    """
    member = at_risk(outcome, outcome.time_days[outcome.event])
    scores = np.where(member, risk[None, :], -np.inf)
    highest = scores.max(axis=1, initial=-np.inf)
    total = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=1))
    return total, scores - total[:, None]
