"""Every interval of C, AUROC and their differences, by the name of its method: the rows of intervals.csv.

Enters: scored arms, the roles that were fixed before, and what refits on resampled cases gave. Leaves: for
each arm, and each comparison that the roles call for, one line a method. The line marked primary is what
metrics.csv, comparisons.csv and the verdict say; the others show what that choice decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from fuse.metrics.class_scored import ClassArm
from fuse.metrics.comparison import Contrast, Roles, plan_contrasts
from fuse.metrics.fold_order import ArmOrder, order_of
from fuse.metrics.intervals import Interval, bootstrap, draw_resamples
from fuse.metrics.one_fold import resample_ranking_pairs
from fuse.metrics.order_error import order_error
from fuse.metrics.order_intervals import PRIMARY, named_intervals
from fuse.metrics.pooled import ratio
from fuse.metrics.scored import ScoredArm
from fuse.replicates.refit_interval import refit_interval

INTERVALS = "intervals.csv"
COLUMNS = ("first", "second", "metric", "name", "estimate", "low", "high", "method", "primary", "family")
BOOTSTRAPPED = "out_of_fold_bootstrap"
REFITTED = "refit_bootstrap"

Samples = Float[np.ndarray, " sample"]


@dataclass(frozen=True, kw_only=True)
class IntervalRow:
    """One line of intervals.csv: `second` is "" for an arm's own number, else first minus second.

    `family`: how many intervals hold together, 1 for one alone.
    """

    first: str
    second: str
    metric: str
    name: str
    estimate: float
    low: float
    high: float
    method: str
    primary: bool
    family: int


@dataclass(frozen=True, kw_only=True)
class IntervalInputs:
    """Arms of several folds, who is compared with whom, C of refits by arm, the metric and the seed."""

    arms: Mapping[str, ScoredArm | ClassArm]
    roles: Roles
    metric: str
    seed: int
    refits: Mapping[str, Sequence[float]] = field(default_factory=dict)


def interval_rows(inputs: IntervalInputs) -> list[IntervalRow]:
    """Return the rows of all arms, then of all comparisons; none of one fold, where the bootstrap is all.

    A bootstrap of cases is given for arms that have a role: they are what questions are asked about.
    """
    if any(len(arm.folds) < 2 for arm in inputs.arms.values()):
        return []
    orders = {name: order_of(arm) for name, arm in inputs.arms.items()}
    contrasts = plan_contrasts(inputs.arms, inputs.roles)
    asked = {name for contrast in contrasts for name in (contrast.first, contrast.second)}
    counts = draw_resamples(next(iter(orders.values())).n_cases, inputs.seed)
    samples = {name: resample_share(inputs.arms[name], counts) for name in orders if name in asked}
    rows = []
    for name in orders:
        alone = Contrast(first=name, second="", named_before=True)
        rows += [*_rows(inputs, orders, samples, alone)]
    for contrast in contrasts:
        rows += [*_rows(inputs, orders, samples, contrast)]
    return rows


def resample_share(arm: ScoredArm | ClassArm, counts: Float[np.ndarray, "sample case"]) -> Samples:
    """Return the share in order of each resample of the cases, pairs summed over the folds of a repeat."""
    of_repeats = []
    for number in sorted({fold.truth.repeat for fold in arm.folds}):
        folds = [fold for fold in arm.folds if fold.truth.repeat == number]
        pairs = [
            resample_ranking_pairs(fold.prediction.risk, fold.truth.test, counts[:, fold.rows])
            for fold in folds
        ]
        of_repeats.append(_mean_share(np.sum(pairs, axis=0)))
    return np.asarray(np.mean(of_repeats, axis=0))


def _mean_share(pairs: Float[np.ndarray, "ranking 2 sample"]) -> Samples:
    """Return the mean over the rankings that have a pair, NaN without any."""
    known = pairs[:, 1] > 0
    shares = np.divide(pairs[:, 0], pairs[:, 1], out=np.zeros_like(pairs[:, 0]), where=known)
    return ratio(shares.sum(axis=0), known.sum(axis=0).astype(np.float64))


def _rows(
    inputs: IntervalInputs,
    orders: Mapping[str, ArmOrder],
    samples: Mapping[str, Samples],
    contrast: Contrast,
) -> Iterator[IntervalRow]:
    names = [contrast.first, *([contrast.second] if contrast.second else [])]
    error = order_error([orders[name] for name in names])
    found: dict[str, Interval] = dict(named_intervals(error, contrast.family))
    if all(name in samples for name in names):
        values = samples[names[0]] if len(names) == 1 else samples[names[0]] - samples[names[1]]
        found[BOOTSTRAPPED] = bootstrap(values, "paired" if len(names) > 1 else "", contrast.family)
    refit = _refit(inputs, names, error.estimate, contrast.family)
    if refit is not None:
        found[REFITTED] = refit
    for name, interval in found.items():
        yield IntervalRow(
            first=contrast.first,
            second=contrast.second,
            metric=inputs.metric,
            name=name,
            estimate=error.estimate,
            low=interval.low,
            high=interval.high,
            method=interval.method,
            primary=name == PRIMARY,
            family=contrast.family,
        )


def _refit(inputs: IntervalInputs, names: Sequence[str], estimate: float, family: int) -> Interval | None:
    """Return the interval of a full-refit bootstrap, None where no refit was made of these arms."""
    if not all(name in inputs.refits for name in names):
        return None
    values = [np.asarray(inputs.refits[name], dtype=np.float64) for name in names]
    refits = values[0] if len(values) == 1 else values[0] - values[1]
    known = [value for value in refits.tolist() if math.isfinite(value)]
    return refit_interval(estimate, known, "logit" if len(names) == 1 else "difference", family)
