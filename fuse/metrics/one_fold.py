"""The interval of an order where there is one fold: a fixed split, or another cohort.

Enters: the risks of one or two arms on the only test part, and its outcomes. Leaves: the share of pairs in
the right order (C, AUROC) in each resample of the cases, and an interval. There is no spread of folds to
judge by, and given the fitted models the cases of one test part are independent: the bootstrap says how much.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.metrics.concordance import PairSums, by_risk, resampled_pairs, sum_pairs
from fuse.metrics.intervals import Interval, bootstrap, draw_resamples
from fuse.metrics.ordered import keep_at_risk
from fuse.metrics.pooled import ratio
from fuse.outcomes.likelihood import scores_of_classes
from fuse.outcomes.outcomes import Competing, Outcome, Survival

#: All arms and comparisons of a run are resampled alike.
SEED = 0

Counts = Float[np.ndarray, "sample case"]
Risk = Float[np.ndarray, " case *classes"]


def bootstrap_order(risks: Sequence[Risk], outcome: Outcome, family: int = 1) -> Interval:
    """Return the interval of the share in order, of two arms that of the first minus the second's."""
    counts = draw_resamples(len(outcome), SEED)
    first, *second = (resample_order(risk, outcome, counts) for risk in risks)
    values = first - second[0] if second else first
    return bootstrap(values, "paired" if second else "", family)


def resample_order(risk: Risk, outcome: Outcome, counts: Counts) -> Float[np.ndarray, " sample"]:
    """Return the share of pairs in order of each resample, the mean over rankings; NaN without any."""
    shares = [ratio(*pairs) for pairs in resample_ranking_pairs(risk, outcome, counts)]
    known = np.isfinite(shares)
    return ratio(np.where(known, shares, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


def resample_ranking_pairs(
    risk: Risk, outcome: Outcome, counts: Counts
) -> Float[np.ndarray, "ranking 2 sample"]:
    """Return the pairs in order and all comparable pairs of each ranking in each resample."""
    if isinstance(outcome, Competing):
        outcome = keep_at_risk(outcome)
    if isinstance(outcome, Survival):
        return np.array([resampled_pairs(risk, outcome, counts)])
    if len(outcome.names) == 2:
        return np.array([_pairs_of_class(risk, outcome.label == 1, counts)])
    scores = scores_of_classes(risk)
    above = scores - scores.mean(axis=1, keepdims=True)
    of_class = [_pairs_of_class(above[:, k], outcome.label == k, counts) for k in range(above.shape[1])]
    return np.array(of_class)


def _pairs_of_class(
    score: Float[np.ndarray, " case"], member: Bool[np.ndarray, " case"], counts: Counts
) -> PairSums:
    def others(rows: Int[np.ndarray, " row"]) -> Bool[np.ndarray, "row case"]:
        return np.broadcast_to(~member, (len(rows), len(member)))

    return sum_pairs(by_risk(score), np.flatnonzero(member), others, counts)
