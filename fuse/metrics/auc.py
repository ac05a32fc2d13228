"""Cumulative/dynamic AUC at one day: the share of pairs in the right order.

Enters: the ranked cases of one fold. Leaves: weighted pair counts. Same counting as `concordance`, other
pairs: event by the day against event-free beyond it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.metrics.concordance import PairSums, by_risk, sum_pairs
from fuse.metrics.ranked_fold import RankedFold
from fuse.outcomes.outcomes import Competing


def resampled_auc_pairs(fold: RankedFold, day: float) -> PairSums:
    """Sum the weighted pairs of AUC(day) for many resamples.

    Parameters
    ----------
    fold
        Ranked cases and their resamples.
    day
        Evaluation day.

    Returns
    -------
    tuple of arrays
        Concordant and all pairs of each sample, each pair with the inverse probability that its event was
        observed (Uno et al. 2007; Hung and Chiang 2010). The weight of event-free cases is one constant of
        the fold and cancels in scikit-survival's ratio; it is left out here too. Of competing causes the
        partners are also those that had another cause first, each with the weight of its own time (Blanche,
        Dartigues and Jacqmin-Gadda 2013, the second of their definitions).
    """
    weights = fold.weigh(day)
    weight = weights.had_event[:, 0]
    beyond = fold.test.time_days > day
    if isinstance(fold.test, Competing):
        # as without other causes: whoever is followed beyond the day weighs 1 in every fold
        partner_weight = weights.event_free[:, 0] / weights.beyond[0]
        return _sum_weighted_pairs(fold.risk, weight, partner_weight, fold.counts)

    def eligible(rows: Int[np.ndarray, " row"]) -> Bool[np.ndarray, "row case"]:
        return np.broadcast_to(beyond, (len(rows), len(beyond)))

    return sum_pairs(by_risk(fold.risk), np.flatnonzero(weight > 0), eligible, fold.counts, weight)


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
