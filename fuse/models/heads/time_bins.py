"""Time cut into bins for discrete-time heads: at quantiles of the train part's events.

Enters: the times and causes of a train part. Leaves: the bin of any time, and the hazard of each cause in
each bin when nothing is known of a case, from which a network starts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: At most so many bins, each with about so many events: a small cohort cannot place more.
MAX_BINS = 8
EVENTS_PER_BIN = 5


@dataclass(frozen=True, kw_only=True)
class TimeBins:
    """Bin 0 ends with `edges_days[0]`, which belongs to it; the last bin has no end."""

    edges_days: Float[np.ndarray, " edge"]

    def __len__(self) -> int:
        """Return the number of bins."""
        return len(self.edges_days) + 1

    def of(self, time_days: Float[np.ndarray, " case"]) -> Int[np.ndarray, " case"]:
        """Return the bin of each time, from 0."""
        return np.searchsorted(self.edges_days, time_days, side="left")


def fit_time_bins(time_days: Float[np.ndarray, " case"], cause: Int[np.ndarray, " case"]) -> TimeBins:
    """Cut at quantiles of the times at which something was observed (`cause` is not 0).

    Between 2 and `MAX_BINS` bins, fewer where times are tied; a cut is itself one of those times, so that
    no bin is without an event but the last.
    """
    observed = time_days[cause > 0]
    bins = int(np.clip(len(observed) // EVENTS_PER_BIN, 2, MAX_BINS))
    if not len(observed):
        return TimeBins(edges_days=np.empty(0))
    shares = np.arange(1, bins) / bins
    return TimeBins(edges_days=np.unique(np.quantile(observed, shares, method="lower")))


def null_hazards(
    bin_of: Int[np.ndarray, " case"], cause: Int[np.ndarray, " case"], shape: tuple[int, int]
) -> Float[np.ndarray, "cause bin"]:
    """Return the hazard of each cause in each bin over all cases of the train part.

    Parameters
    ----------
    bin_of, cause
        The bin of each case's time, and what was observed then (0: nothing, k: cause k). A case that is
        censored within a bin counts as at risk in it.
    shape
        Numbers of causes and of bins. Half a case is added to each count, so that no hazard is 0 or 1.
    """
    causes, bins = shape
    at_risk = np.array([np.sum(bin_of >= number) for number in range(bins)])
    count = np.zeros(shape)
    np.add.at(count, (cause[cause > 0] - 1, bin_of[cause > 0]), 1.0)
    return (count + 0.5) / (at_risk + 0.5 * (causes + 1))
