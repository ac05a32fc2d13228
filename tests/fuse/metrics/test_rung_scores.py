"""What a rung reaches is what the metrics of an arm are: same pairs, same Brier scores, same resamples."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.decision import net_benefit, share_of_event
from fuse.metrics.evaluation import evaluate_arm
from fuse.metrics.intervals import draw_resamples
from fuse.metrics.rung_scores import OpenedCases, OpenedFold, accuracy_of, benefit_of, order_of
from fuse.outcomes.outcomes import Classes, Competing, Survival

N, DAY = 60, 500.0


@pytest.fixture(scope="module")
def outcome() -> Survival:
    rng = np.random.default_rng(3)
    return Survival(event=rng.random(N) < 0.5, time_days=np.ceil(rng.uniform(10, 1500, size=N)))


@pytest.fixture(scope="module")
def said() -> np.ndarray:
    return np.random.default_rng(4).uniform(0.05, 0.9, size=(2, N))


def opened(outcome, day: float | None) -> OpenedCases:
    """Two repeats of three folds, the second in another order."""
    folds = []
    for repeat in (1, 2):
        order = np.random.default_rng(repeat).permutation(N)
        for fold in range(3):
            rows = np.sort(order[fold::3])
            rest = np.setdiff1d(np.arange(N), rows)
            folds.append(
                OpenedFold(
                    repeat=repeat, fold=fold + 1, rows=rows, test=outcome.take(rows), train=outcome.take(rest)
                )
            )
    share = share_of_event(outcome, day)
    return OpenedCases(outcome=outcome, folds=tuple(folds), day=day, share=share, counts=draw_resamples(N, 0))


def by_fold(said: np.ndarray, tested: OpenedCases) -> list[np.ndarray]:
    return [said[fold.repeat - 1][fold.rows] for fold in tested.folds]


def test_the_numbers_are_those_of_metrics_csv(outcome, said) -> None:
    tested = opened(outcome, DAY)
    ids = [f"case{row:02d}" for row in range(N)]
    values = by_fold(said, tested)
    predictions = [
        FoldPrediction(
            repeat=fold.repeat,
            fold=fold.fold,
            case_ids=tuple(ids[row] for row in fold.rows),
            risk=value,
            times_days=np.array([DAY]),
            event_free=1 - value[:, None],
        )
        for fold, value in zip(tested.folds, values, strict=True)
    ]
    truths = [
        FoldTruth(repeat=fold.repeat, fold=fold.fold, test=fold.test, train=fold.train)
        for fold in tested.folds
    ]
    rows = {row.metric: row for row in evaluate_arm(predictions, truths, DAY, 0)}
    assert order_of(values, tested).share() == pytest.approx(rows["c_index"].estimate, abs=1e-14)
    estimate, drawn = accuracy_of(values, tested)
    assert estimate == pytest.approx(rows["ipa"].estimate, abs=1e-14)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (low, high) == pytest.approx((rows["ipa"].low, rows["ipa"].high), abs=1e-12)


def test_net_benefit_is_averaged_over_repeats(outcome, said) -> None:
    tested = opened(outcome, DAY)
    thresholds = np.array([0.2, 0.5])
    found = benefit_of(by_fold(said, tested), thresholds, tested, tested.once)[0]
    of_each = [net_benefit(one, thresholds, tested.share, tested.once)[0] for one in said]
    np.testing.assert_allclose(found, np.mean(of_each, axis=0), atol=1e-14)
    drawn = benefit_of(by_fold(said, tested), thresholds, tested, tested.counts)
    assert drawn.shape == (len(tested.counts), 2)
    np.testing.assert_allclose(drawn.mean(axis=0), found, atol=0.02)


def test_of_classes_it_is_the_brier_score_against_the_share_of_the_train_part(said) -> None:
    label = (np.random.default_rng(5).random(N) < 0.4).astype(int)
    tested = opened(Classes(label=label, names=("no", "yes")), None)
    values = by_fold(said, tested)
    model = np.mean(
        np.concatenate([(v - f.test.label) ** 2 for v, f in zip(values, tested.folds, strict=True)])
    )
    null = np.mean(np.concatenate([(f.train.label.mean() - f.test.label) ** 2 for f in tested.folds]))
    assert accuracy_of(values, tested)[0] == pytest.approx(1 - model / null, abs=1e-14)


def test_causes_that_compete_are_kept_apart(outcome, said) -> None:
    cause = np.where(outcome.event, 1 + np.arange(N) % 2, 0)
    competing = Competing(
        event=cause == 1, time_days=outcome.time_days, cause=cause, causes=("relapse", "death")
    )
    tested, plain = opened(competing, DAY), opened(outcome, DAY)
    values = by_fold(said, tested)
    one, other = accuracy_of(values, tested)[0], accuracy_of(values, plain)[0]
    assert np.isfinite(one) and one != other
    assert order_of(values, tested).share() != order_of(values, plain).share()


def test_where_nobody_has_the_event_there_is_no_accuracy(said) -> None:
    none = Survival(event=np.zeros(N, dtype=bool), time_days=np.full(N, 900.0))
    tested = opened(none, DAY)
    estimate, drawn = accuracy_of(by_fold(said, tested), tested)
    assert np.isnan(estimate) and np.isnan(drawn).all()
