"""Evaluation where several causes compete: the same numbers, with the other causes counted for what they are.

Enters: risks and probabilities of the cause of interest, and times with causes. Leaves: the rows of
metrics.csv and comparisons.csv. A case that had another cause first stays comparable with every event of the
cause of interest, as one that never has it (Wolbers et al. 2009); it is not censored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.aalen_johansen import resampled_incidence
from fuse.metrics.censoring import choose_horizon
from fuse.metrics.comparison import ComparisonRow, Roles, compare_arms, plan_contrasts
from fuse.metrics.evaluation import MetricRow, horizon_note, rate_concordance
from fuse.metrics.intervals import Interval, bootstrap, draw_resamples
from fuse.metrics.ordered import keep_at_risk
from fuse.metrics.pooled import predicted_event_free, ratio
from fuse.metrics.scored import ScoredArm, join
from fuse.outcomes.outcomes import Competing


def evaluate_competing_arm(
    predictions: Sequence[FoldPrediction], truths: Sequence[FoldTruth], horizon_days: float, seed: int
) -> list[MetricRow]:
    """Evaluate one arm over all folds.

    Returns
    -------
    list of MetricRow
        c_index and c_index_pooled as for times, of the cause of interest. observed_expected: by the horizon,
        the cumulative incidence (Aalen and Johansen) / the mean of the predicted ones.
    """
    arm = join(predictions, keep_all_at_risk(truths))
    outcome = competing_of(arm, predictions, truths)
    horizon = choose_horizon(outcome, horizon_days)
    counts, note = draw_resamples(len(arm.case_ids), seed), horizon_note(horizon)
    rows = rate_concordance(arm, counts)
    total, folds = np.zeros(len(arm.case_ids)), np.zeros(len(arm.case_ids))
    day = np.array([horizon.days])
    for fold in arm.folds:
        total[fold.rows] += 1 - predicted_event_free(fold, day)[:, 0]
        folds[fold.rows] += 1
    estimate, interval = math.nan, Interval(low=math.nan, high=math.nan, method="none: no event is predicted")
    if total.sum() > 0:
        once = np.ones((1, len(arm.case_ids)))
        estimate = float(resampled_incidence(outcome, day, once)[0, 0] / (total.sum() / folds.sum()))
        expected = ratio(counts @ total, counts @ folds)
        interval = bootstrap(ratio(resampled_incidence(outcome, day, counts)[:, 0], expected), note)
    return [*rows, replace(rows[0], metric="observed_expected", estimate=estimate, **vars(interval))]


def compare_competing(
    arms: Mapping[str, Sequence[FoldPrediction]], truths: Sequence[FoldTruth], roles: Roles
) -> list[ComparisonRow]:
    """Make every comparison of C that the roles call for."""
    kept = keep_all_at_risk(truths)
    return [
        compare_arms(arms[contrast.first], arms[contrast.second], kept, contrast)
        for contrast in plan_contrasts(arms, roles)
    ]


def keep_all_at_risk(truths: Sequence[FoldTruth]) -> list[FoldTruth]:
    """Return the truths of the cause of interest alone, competing cases kept at risk."""
    return [
        replace(truth, test=keep_at_risk(_causes(truth.test)), train=keep_at_risk(_causes(truth.train)))
        for truth in truths
    ]


def competing_of(
    arm: ScoredArm, predictions: Sequence[FoldPrediction], truths: Sequence[FoldTruth]
) -> Competing:
    """Return times and causes of the cases of an arm, in its order."""
    row_of = {case: row for row, case in enumerate(arm.case_ids)}
    of_fold = {(item.repeat, item.fold): item.case_ids for item in predictions}
    time, cause = np.zeros(len(row_of)), np.zeros(len(row_of), dtype=np.int64)
    for truth in truths:
        rows = np.array([row_of[case] for case in of_fold[truth.repeat, truth.fold]], dtype=np.int64)
        time[rows], cause[rows] = truth.test.time_days, _causes(truth.test).cause
    return Competing(event=cause == 1, time_days=time, cause=cause, causes=_causes(truths[0].test).causes)


def _causes(outcome: object) -> Competing:
    if not isinstance(outcome, Competing):
        raise TypeError("the outcomes of a competing endpoint have causes")
    return outcome
