"""A probe of an entry's numbers: enough to tell whether two machines made the same features.

Enters: the array `embeddings` (or `values`). Leaves: plain JSON for `entry.json`, and the distance between
two probes. 64 evenly spaced rows are each kept as their length (L2 norm) and 8 signed sums over all
columns, so that no column goes unseen and the record stays small; the arrays themselves are not needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from feature_cache.array_format import Arrays
from feature_cache.canonical import Json
from feature_cache.errors import CacheError

ROWS, SUMS, DIGITS = 64, 8, 6
_PROBED = ("embeddings", "values")


def probe_arrays(arrays: Arrays) -> dict[str, Json]:
    """Return the probe of the first of `embeddings`, `values` that is there; {} where there is no row.

    `rows` are indices, `norms` and `sums` have one item a row, rounded to 6 significant digits; a number
    that is not finite is null. `sums[row][j]` is the sum over columns d of `sign(d, j) * x[row, d]`; of one
    column all 8 would be the value with a sign, and the first stands for them.
    """
    name = next((name for name in _PROBED if name in arrays), None)
    if name is None or arrays[name].ndim not in (1, 2) or 0 in arrays[name].shape:
        return {}
    array = arrays[name]
    rows = np.unique(np.linspace(0, len(array) - 1, ROWS).astype(np.int64))
    sample = array[rows].astype(np.float64).reshape(len(rows), -1)
    signs = sketch_signs(sample.shape[1])[:, : SUMS if sample.shape[1] > 1 else 1]
    sums = np.stack([(sample * sign).sum(axis=1) for sign in signs.T], axis=1)
    norms = np.sqrt((sample**2).sum(axis=1))
    return {
        "array": name,
        "rows": [int(row) for row in rows],
        "norms": [_rounded(norm) for norm in norms],
        "sums": [[_rounded(total) for total in row] for row in sums],
    }


def sketch_signs(columns: int) -> Float[np.ndarray, "column sum"]:
    """Return the signs, +1 or -1: the top bit of splitmix64 (Steele et al. 2014) at 8 * column + sum.

    They are a fixed formula and not a generator's stream, so that they are the same in every release.
    """
    state: Int[np.ndarray, "column sum"] = np.arange(1, columns * SUMS + 1, dtype=np.uint64).reshape(-1, SUMS)
    mixed = state * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return np.where(mixed >> np.uint64(63), 1.0, -1.0)


def probe_distance(first: Mapping[str, Any], second: Mapping[str, Any]) -> float:
    """Return the largest estimated relative distance |a - b| / |a| of the probed rows.

    The mean square of the 8 differences is an unbiased estimate of |a - b|^2 (a sign sketch, Alon, Matias
    and Szegedy 1996). A cosine of .9999 between rows of equal length is a distance of .0141. A row that
    is not finite on one side only is infinitely far.

    Raises
    ------
    CacheError
        The two probes are not of the same rows of the same array.
    """
    if _of_what(first) != _of_what(second):
        raise CacheError(
            "probe",
            expected="two probes of the same rows",
            got="probes of different rows or arrays",
            remedy="Compare entries with the same key and sources.",
        )
    if not first:
        return 0.0
    a, b = (_numbers(probe["sums"]) for probe in (first, second))
    norms = _numbers(first["norms"])
    unlike = (np.isfinite(a) != np.isfinite(b)).any(axis=1)
    finite = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    apart = np.sqrt(((a[finite] - b[finite]) ** 2).mean(axis=1))
    length, from_zero = norms[finite], np.where(apart > 0, math.inf, 0.0)
    relative = np.divide(apart, length, out=from_zero, where=length > 0)
    return math.inf if unlike.any() else float(relative.max(initial=0.0))


def _of_what(probe: Mapping[str, Any]) -> tuple[object, ...]:
    """Return array, rows, and sums a row: of one column there were 8 before version 0.3."""
    return probe.get("array"), probe.get("rows"), len(probe["sums"][0]) if probe else 0


def _numbers(values: object) -> Float[np.ndarray, "*axis"]:
    return np.asarray(values, dtype=np.float64)


def _rounded(value: Shaped[np.ndarray, ""]) -> float | None:
    return float(f"{float(value):.{DIGITS}g}") if math.isfinite(value) else None
