"""The rows of metrics.csv that belong to a day: the horizon, and the further days that the card declares.

Enters: a `ScoredArm` of times or of competing causes. Leaves: Uno's C, the calibration slope and the Brier
score at the horizon, and AUC, Brier, prediction accuracy and observed/expected at each further day. A day
beyond the horizon in use keeps its rows, which say that follow-up does not reach it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.metrics.aalen_johansen import resampled_incidence
from fuse.metrics.auc import resampled_auc_pairs
from fuse.metrics.calibration import resampled_event_share
from fuse.metrics.concordance import PairSums
from fuse.metrics.intervals import Interval, bootstrap
from fuse.metrics.pooled import ratio, resample_within_folds, score_brier, score_expected
from fuse.metrics.ranked_fold import RankedFold
from fuse.metrics.scored import ScoredArm, ScoredFold
from fuse.metrics.uno import resampled_uno_pairs
from fuse.outcomes.outcomes import Competing, Survival

Counts = Float[np.ndarray, "sample case"]
Estimated = tuple[float, Interval]


@dataclass(frozen=True, kw_only=True)
class Resampled:
    """An arm with its resamples."""

    arm: ScoredArm
    counts: Counts

    @property
    def outcome(self) -> Survival:
        """Times, or times and causes, of the cases."""
        return self.arm.outcome

    def events_by(self, day: float) -> str:
        """Say how many events (of interest) there are by a day, which few of all of them may be."""
        events = int((self.outcome.event & (self.outcome.time_days <= day)).sum())
        return f"{events} event{'' if events == 1 else 's'} by day {day:g}"


def auc(one: Resampled, day: float, note: str = "") -> Estimated:
    """Return AUC at a day, pairs within folds."""

    def count(fold: ScoredFold, of_fold: Counts) -> PairSums:
        return resampled_auc_pairs(_ranked(fold, of_fold), day)

    return _pairs(one, count, f"no event by day {day:g}", note)


def uno_concordance(one: Resampled, tau_days: float, note: str) -> Estimated:
    """Return Uno's C up to a day: weighted pairs within folds, summed over the folds of a repeat."""

    def count(fold: ScoredFold, of_fold: Counts) -> PairSums:
        return resampled_uno_pairs(_ranked(fold, of_fold), tau_days)

    pooled = "weighted pairs within folds, summed over the folds of a repeat"
    return _pairs(one, count, f"no event before day {tau_days:g}", f"{pooled}; tau = {note}")


def brier(one: Resampled, day: float, note: str = "") -> Estimated:
    """Return the Brier score at a day."""
    model, _ = score_brier(one.arm, day)
    return model.mean, bootstrap(model.resample(one.counts), _join(model.note, note))


def prediction_accuracy(one: Resampled, day: float, note: str = "") -> Estimated:
    """Return 1 - Brier / Brier of the train part's curve, which says the same of everybody."""
    model, null = score_brier(one.arm, day)
    if null.mean == 0:
        return none(f"no event by day {day:g}")
    gain = 1 - ratio(model.resample(one.counts), null.resample(one.counts))
    return 1 - model.mean / null.mean, bootstrap(gain, _join(model.note, note))


def observed_expected(one: Resampled, day: float, note: str = "") -> Estimated:
    """Return events by a day (Kaplan-Meier, or Aalen-Johansen) / predicted ones."""
    expected = score_expected(one.arm, day)
    if expected.mean == 0:
        return none("no event is predicted")
    observed = float(event_share(one.outcome, day, np.ones((1, len(one.outcome))))[0])
    shares = event_share(one.outcome, day, one.counts)
    return observed / expected.mean, bootstrap(ratio(shares, expected.resample(one.counts)), note)


def event_share(outcome: Survival, day: float, counts: Counts) -> Float[np.ndarray, " sample"]:
    """Return the share with the event (that of interest) by a day for many resamples."""
    if isinstance(outcome, Competing):
        return resampled_incidence(outcome, np.array([day]), counts)[:, 0]
    return resampled_event_share(outcome, day, counts)


BY_DAY: dict[str, Callable[[Resampled, float, str], Estimated]] = {
    "auc": auc,
    "brier": brier,
    "ipa": prediction_accuracy,
    "observed_expected": observed_expected,
}
"""What is given at each further day, as `<name>_<day>`."""


def estimate_at_days(
    one: Resampled, days: Sequence[float], horizon_days: float, done: Sequence[str]
) -> dict[str, Estimated]:
    """Return `<metric>_<day>` of the declared days, in their order, but for those that are `done`."""
    rows = {}
    for day in days:
        if day == horizon_days:
            continue
        for name, estimate in BY_DAY.items():
            if f"{name}_{day:g}" in done:
                continue
            within = day < horizon_days
            rows[f"{name}_{day:g}"] = (
                estimate(one, day, one.events_by(day))
                if within
                else none(f"beyond day {horizon_days:g}, the horizon in use")
            )
    return rows


def none(reason: str) -> Estimated:
    """Return what stands where there is no number."""
    return math.nan, Interval(low=math.nan, high=math.nan, method=f"none: {reason}")


def _ranked(fold: ScoredFold, of_fold: Counts) -> RankedFold:
    truth = fold.truth
    return RankedFold(risk=fold.prediction.risk, train=truth.reference, test=truth.test, counts=of_fold)


def _pairs(
    one: Resampled, count: Callable[[ScoredFold, Counts], PairSums], absent: str, note: str
) -> Estimated:
    estimate = float(resample_within_folds(one.arm, count, np.ones((1, len(one.outcome))))[0])
    if math.isnan(estimate):
        return none(absent)
    return estimate, bootstrap(resample_within_folds(one.arm, count, one.counts), note)


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
