"""How an arm ordered the inner folds of a train part, for nested cross-validation.

Enters: out-of-fold risks of a train part and the inner folds they are from. Leaves: pairs in the right order
and comparable pairs, inner fold by inner fold. Only outcomes of the train part are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from fuse.metrics.ordered import ordered_pairs, share_in_order
from fuse.outcomes.outcomes import Outcome

#: (inner fold, ranking, 2): pairs in the right order, and all comparable ones.
InnerPairs = Float[np.ndarray, "inner ranking 2"]


def count_inner_pairs(
    oof_risk: Float[np.ndarray, " case *classes"], outcome: Outcome, inner: Int[np.ndarray, " case"]
) -> InnerPairs:
    """Count the pairs within each inner fold; risks of different ones share no scale."""
    rows_of = [np.flatnonzero(inner == number) for number in np.unique(inner)]
    return np.array([ordered_pairs(oof_risk[rows], outcome.take(rows)) for rows in rows_of])


def inner_share(pairs: InnerPairs) -> float:
    """Return the share in the right order over all inner folds."""
    return share_in_order(pairs.sum(axis=0))


def selected_inner_pairs(candidates: Mapping[str, InnerPairs]) -> InnerPairs:
    """Return the pairs of whatever would have been selected without each inner fold.

    In every inner fold the candidate that was best in the others, ties to the first: what was best in all of
    them was also chosen by the fold that it is counted in, and would look better than it is.
    """
    first = next(iter(candidates.values()))
    picked = []
    for number in range(len(first)):
        others = np.arange(len(first)) != number
        best = max(candidates, key=lambda name: inner_share(candidates[name][others]))
        picked.append(candidates[best][number])
    return np.array(picked)
