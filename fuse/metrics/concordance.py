"""Concordance: how often the case with the earlier event was given the higher risk.

Enters: risks and outcomes, one fold at a time. Leaves: weighted counts of concordant and comparable pairs,
for the cases as they are or resampled. Counts, not ratios, because folds are pooled by their pairs: raw
risks of different folds share no scale.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.outcomes.outcomes import Survival

ROWS_AT_ONCE = 512
"""Rows of the pair matrix held in memory together; bounds memory at 512 x cases."""

Eligible = Callable[[Int[np.ndarray, " row"]], Bool[np.ndarray, "row case"]]
Above = Callable[[Int[np.ndarray, " row"]], Float[np.ndarray, "row case"]]
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
        Concordant and comparable pairs, exact: the same numbers as from the full pair matrix, in
        O(n log n) time and O(n) memory (a tenth of a second for 100,000 cases). A risk that is NaN wins
        nothing.
    """
    event = outcome.event
    if outcome.entry_days is not None:
        once = np.ones((1, len(outcome)))
        pairs = sum_pairs(by_risk(risk), np.flatnonzero(event), later_cases(outcome), once)
        return float(pairs[0][0]), float(pairs[1][0])
    # events of one moment come before those censored at it: partners are exactly the cases of later ranks
    moment = 2 * np.unique(outcome.time_days, return_inverse=True)[1] + ~event
    order = np.lexsort((risk, moment))
    moment, risk = moment[order], risk[order]
    rank = np.unique(risk, return_inverse=True)[1]
    rows = np.flatnonzero(event[order])
    comparable = int((len(rank) - np.searchsorted(moment, moment[rows], side="right")).sum())
    rows = rows[~np.isnan(risk[rows])]
    concordant = _count_lower(rank, rows) + 0.5 * _count_equal(rank, moment, rows)
    return float(concordant), float(comparable)


def _count_lower(rank: Int[np.ndarray, " case"], rows: Int[np.ndarray, " row"]) -> int:
    """Count the pairs of a case of `rows` with a later case of lower rank.

    A merge sort backwards: all cases in the order of their ranks are parted into the first and the second
    half of their places, again and again. Every pair is parted once, and there the cases of the second half
    that came before one of the first are those of lower rank. Equal ranks stand in the order of places, and
    cases of one moment in the order of their ranks, so that neither count.
    """
    cases, lower = np.argsort(rank, kind="stable"), 0
    is_row = np.zeros(len(rank), dtype=np.bool_)
    is_row[rows] = True
    place = np.arange(len(rank))
    half = 1 << (max(len(rank) - 1, 0).bit_length()) >> 1
    while half:
        start = cases & -(2 * half)
        second = (cases & half) != 0
        # every part but the last is full: half of what came before it are second halves
        seconds_before = np.cumsum(second) - second - start // 2
        lower += int(seconds_before[is_row[cases] & ~second].sum())
        firsts_before = place - start - seconds_before
        parted = np.empty_like(cases)
        parted[start + np.where(second, half + seconds_before, firsts_before)] = cases
        cases, half = parted, half // 2
    return lower


def _count_equal(
    rank: Int[np.ndarray, " case"], moment: Int[np.ndarray, " case"], rows: Int[np.ndarray, " row"]
) -> int:
    """Count the pairs of a case of `rows` with a case of equal rank and later moment."""
    moments = int(moment.max(initial=0)) + 1
    code = np.sort(rank * moments + moment)
    last = np.searchsorted(code, (rank[rows] + 1) * moments)
    return int((last - np.searchsorted(code, rank[rows] * moments + moment[rows], side="right")).sum())


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
    return sum_pairs(by_risk(risk), np.flatnonzero(outcome.event), later_cases(outcome), counts)


def by_risk(risk: Float[np.ndarray, " case"]) -> Above:
    """Return what says whether rows are above cases: 1 at the higher risk, one half at the same, else 0."""

    def above(rows: Int[np.ndarray, " row"]) -> Float[np.ndarray, "row case"]:
        own = risk[rows][:, None]
        return np.asarray((own > risk[None, :]) + 0.5 * (own == risk[None, :]))

    return above


def later_cases(outcome: Survival) -> Eligible:
    """Return what gives the cases that an event is comparable with: those known to have had none by then.

    A case that came under observation later is not: it could not have had the event there.
    """
    time, event, entry = outcome.time_days, outcome.event, outcome.entry_days

    def eligible(rows: Int[np.ndarray, " row"]) -> Bool[np.ndarray, "row case"]:
        own = time[rows][:, None]
        later = (time[None, :] > own) | ((time[None, :] == own) & ~event[None, :])
        return np.asarray(later if entry is None else later & (entry[None, :] < own))

    return eligible


def sum_pairs(
    above: Above,
    rows: Int[np.ndarray, " row"],
    eligible: Eligible,
    counts: Float[np.ndarray, "sample case"],
    weight: Float[np.ndarray, " case"] | None = None,
) -> PairSums:
    """Sum the pairs of `rows` (which should have the higher risk) with their eligible partners.

    Parameters
    ----------
    above
        Says of some rows how far each is above each case, (row, case) in [0, 1]: see `by_risk`.
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
        Concordant and all eligible pairs of each sample.
    """
    concordant = np.zeros(len(counts))
    total = np.zeros(len(counts))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block = rows[start : start + ROWS_AT_ONCE]
        partners = eligible(block)
        wins = partners * above(block)
        of_rows = counts[:, block] if weight is None else counts[:, block] * weight[block]
        concordant += ((counts @ wins.T) * of_rows).sum(axis=1)
        total += ((counts @ partners.T.astype(float)) * of_rows).sum(axis=1)
    return concordant, total
