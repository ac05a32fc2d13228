"""Cumulative/dynamic AUC at one day: the share of pairs in the right order.

Enters: risks, outcomes and censoring weights of one fold. Leaves: weighted pair counts, pooled over folds
like those of C. Same counting as `concordance`, other pairs: event by the day against event-free beyond it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.metrics.censoring import weigh
from fuse.metrics.concordance import PairSums, sum_pairs
from fuse.outcomes.outcomes import Survival


def resampled_auc_pairs(
    risk: Float[np.ndarray, " case"],
    train: Survival,
    test: Survival,
    day: float,
    counts: Float[np.ndarray, "sample case"],
) -> PairSums:
    """Sum the weighted pairs of AUC(day) for many resamples.

    Parameters
    ----------
    risk
        Test cases, shape (case,), higher = earlier.
    train, test
        Outcomes; the censoring curve is that of the train part.
    day
        Evaluation day.
    counts
        How often each test case is in each resample, (sample, case).

    Returns
    -------
    tuple of arrays
        Concordant and all pairs of each sample, each pair with the inverse probability that its event was
        observed (Uno et al. 2007; Hung and Chiang 2010). The weight of event-free cases is one constant of
        the fold and cancels in scikit-survival's ratio; it is left out here too.
    """
    weight = weigh(train, test, np.array([day])).had_event[:, 0]
    beyond = test.time_days > day

    def eligible(rows: Int[np.ndarray, " row"]) -> Bool[np.ndarray, "row case"]:
        return np.broadcast_to(beyond, (len(rows), len(beyond)))

    return sum_pairs(risk, np.flatnonzero(weight > 0), eligible, counts, weight)
