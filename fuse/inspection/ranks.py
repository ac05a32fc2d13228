"""Ranks within columns, for Spearman's correlation of many columns at once.

Enters: a table without missing values. Leaves: ranks from 1, as `scipy.stats.rankdata` gives them; that takes
two seconds to import.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def average_ranks(values: Float[np.ndarray, "case column"]) -> Float[np.ndarray, "case column"]:
    """Return the rank of each value in its column, from 1; equal ones share the mean of theirs."""
    order = np.argsort(values, axis=0, kind="stable")
    climbing = np.take_along_axis(values, order, axis=0)
    differs = climbing[1:] != climbing[:-1]
    edge = np.ones((1, values.shape[1]), dtype=bool)
    place = np.arange(len(values))[:, None]
    first = np.maximum.accumulate(np.where(np.concatenate([edge, differs]), place, 0), axis=0)
    last = np.where(np.concatenate([differs, edge]), place, len(values))
    last = np.minimum.accumulate(last[::-1], axis=0)[::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=0)
    return ranks
