"""Evaluation where several causes compete: the same numbers, with the other causes counted for what they are.

Enters: risks and probabilities of the cause of interest, and times with causes. Leaves: the rows of
metrics.csv and comparisons.csv. A case that had another cause first stays comparable with every event of the
cause of interest, as one that never has it (Wolbers et al. 2009); it is not censored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.at_days import Resampled
from fuse.metrics.censoring import choose_horizon
from fuse.metrics.comparison import ComparisonRow, Roles, compare_arms, compare_ibs, plan_contrasts
from fuse.metrics.evaluation import (
    MetricRow,
    calibrate,
    rate_concordance,
    score_probabilities,
)
from fuse.metrics.intervals import draw_resamples
from fuse.metrics.ordered import keep_at_risk
from fuse.metrics.scored import join
from fuse.outcomes.outcomes import Competing


def evaluate_competing_arm(
    predictions: Sequence[FoldPrediction],
    truths: Sequence[FoldTruth],
    horizon_days: float,
    seed: int,
    days: Sequence[float] = (),
) -> list[MetricRow]:
    """Evaluate one arm over all folds.

    Returns
    -------
    list of MetricRow
        As `evaluate_arm`, of the cause of interest, without uno_c and d_calibration_p. In auc_<day> an event
        of interest is paired with cases that were followed beyond the day and with those that had another
        cause first; brier_<day>, ibs and ipa are of the cumulative incidence; observed_expected is the
        cumulative incidence (Aalen and Johansen) by the horizon / the mean of the predicted ones.
    """
    kept, arm = join(predictions, keep_all_at_risk(truths)), join(predictions, truths)
    horizon = choose_horizon(arm.outcome, horizon_days)
    counts = draw_resamples(len(arm.case_ids), seed)
    rows = rate_concordance(kept, counts)
    # with their causes: weights and shares tell another cause from a censoring
    one = Resampled(arm=arm, counts=counts)
    found = score_probabilities(one, horizon, days) | calibrate(one, horizon)
    return [
        *rows,
        *(
            replace(rows[0], metric=metric, estimate=estimate, **vars(interval))
            for metric, (estimate, interval) in found.items()
        ),
    ]


def compare_competing(
    arms: Mapping[str, Sequence[FoldPrediction]],
    truths: Sequence[FoldTruth],
    roles: Roles,
    horizon_days: float,
    seed: int,
) -> list[ComparisonRow]:
    """Make every comparison that the roles call for, of C and of the score of the incidence."""
    kept, rows = keep_all_at_risk(truths), []
    for contrast in plan_contrasts(arms, roles):
        pair = arms[contrast.first], arms[contrast.second]
        rows.append(compare_arms(*pair, kept, contrast))
        if contrast.first == roles.fusion and contrast.named_before:
            rows.append(compare_ibs(*pair, truths, contrast, horizon_days, seed))
    return rows


def keep_all_at_risk(truths: Sequence[FoldTruth]) -> list[FoldTruth]:
    """Return the truths of the cause of interest alone, competing cases kept at risk."""
    return [
        replace(truth, test=keep_at_risk(_causes(truth.test)), train=keep_at_risk(_causes(truth.train)))
        for truth in truths
    ]


def _causes(outcome: object) -> Competing:
    if not isinstance(outcome, Competing):
        raise TypeError("the outcomes of a competing endpoint have causes")
    return outcome
