"""From predictions and outcomes of all folds to the rows of metrics.csv.

Enters: what one arm predicted for every test part, and the outcomes opened afterwards. Leaves: concordance,
AUC, Brier score, its gain over Kaplan-Meier and observed/expected, each with an interval and its method.
Pairs are counted within folds and probabilities are pooled: a fold of 19 cases is too small for either alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.auc import resampled_auc_pairs
from fuse.metrics.calibration import resampled_event_share
from fuse.metrics.censoring import Horizon, choose_horizon
from fuse.metrics.concordance import PairSums
from fuse.metrics.intervals import FoldValues, Interval, bootstrap, draw_resamples, nadeau_bengio_logit
from fuse.metrics.one_fold import bootstrap_order
from fuse.metrics.pooled import (
    count_fold_pairs,
    ratio,
    resample_across_folds,
    resample_within_folds,
    score_brier,
    score_expected,
    score_integrated_brier,
)
from fuse.metrics.scored import ScoredArm, ScoredFold, join

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
    predictions: Sequence[FoldPrediction], truths: Sequence[FoldTruth], horizon_days: float, seed: int
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

    Returns
    -------
    list of MetricRow
        c_index: pairs within folds, averaged over repeats (primary).
        c_index_pooled: pairs across folds of a repeat, each case by its place among those of its fold.
        auc_<day>: at half the horizon and at the horizon; pairs within folds.
        ibs: Brier score averaged to the horizon. ipa: 1 - Brier / Brier of the train part's Kaplan-Meier.
        observed_expected: events by the horizon, observed / predicted.

    Raises
    ------
    OutcomeError
        When predictions and truths do not belong together, or no pair is comparable.
    """
    arm = join(predictions, truths)
    horizon = choose_horizon(arm.outcome, horizon_days)
    counts = draw_resamples(len(arm.case_ids), seed)
    note = horizon_note(horizon)
    rows = rate_concordance(arm, counts)
    for day in dict.fromkeys([max(1.0, float(math.floor(horizon.days / 2))), horizon.days]):
        rows.append(_row(arm, f"auc_{day:g}", *_auc(arm, day, counts, note if day == horizon.days else "")))
    integrated = score_integrated_brier(arm, horizon.days)
    interval = bootstrap(integrated.resample(counts), f"{integrated.note}; {note}")
    rows.append(_row(arm, "ibs", integrated.mean, interval))
    rows.append(_row(arm, "ipa", *_prediction_accuracy(arm, horizon.days, counts, note)))
    rows.append(_row(arm, "observed_expected", *_observed_expected(arm, horizon.days, counts, note)))
    return rows


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
    pairs = count_fold_pairs(arm)
    estimate = pairs.concordance()
    if len(arm.folds) == 1:
        only = arm.folds[0]
        return estimate, bootstrap_order([only.prediction.risk], only.truth.test, family)
    folds = FoldValues(
        value=pairs.concordant / np.maximum(pairs.comparable, 1),
        weight=pairs.comparable,
        test_to_train=pairs.test_to_train,
    )
    return estimate, nadeau_bengio_logit(estimate, folds, family)


def _concordance_pooled(arm: ScoredArm, counts: Counts) -> tuple[float, Interval]:
    estimate = float(resample_across_folds(arm, _once(arm))[0])
    return estimate, bootstrap(resample_across_folds(arm, counts), PLACES)


def _auc(arm: ScoredArm, day: float, counts: Counts, note: str) -> tuple[float, Interval]:
    def count(fold: ScoredFold, of_fold: Counts) -> PairSums:
        truth = fold.truth
        return resampled_auc_pairs(fold.prediction.risk, truth.train, truth.test, day, of_fold)

    estimate = float(resample_within_folds(arm, count, _once(arm))[0])
    if math.isnan(estimate):
        return estimate, Interval(low=math.nan, high=math.nan, method=f"none: no event by day {day:g}")
    return estimate, bootstrap(resample_within_folds(arm, count, counts), note)


def _prediction_accuracy(arm: ScoredArm, day: float, counts: Counts, note: str) -> tuple[float, Interval]:
    model, null = score_brier(arm, day)
    if null.mean == 0:
        return math.nan, Interval(low=math.nan, high=math.nan, method=f"none: no event by day {day:g}")
    gain = 1 - ratio(model.resample(counts), null.resample(counts))
    return 1 - model.mean / null.mean, bootstrap(gain, f"{model.note}; {note}")


def _observed_expected(arm: ScoredArm, day: float, counts: Counts, note: str) -> tuple[float, Interval]:
    expected = score_expected(arm, day)
    if expected.mean == 0:
        return math.nan, Interval(low=math.nan, high=math.nan, method="none: no event is predicted")
    observed = float(resampled_event_share(arm.outcome, day, _once(arm))[0])
    shares = resampled_event_share(arm.outcome, day, counts)
    return observed / expected.mean, bootstrap(ratio(shares, expected.resample(counts)), note)


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
