"""Concordance: how often the case with the earlier event was given the higher risk.

Enters: risks and outcomes, one fold at a time. Leaves: weighted counts of concordant and comparable pairs,
for the cases as they are or resampled. Counts, not ratios, because folds are pooled by their pairs: raw
risks of different folds share no scale.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.outcomes import Survival

ROWS_AT_ONCE = 512
"""Rows of the pair matrix held in memory together; bounds memory at 512 x cases."""

Eligible = Callable[[Int[np.ndarray, " row"]], Bool[np.ndarray, "row case"]]
PairSums = tuple[Float[np.ndarray, " sample"], Float[np.ndarray, " sample"]]


def concordant_pairs(risk: Float[np.ndarray, " case"], outcome: Survival) -> tuple[float, float]:
    """Count concordant and comparable pairs (Harrell et al. 1982).

    A pair is comparable when one case has an event before the other's time, or at the same time as the
    other was censored; two events at one time are not comparable (scikit-survival's rule). Equal risks, by
    exact equality, count one half.

    Parameters
    ----------
    risk
        Shape (case,), higher = earlier event.
    outcome
        Shape (case,), time in days.

    Returns
    -------
    tuple of float
        Concordant and comparable pairs. The full pair matrix is walked in blocks, O(events x cases): 10,000
        cases take well under a second, so there is no second, faster path.
    """
    concordant, comparable = resampled_pairs(risk, outcome, np.ones((1, len(risk))))
    return float(concordant[0]), float(comparable[0])


def resampled_pairs(
    risk: Float[np.ndarray, " case"], outcome: Survival, counts: Float[np.ndarray, "sample case"]
) -> PairSums:
    """Count the pairs of many resamples at once.

    Parameters
    ----------
    risk, outcome
        As in `concordant_pairs`.
    counts
        How often each case is in each resample, shape (sample, case).

    Returns
    -------
    tuple of arrays
        Concordant and comparable pairs of each resample, (sample,). The same as counting in the repeated
        rows, by one matrix product (a case and its copy are not comparable).
    """
    time, event = outcome.time_days, outcome.event

    def eligible(rows: Int[np.ndarray, " row"]) -> Bool[np.ndarray, "row case"]:
        own = time[rows][:, None]
        return np.asarray((time[None, :] > own) | ((time[None, :] == own) & ~event[None, :]))

    return sum_pairs(risk, np.flatnonzero(event), eligible, counts)


def sum_pairs(
    risk: Float[np.ndarray, " case"],
    rows: Int[np.ndarray, " row"],
    eligible: Eligible,
    counts: Float[np.ndarray, "sample case"],
    weight: Float[np.ndarray, " case"] | None = None,
) -> PairSums:
    """Sum the pairs of `rows` (which should have the higher risk) with their eligible partners.

    Parameters
    ----------
    risk
        Shape (case,).
    rows
        Cases that had the event.
    eligible
        Gives the partners of some rows, (row, case).
    counts
        Shape (sample, case); 1 everywhere for the cases as they are.
    weight
        Weight of a row's pairs, indexed by case; 1 if absent.

    Returns
    -------
    tuple of arrays
        Concordant (ties one half) and all eligible pairs of each sample.
    """
    concordant = np.zeros(len(counts))
    total = np.zeros(len(counts))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block = rows[start : start + ROWS_AT_ONCE]
        partners = eligible(block)
        own = risk[block][:, None]
        wins = partners * ((own > risk[None, :]) + 0.5 * (own == risk[None, :]))
        of_rows = counts[:, block] if weight is None else counts[:, block] * weight[block]
        concordant += ((counts @ wins.T) * of_rows).sum(axis=1)
        total += ((counts @ partners.T.astype(float)) * of_rows).sum(axis=1)
    return concordant, total
