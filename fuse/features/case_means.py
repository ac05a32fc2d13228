"""Several entries of one case made one row: the mean of what each of them says, column by column.

Enters: a row of values an entry, NaN where it says nothing. Leaves: a row a case. A column that no entry of a
case has stays NaN; nothing is imputed here and no case is looked at for the sake of another.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float


def mean_by_case(
    rows: Iterable[tuple[int, Float[np.ndarray, " column"]]], shape: tuple[int, int]
) -> Float[np.ndarray, "case column"]:
    """Average the rows of each case.

    Parameters
    ----------
    rows
        (row of the case, values of one entry), in any order of cases.
    shape
        Numbers of cases and columns.

    Returns
    -------
    ndarray
        float64; NaN where no entry of the case has a value.
    """
    sums, counts = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    for case, values in rows:
        there = ~np.isnan(values)
        sums[case, there] += values[there]
        counts[case] += there
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
