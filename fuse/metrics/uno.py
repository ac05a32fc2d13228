"""Uno's concordance up to one day: Harrell's question, freed of how long the cases happened to be followed.

Enters: risks and outcomes of one fold, its train part for the censoring curve, and a tau that was fixed
before. Leaves: weighted pair counts. They are summed over the folds of a repeat before they are divided: a
fold of 19 cases holds about five events, and weighted ratios of so few pairs would be averaged as noise.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.metrics.censoring import weigh
from fuse.metrics.concordance import PairSums, sum_pairs
from fuse.outcomes.outcomes import Survival


def resampled_uno_pairs(
    risk: Float[np.ndarray, " case"],
    train: Survival,
    test: Survival,
    tau_days: float,
    counts: Float[np.ndarray, "sample case"],
) -> PairSums:
    """Sum the weighted pairs of Uno's C for many resamples.

    Parameters
    ----------
    risk
        Test cases, shape (case,), higher = earlier.
    train, test
        Outcomes; the censoring curve is that of the train part.
    tau_days
        Only events before this day are compared with later times.
    counts
        How often each test case is in each resample, (sample, case).

    Returns
    -------
    tuple of arrays
        Concordant (equal risks one half) and all pairs of each sample, each with the square of the inverse
        probability that its event was observed (Uno et al. 2011, equation 6). The inverse is cut to
        `censoring.WEIGHT_CAP` before it is squared.
    """
    time, event = test.time_days, test.event
    weight = np.square(weigh(train, test, np.array([tau_days])).had_event[:, 0])
    rows = np.flatnonzero(event & (time < tau_days))

    def eligible(block: Int[np.ndarray, " row"]) -> Bool[np.ndarray, "row case"]:
        own = time[block][:, None]
        return np.asarray((time[None, :] > own) | ((time[None, :] == own) & ~event[None, :]))

    return sum_pairs(risk, rows, eligible, counts, weight)
