"""From predictions and outcomes of all folds to the rows of metrics.csv.

Enters: what one arm predicted for every test part, and the outcomes opened afterwards. Leaves: concordance,
AUC, Brier score, its gain over Kaplan-Meier and observed/expected, each with an interval and its method.
Pairs are counted within folds and probabilities are pooled: a fold of 19 cases is too small for either alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.at_days import (
    Estimated,
    Resampled,
    auc,
    brier,
    estimate_at_days,
    observed_expected,
    prediction_accuracy,
    uno_concordance,
)
from fuse.metrics.censoring import Horizon, choose_horizon
from fuse.metrics.d_calibration import d_calibration
from fuse.metrics.fold_order import order_of
from fuse.metrics.intervals import Interval, bootstrap, draw_resamples
from fuse.metrics.known_status import known_at
from fuse.metrics.one_fold import bootstrap_order
from fuse.metrics.order_error import order_error
from fuse.metrics.order_intervals import primary_of
from fuse.metrics.pooled import (
    count_fold_pairs,
    resample_across_folds,
    score_integrated_brier,
)
from fuse.metrics.recalibration import calibration_slope
from fuse.metrics.scored import ScoredArm, join
from fuse.metrics.smooth_calibration import integrated_calibration

Counts = Float[np.ndarray, "sample case"]
PLACES = "cases by their place within their fold"


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """One line of metrics.csv; NaN where there is no value, and `method` says why."""

    metric: str
    estimate: float
    low: float
    high: float
    method: str
    n_cases: int
    n_events: int | None


def evaluate_arm(
    predictions: Sequence[FoldPrediction],
    truths: Sequence[FoldTruth],
    horizon_days: float,
    seed: int,
    days: Sequence[float] = (),
) -> list[MetricRow]:
    """Evaluate one arm over all folds.

    Parameters
    ----------
    predictions, truths
        One of each for every (repeat, fold); rows of a fold in the same order.
    horizon_days
        Last day to evaluate, as declared; reduced by `censoring.choose_horizon` where follow-up is too short,
        and the methods then say so. Predictions must reach it.
    seed
        Of the bootstrap; the same seed for all arms makes them comparable.
    days
        Further days at which metrics are given, as declared on the card.

    Returns
    -------
    list of MetricRow
        c_index: pairs within folds, averaged over repeats (primary).
        c_index_pooled: pairs across folds of a repeat, each case by its place among those of its fold.
        auc_<day>: at half the horizon and at the horizon; pairs within folds.
        ibs: Brier score averaged to the horizon. ipa: 1 - Brier / Brier of the train part's Kaplan-Meier
        (in another cohort, of its own).
        observed_expected: events by the horizon, observed / predicted. brier_<day>: at the horizon.
        auc_<day>, brier_<day>, ipa_<day>, observed_expected_<day>: at each further day.
        uno_c: Uno's C with the horizon in use as tau, weighted pairs within folds.
        calibration_slope, ici, d_calibration_p: at the horizon, the latter two from 200 events by then.

    Raises
    ------
    OutcomeError
        When predictions and truths do not belong together, or no pair is comparable.
    """
    arm = join(predictions, truths)
    horizon = choose_horizon(arm.outcome, horizon_days)
    counts = draw_resamples(len(arm.case_ids), seed)
    note = horizon_note(horizon)
    one = Resampled(arm=arm, counts=counts)
    found = score_probabilities(one, horizon, days)
    found["uno_c"] = uno_concordance(one, horizon.days, note)
    found |= calibrate(one, horizon)
    found["d_calibration_p"] = d_calibration(arm, horizon.days)
    return [
        *rate_concordance(arm, counts),
        *(_row(arm, name, *value) for name, value in found.items()),
    ]


def score_probabilities(one: Resampled, horizon: Horizon, days: Sequence[float]) -> dict[str, Estimated]:
    """Return AUC, Brier and their kin at the horizon and at each further day, by the names of their rows."""
    note, found = horizon_note(horizon), {}
    for day in dict.fromkeys([max(1.0, float(math.floor(horizon.days / 2))), horizon.days]):
        found[f"auc_{day:g}"] = auc(one, day, note if day == horizon.days else one.events_by(day))
    integrated = score_integrated_brier(one.arm, horizon.days)
    interval = bootstrap(integrated.resample(one.counts), f"{integrated.note}; {note}")
    found["ibs"] = integrated.mean, interval
    found["ipa"] = prediction_accuracy(one, horizon.days, note)
    found["observed_expected"] = observed_expected(one, horizon.days, note)
    found[f"brier_{horizon.days:g}"] = brier(one, horizon.days, note)
    return found | estimate_at_days(one, days, horizon.days, done=tuple(found))


def calibrate(one: Resampled, horizon: Horizon) -> dict[str, Estimated]:
    """Return the calibration slope and the integrated calibration index at the horizon."""
    known = known_at(one.arm, horizon.days)
    slope, interval = calibration_slope(known)
    return {
        "calibration_slope": (
            slope,
            interval
            if math.isnan(slope)
            else replace(interval, method=f"{interval.method}; {horizon_note(horizon)}"),
        ),
        "ici": integrated_calibration(known, one.counts),
    }


def rate_concordance(arm: ScoredArm, counts: Counts) -> list[MetricRow]:
    """Return the rows c_index and c_index_pooled."""
    return [
        _row(arm, "c_index", *_concordance_within(arm, 1)),
        _row(arm, "c_index_pooled", *_concordance_pooled(arm, counts)),
    ]


def horizon_note(horizon: Horizon) -> str:
    """Say in a method which horizon was used, and why where it is not the declared one."""
    return f"horizon day {horizon.days:g}" + (f" ({horizon.reason})" if horizon.reason else "")


def evaluate_singles(
    arms: Mapping[str, Sequence[FoldPrediction]], truths: Sequence[FoldTruth], singles: Mapping[str, str]
) -> dict[str, MetricRow]:
    """Return the C within folds of each single modality, its intervals made to hold together.

    Parameters
    ----------
    singles
        Modality -> its arm; one that did not run is left out.

    Returns
    -------
    dict
        Modality -> row `c_index`: the estimate of `evaluate_arm`, with an interval that is wider where there
        are several (Bonferroni), since as many questions are asked of one cohort.
    """
    there = {modality: join(arms[name], truths) for modality, name in singles.items() if name in arms}
    return {
        modality: _row(arm, "c_index", *_concordance_within(arm, len(there)))
        for modality, arm in there.items()
    }


def _concordance_within(arm: ScoredArm, family: int) -> tuple[float, Interval]:
    estimate = count_fold_pairs(arm).concordance()
    if len(arm.folds) == 1:
        only = arm.folds[0]
        return estimate, bootstrap_order([only.prediction.risk], only.truth.test, family)
    return estimate, primary_of(order_error([order_of(arm)]), family)


def _concordance_pooled(arm: ScoredArm, counts: Counts) -> tuple[float, Interval]:
    estimate = float(resample_across_folds(arm, _once(arm))[0])
    return estimate, bootstrap(resample_across_folds(arm, counts), PLACES)


def _once(arm: ScoredArm) -> Counts:
    return np.ones((1, len(arm.case_ids)))


def _row(arm: ScoredArm, metric: str, estimate: float, interval: Interval) -> MetricRow:
    return MetricRow(
        metric=metric,
        estimate=estimate,
        low=interval.low,
        high=interval.high,
        method=interval.method,
        n_cases=len(arm.case_ids),
        n_events=int(arm.outcome.event.sum()),
    )
