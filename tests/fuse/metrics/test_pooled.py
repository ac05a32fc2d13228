from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.metrics.concordance import concordant_pairs, resampled_pairs
from fuse.metrics.pooled import (
    CaseScores,
    count_fold_pairs,
    resample_across_folds,
    resample_within_folds,
    score_brier,
    score_integrated_brier,
)
from fuse.metrics.scored import join
from fuse.outcomes.outcomes import Survival


def count(fold, counts):
    return resampled_pairs(fold.prediction.risk, fold.truth.test, counts)


def share(risk, outcome) -> float:
    concordant, comparable = concordant_pairs(risk, outcome)
    return concordant / comparable


def test_folds_count_by_their_pairs_and_repeats_alike(trial) -> None:
    predictions = trial.predict(trial.hazard)
    of_repeats = []
    for repeat in (0, 1):
        pairs = [
            concordant_pairs(prediction.risk, truth.test)
            for prediction, truth in zip(predictions, trial.truths, strict=True)
            if truth.repeat == repeat
        ]
        of_repeats.append(sum(pair[0] for pair in pairs) / sum(pair[1] for pair in pairs))
    arm = join(predictions, trial.truths)
    assert count_fold_pairs(arm).concordance() == pytest.approx(np.mean(of_repeats), abs=1e-12)
    once = resample_within_folds(arm, count, np.ones((1, len(arm.case_ids))))
    assert once[0] == pytest.approx(np.mean(of_repeats), abs=1e-12)


def test_risks_of_folds_need_no_common_scale(trial) -> None:
    predictions = trial.predict(trial.hazard)
    moved = [
        replace(item, risk=item.risk * (1 + item.fold) + 100 * item.fold * (-1) ** item.repeat)
        for item in predictions
    ]
    as_it_was = count_fold_pairs(join(predictions, trial.truths)).concordance()
    assert count_fold_pairs(join(moved, trial.truths)).concordance() == as_it_was


def test_pooled_concordance_is_that_of_all_cases(trial) -> None:
    arm = join(trial.predict(trial.hazard), trial.truths)
    once = resample_across_folds(arm, 1000.0, np.ones((1, len(arm.case_ids))))
    assert once[0] == pytest.approx(share(trial.hazard, trial.outcome), abs=1e-12)


def test_a_resample_reaches_all_folds_and_repeats_alike(trial) -> None:
    arm = join(trial.predict(trial.hazard), trial.truths)
    counts = np.ones((1, len(arm.case_ids)))
    counts[0, :30] = 0
    kept = np.arange(30, len(arm.case_ids))
    pooled = resample_across_folds(arm, 1000.0, counts)
    assert pooled[0] == pytest.approx(share(trial.hazard[kept], trial.outcome.take(kept)), abs=1e-12)
    scores = score_integrated_brier(arm, 1000.0)
    per_case = scores.total / scores.folds
    assert scores.resample(counts)[0] == pytest.approx(per_case[kept].mean(), abs=1e-12)


def test_integrated_score_runs_from_day_zero_to_the_horizon(trial, as_sksurv) -> None:
    """On the Brier scores of scikit-survival, which refuses days before the first time."""
    from sksurv.metrics import brier_score

    arm = join(trial.predict(trial.hazard), trial.truths)
    fold = next(fold for fold in arm.folds if fold.truth.test.time_days.min() > 100)
    train, test = as_sksurv(fold.truth.train), as_sksurv(fold.truth.test)
    event_free = fold.prediction.event_free[:, [0, 1, 2, 2]]  # keeps its value from day 500 to day 650
    later = brier_score(train, test, event_free[:, 1:], [300.0, 500.0, 650.0])[1]
    still_observed = 1.0  # nobody in the train part is censored by day 100
    assert not ((fold.truth.train.time_days <= 100) & ~fold.truth.train.event).any()
    score = [0.0, np.square(1 - event_free[:, 0]).mean() / still_observed, *later]
    expected = np.trapezoid(score, [0.0, 100.0, 300.0, 500.0, 650.0]) / 650
    ours = score_integrated_brier(replace(arm, folds=(fold,)), 650.0)
    assert ours.mean == pytest.approx(expected, abs=1e-10)


def test_kaplan_meier_as_the_model_gains_nothing(trial) -> None:
    from fuse.metrics.kaplan_meier import estimate_survival

    predictions = [
        replace(
            item,
            event_free=np.tile(estimate_survival(truth.train).at(item.times_days), (len(item.case_ids), 1)),
        )
        for item, truth in zip(trial.predict(trial.hazard), trial.truths, strict=True)
    ]
    model, null = score_brier(join(predictions, trial.truths), 1000.0)
    assert (model.total == null.total).all()
    assert (model.folds == 2).all()


def test_mean_of_scores_counts_every_fold_once() -> None:
    scores = CaseScores(total=np.array([2.0, 3.0]), folds=np.array([1.0, 3.0]), capped=1)
    assert scores.mean == 1.25
    assert scores.resample(np.array([[2.0, 0.0], [1.0, 1.0]])).tolist() == [2.0, 1.25]
    assert scores.note == "censoring weights of the train part, capped at 20 (1 cases)"


def test_refuses_a_repeat_without_pairs_and_a_prediction_that_ends_early(trial) -> None:
    predictions = trial.predict(trial.hazard)
    truths = [
        replace(
            truth,
            test=Survival(event=np.zeros_like(truth.test.event), time_days=truth.test.time_days),
        )
        for truth in trial.truths
    ]
    with pytest.raises(OutcomeError, match="repeat 0: expected at least one fold"):
        count_fold_pairs(join(predictions, truths)).concordance()
    with pytest.raises(OutcomeError, match="up to day 1200; got up to day 1000"):
        score_integrated_brier(join(predictions, trial.truths), 1200.0)
