"""Where a case stands among those of its fold: what pairs of two folds are compared by.

Enters: the risks of each fold, which share no scale with those of others. Leaves: for each case the stretch
of (0, 1) that is its own, and how likely it stands above another. A stretch, not a point: cases of equal risk
are in no order, and were all of them put in their middle, a fold without any order would decide its pairs
with other folds by who stands above the middle there, while a fold in order decides them by how far above.
A stack says nothing just where what it learned elsewhere was wrong, so that wrong orders would count more
than right ones: .003 of C where nothing is to find (800 cohorts of 95 cases; one train part in six found
nothing to say).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True)
class Places:
    """The stretch of each case, `low` < `high` in [0, 1]: those of one fold are disjoint or the same."""

    low: Float[np.ndarray, " case"]
    high: Float[np.ndarray, " case"]

    def above(self, rows: Int[np.ndarray, " row"]) -> Float[np.ndarray, "row case"]:
        """Return how likely each of `rows` stands above each case, both anywhere in their stretches.

        Of one fold it is 1, 0, or one half where risks are equal, up to rounding; never beyond 0 and 1. What
        is computed on the way is written over: large cohorts take three such tables at once.
        """
        low, high = self.low[rows, None], self.high[rows, None]
        share = self._area_below(high)
        share -= self._area_below(low)
        share /= high - low
        return np.clip(share, 0.0, 1.0, out=share)

    def _area_below(self, place: Float[np.ndarray, "row 1"]) -> Float[np.ndarray, "row case"]:
        """Return the integral, up to a place, of the share of each case's stretch below."""
        width = self.high - self.low
        area: Float[np.ndarray, "row case"] = place - self.low
        np.clip(area, 0.0, width, out=area)
        area *= area
        area /= 2 * width
        beyond = place - self.high
        area += np.maximum(beyond, 0.0, out=beyond)
        return area


def places_in_folds(risks: Sequence[Float[np.ndarray, " case"]]) -> Places:
    """Divide (0, 1) among the cases of each fold in the order of their risks; equal ones share a stretch.

    The mean place of every fold is one half, whatever its model was fitted on.

    Parameters
    ----------
    risks
        (case,) of each fold. The folds stand one after the other in what is returned.
    """
    low, high = zip(*map(_stretches, risks), strict=True)
    return Places(low=np.concatenate(low), high=np.concatenate(high))


def _stretches(
    risk: Float[np.ndarray, " case"],
) -> tuple[Float[np.ndarray, " case"], Float[np.ndarray, " case"]]:
    _, rank, count = np.unique(risk, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return ((last - count) / len(risk))[rank], (last / len(risk))[rank]
