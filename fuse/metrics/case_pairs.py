"""In how many pairs each case takes part, and in how many of them the order was right.

Enters: risks and outcomes of cases that share a scale. Leaves: pairs by case, which say what one case more or
less would change: the variance of C and AUROC given the fitted models follows from them without resampling.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.metrics.concordance import ROWS_AT_ONCE, Eligible, later_cases
from fuse.metrics.ordered import keep_at_risk
from fuse.outcomes.likelihood import scores_of_classes
from fuse.outcomes.outcomes import Competing, Outcome, Survival


def pairs_by_case(
    risk: Float[np.ndarray, " case *classes"], outcome: Outcome
) -> Float[np.ndarray, "case ranking 2"]:
    """Return the pairs of each case: in the right order (ties one half), and all comparable ones.

    Every pair is counted for both of its cases: half of the sums over cases are what
    `fuse.metrics.ordered.ordered_pairs` returns, ranking by ranking.

    Parameters
    ----------
    risk
        (case,) higher = earlier or more likely; (case, class) of more than two classes.
    outcome
        Times, causes or classes of the cases.
    """
    if isinstance(outcome, Competing):
        outcome = keep_at_risk(outcome)
    if isinstance(outcome, Survival):
        return _by_case(risk, np.flatnonzero(outcome.event), later_cases(outcome))[:, None]
    if len(outcome.names) == 2:
        return _of_class(risk, outcome.label == 1)[:, None]
    scores = scores_of_classes(risk)
    above = scores - scores.mean(axis=1, keepdims=True)
    rankings = [_of_class(above[:, k], outcome.label == k) for k in range(scores.shape[1])]
    return np.stack(rankings, axis=1)


def _of_class(
    score: Float[np.ndarray, " case"], member: Bool[np.ndarray, " case"]
) -> Float[np.ndarray, "case 2"]:
    def others(rows: Int[np.ndarray, " row"]) -> Bool[np.ndarray, "row case"]:
        return np.broadcast_to(~member, (len(rows), len(member)))

    return _by_case(score, np.flatnonzero(member), others)


def _by_case(
    risk: Float[np.ndarray, " case"], rows: Int[np.ndarray, " row"], eligible: Eligible
) -> Float[np.ndarray, "case 2"]:
    """Count the pairs of `rows`, which should have the higher risk, with their eligible partners."""
    pairs = np.zeros((len(risk), 2))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block = rows[start : start + ROWS_AT_ONCE]
        partners = eligible(block)
        own = risk[block][:, None]
        right = partners * ((own > risk[None, :]) + 0.5 * (own == risk[None, :]))
        for column, counted in enumerate((right, partners)):
            pairs[block, column] += counted.sum(axis=1)
            pairs[:, column] += counted.sum(axis=0)
    return pairs
