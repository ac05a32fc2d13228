"""Cumulative/dynamic AUC at one day: the share of pairs in the right order.

Enters: risks, outcomes and censoring weights of one fold. Leaves: weighted pair counts, pooled over folds
like those of C. Same counting as `concordance`, other pairs: event by the day against event-free beyond it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.metrics.censoring import weigh
from fuse.metrics.concordance import PairSums, sum_pairs
from fuse.outcomes.outcomes import Competing, Survival


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
        the fold and cancels in scikit-survival's ratio; it is left out here too. Of competing causes the
        partners are also those that had another cause first, each with the weight of its own time (Blanche,
        Dartigues and Jacqmin-Gadda 2013, the second of their definitions).
    """
    weights = weigh(train, test, np.array([day]))
    weight = weights.had_event[:, 0]
    beyond = test.time_days > day
    if isinstance(test, Competing):
        # as without other causes: whoever is followed beyond the day weighs 1 in every fold
        return _sum_weighted_pairs(risk, weight, weights.event_free[:, 0] / weights.beyond[0], counts)

    def eligible(rows: Int[np.ndarray, " row"]) -> Bool[np.ndarray, "row case"]:
        return np.broadcast_to(beyond, (len(rows), len(beyond)))

    return sum_pairs(risk, np.flatnonzero(weight > 0), eligible, counts, weight)


def _sum_weighted_pairs(
    risk: Float[np.ndarray, " case"],
    weight: Float[np.ndarray, " case"],
    partner_weight: Float[np.ndarray, " case"],
    counts: Float[np.ndarray, "sample case"],
) -> PairSums:
    """Sum pairs weighted on both sides: events against cases that never had it by the day."""
    rows, partners = np.flatnonzero(weight > 0), np.flatnonzero(partner_weight > 0)
    own, other = risk[rows][:, None], risk[partners][None, :]
    wins = (own > other) + 0.5 * (own == other)
    of_rows, of_partners = counts[:, rows] * weight[rows], counts[:, partners] * partner_weight[partners]
    concordant = ((of_partners @ wins.T) * of_rows).sum(axis=1)
    return concordant, of_rows.sum(axis=1) * of_partners.sum(axis=1)
