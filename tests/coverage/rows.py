"""How often each interval held the truth: rows to keep.

Enters: judged cohorts. Leaves: for each situation, size, number and method the share of cohorts whose
interval held what the procedure, trained at this size, reaches on fresh cases; with its Monte-Carlo error and
the mean width. An interval that does not exist in a cohort held nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from fuse.metrics.order_intervals import PRIMARY
from tests.coverage.one_cohort import ASKED, FRESH, Covered
from tests.measurement import Measured

LEAST = 0.93
#: With fewer cohorts a share is too far off to be held to a bar.
ENOUGH_COHORTS = 100

WORDS = {
    ("fusion", ""): "c",
    ("fusion", "clinical"): "difference_to_clinical",
    ("fusion", "selected_single"): "difference_to_selected",
}


def coverage_rows(judged: Sequence[Covered]) -> list[Measured]:
    """Return a row for each situation, size, number and method, the primary method first."""
    groups = dict.fromkeys((one.situation, one.size) for one in judged)
    return [
        row
        for situation, size in groups
        for pair in ASKED
        for row in _of_number([one for one in judged if (one.situation, one.size) == (situation, size)], pair)
    ]


def truth_of(group: Sequence[Covered], pair: tuple[str, str]) -> float:
    """Return what the procedure reaches on the mean: known where there is nothing to find."""
    if group[0].situation == "null":
        return 0.0 if pair[1] else 0.5
    return float(np.mean([one.reached[pair] for one in group]))


def _of_number(group: Sequence[Covered], pair: tuple[str, str]) -> Iterator[Measured]:
    truth, estimates = truth_of(group, pair), [one.estimates[pair] for one in group]
    methods = dict.fromkeys(
        name for one in group for (first, second, name) in one.limits if (first, second) == pair
    )
    where = f"{group[0].situation}_{group[0].size}_{WORDS[pair]}"
    for method in methods:
        limits = np.array([one.limits.get((*pair, method), (np.nan, np.nan)) for one in group])
        share = float(np.mean((limits[:, 0] <= truth) & (truth <= limits[:, 1])))
        error = float(np.sqrt(share * (1 - share) / len(group)))
        width = float(np.nanmean(limits[:, 1] - limits[:, 0]))
        primary = method == PRIMARY
        told = (
            f"{len(group)} cohorts, +- {error:.3f}, truth {truth:.3f} ({FRESH} fresh cases each), "
            f"mean {np.mean(estimates):.3f}, sd {np.std(estimates):.3f}, width {width:.3f}"
        )
        yield Measured(
            name=f"fuse/coverage_{where}_{method}",
            value=share,
            unit="of nominal .95",
            bar=f">= {LEAST:.2f} for the primary one" if primary else None,
            met=share >= LEAST if primary and len(group) >= ENOUGH_COHORTS else None,
            input=told,
        )
