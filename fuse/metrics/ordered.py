"""How many pairs of cases were put in the right order, for every kind of endpoint.

Enters: risks and outcomes of cases that share a scale. Leaves: ordered and comparable pairs, one line a
ranking: one for times (Harrell's pairs), one for two classes (yes against no), for more one a class (it
against the rest).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from fuse.metrics.concordance import concordant_pairs
from fuse.outcomes.likelihood import scores_of_classes
from fuse.outcomes.outcomes import Competing, Outcome, Survival


def ordered_pairs(
    risk: Float[np.ndarray, " case *classes"], outcome: Outcome
) -> Float[np.ndarray, "ranking 2"]:
    """Return the pairs in the right order (ties one half) and all comparable pairs of each ranking.

    Of several classes a case is ranked for one by its score above the mean of its scores, which no constant
    added to all of them changes.
    """
    if isinstance(outcome, Competing):
        outcome = keep_at_risk(outcome)
    if isinstance(outcome, Survival):
        return np.array([concordant_pairs(risk, outcome)])
    if len(outcome.names) == 2:
        return np.array([pairs_of_classes(risk, outcome.label == 1)])
    scores = scores_of_classes(risk)
    above = scores - scores.mean(axis=1, keepdims=True)
    return np.array([pairs_of_classes(above[:, k], outcome.label == k) for k in range(scores.shape[1])])


def pairs_of_classes(
    score: Float[np.ndarray, " case"], member: Bool[np.ndarray, " case"]
) -> tuple[float, float]:
    """Return how often a member scores higher than another case (ties one half), and all such pairs."""
    others = np.sort(score[~member])
    below = np.searchsorted(others, score[member], side="left")
    up_to = np.searchsorted(others, score[member], side="right")
    return float((below + up_to).sum() / 2), float(int(member.sum()) * len(others))


def share_in_order(pairs: Float[np.ndarray, "ranking 2"]) -> float:
    """Return the share of pairs in the right order, the mean over rankings; one half without any pair."""
    known = pairs[pairs[:, 1] > 0]
    return float(np.mean(known[:, 0] / known[:, 1])) if len(known) else 0.5


def keep_at_risk(outcome: Competing) -> Survival:
    """Return the cause of interest alone; whoever had another cause first never has it (Wolbers et al. 2009).

    Such a case stays comparable with every event of the cause of interest, as if followed for ever. Not where
    cases enter late: who had another cause before the day of entry never came, so that those who came and had
    it are too few for a risk set that they shall stay in (they would need weights, Geskus 2011). There
    another cause ends observation, and C is that of the cause-specific hazard.
    """
    stays = (outcome.cause > 1) & (outcome.entry_days is None)
    time = np.where(stays, np.inf, outcome.time_days)
    return Survival(event=outcome.cause == 1, time_days=time, entry_days=outcome.entry_days)
