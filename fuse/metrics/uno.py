"""Uno's concordance up to one day: Harrell's question, freed of how long the cases happened to be followed.

Enters: the ranked cases of one fold and a tau that was fixed before. Leaves: weighted pair counts, of the
same pairs as those of `concordance`.
"""

from __future__ import annotations

import numpy as np

from fuse.metrics.concordance import PairSums, by_risk, later_cases, sum_pairs
from fuse.metrics.ranked_fold import RankedFold


def resampled_uno_pairs(fold: RankedFold, tau_days: float) -> PairSums:
    """Sum the weighted pairs of Uno's C for many resamples.

    Parameters
    ----------
    fold
        Ranked cases and their resamples.
    tau_days
        Only events before this day are compared with later times.

    Returns
    -------
    tuple of arrays
        Concordant (equal risks one half) and all pairs of each sample, each with the square of the inverse
        probability that its event was observed (Uno et al. 2011, equation 6). The inverse is cut to
        `censoring.WEIGHT_CAP` before it is squared.
    """
    test = fold.test
    weight = np.square(fold.weigh(tau_days).had_event[:, 0])
    rows = np.flatnonzero(test.event & (test.time_days < tau_days))
    return sum_pairs(by_risk(fold.risk), rows, later_cases(test), fold.counts, weight)
