from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.concordance import concordant_pairs, resampled_pairs
from fuse.metrics.pooled import (
    CaseScores,
    count_fold_pairs,
    resample_across_folds,
    resample_within_folds,
    score_brier,
    score_integrated_brier,
    weights_note,
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


def places(arm) -> list[tuple[np.ndarray, np.ndarray]]:
    """The place of each case of each repeat among its fold (scipy's mean ranks), and the rows."""
    from scipy.stats import rankdata

    return [
        (
            np.concatenate([(rankdata(fold.prediction.risk) - 0.5) / len(fold.rows) for fold in folds]),
            np.concatenate([fold.rows for fold in folds]),
        )
        for folds in arm.repeats()
    ]


def test_pooled_concordance_is_that_of_all_cases_by_their_places(trial) -> None:
    arm = join(trial.predict(trial.hazard), trial.truths)
    once = resample_across_folds(arm, np.ones((1, len(arm.case_ids))))
    expected = np.mean([share(place, arm.outcome.take(rows)) for place, rows in places(arm)])
    assert once[0] == pytest.approx(expected, abs=1e-12)
    assert once[0] == pytest.approx(share(trial.hazard, trial.outcome), abs=0.03)


def test_a_fold_that_predicts_lower_because_it_holds_more_events_costs_nothing() -> None:
    """Risks know nothing; what is said of a fold falls with the events that its train part lacks."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        event = rng.permutation(np.arange(20) < 6)
        truths, said = [], []
        for fold in range(2):
            rows = np.arange(20) % 2 == fold
            outcome = Survival(event=event[rows], time_days=rng.permutation(10) + 1.0)
            other = Survival(event=event[~rows], time_days=np.arange(10) + 1.0)
            truths.append(FoldTruth(repeat=1, fold=fold, test=outcome, train=other))
            said.append(
                FoldPrediction(
                    repeat=1,
                    fold=fold,
                    case_ids=tuple(f"{fold}{row}" for row in range(10)),
                    risk=rng.normal(size=10) + 10.0 * int(other.event.sum()),
                    times_days=np.array([10.0]),
                    event_free=np.full((10, 1), 0.5),
                )
            )
        arm = join(said, truths)
        raw = np.concatenate([fold.prediction.risk for fold in arm.folds])
        rows = np.concatenate([fold.rows for fold in arm.folds])
        pooled = resample_across_folds(arm, np.ones((1, 20)))[0]
        found.append((pooled, share(raw, arm.outcome.take(rows))))
    error = np.std(found, axis=0) / np.sqrt(len(found))
    pooled, raw = np.mean(found, axis=0)
    assert abs(pooled - 0.5) < 3 * error[0]
    assert raw < 0.5 - 5 * error[1]


def test_a_resample_reaches_all_folds_and_repeats_alike(trial) -> None:
    arm = join(trial.predict(trial.hazard), trial.truths)
    counts = np.ones((1, len(arm.case_ids)))
    counts[0, :30] = 0
    kept = np.arange(30, len(arm.case_ids))
    pooled = resample_across_folds(arm, counts)
    inside = [(place[rows >= 30], rows[rows >= 30]) for place, rows in places(arm)]
    expected = np.mean([share(place, arm.outcome.take(rows)) for place, rows in inside])
    assert pooled[0] == pytest.approx(expected, abs=1e-12)
    scores = score_integrated_brier(arm, 1000.0)
    per_case = scores.total / scores.folds
    assert scores.resample(counts)[0] == pytest.approx(per_case[kept].mean(), abs=1e-12)


def test_integrated_score_runs_from_day_zero_to_the_horizon(trial, as_sksurv) -> None:
    """On the Brier scores of scikit-survival, which refuses days before the first time."""
    from sksurv.metrics import brier_score

    arm = join(trial.predict(trial.hazard), trial.truths)
    fold = next(fold for fold in arm.folds if fold.truth.test.time_days.min() > 100)
    train, test = as_sksurv(fold.truth.train), as_sksurv(fold.truth.test)
    event_free = fold.prediction.event_free[:, [0, 1, 2, 3]]
    event_free[:, 3] = 0.25 * event_free[:, 2] + 0.75 * event_free[:, 3]  # day 650 between days 500 and 700
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
    scores = CaseScores(total=np.array([2.0, 3.0]), folds=np.array([1.0, 3.0]))
    assert scores.mean == 1.25
    assert scores.resample(np.array([[2.0, 0.0], [1.0, 1.0]])).tolist() == [2.0, 1.25]
    assert scores.note == ""


def test_the_note_says_whose_weights_were_used(trial) -> None:
    arm = join(trial.predict(trial.hazard), trial.truths)
    assert weights_note(arm, 1) == "censoring weights of the train part, capped at 20 (1 cases)"
    elsewhere = join(trial.predict(trial.hazard), [replace(one, external=True) for one in trial.truths])
    assert weights_note(elsewhere, 0) == "censoring weights of the tested cohort, capped at 20 (0 cases)"


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
