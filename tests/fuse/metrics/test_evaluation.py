from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.metrics.evaluation import MetricRow, evaluate_arm, evaluate_singles
from fuse.metrics.intervals import BOOTSTRAP
from fuse.metrics.kaplan_meier import estimate_survival
from fuse.metrics.order_intervals import WITHOUT_INNER

HORIZON = 1000.0


def by_metric(rows: list[MetricRow]) -> dict[str, MetricRow]:
    return {row.metric: row for row in rows}


def test_every_row_has_an_interval_around_it_and_a_named_method(trial) -> None:
    rows = by_metric(evaluate_arm(trial.predict(trial.hazard), trial.truths, HORIZON, 0))
    assert list(rows) == [
        "c_index",
        "c_index_pooled",
        "auc_500",
        "auc_1000",
        "ibs",
        "ipa",
        "observed_expected",
        "brier_1000",
        "uno_c",
        "calibration_slope",
        "ici",
        "d_calibration_p",
    ]
    for name in ("ici", "d_calibration_p"):
        row = rows.pop(name)
        assert np.isnan(row.estimate) and row.method.startswith("none: cannot be assessed under 200 events")
    for row in rows.values():
        assert row.low < row.estimate < row.high
        assert (row.n_cases, row.n_events) == (90, int(trial.outcome.event.sum()))
    events = int(trial.outcome.event.sum())
    assert rows["c_index"].method == f"{WITHOUT_INNER}, logit scale, t with {events - 1} df"
    assert rows["calibration_slope"].method.startswith("Wald interval of weighted logistic recalibration")
    others = [row for name, row in rows.items() if name not in ("c_index", "calibration_slope")]
    assert all(row.method.startswith(BOOTSTRAP) for row in others)
    assert "capped at 20" in rows["ibs"].method


def test_the_true_model_is_useful_and_calibrated(make_trial) -> None:
    trial = make_trial(800, 1)
    rows = by_metric(evaluate_arm(trial.predict(trial.hazard), trial.truths, HORIZON, 0))
    assert rows["c_index"].low > 0.5
    assert rows["ipa"].low > 0
    assert rows["observed_expected"].low < 1 < rows["observed_expected"].high
    assert rows["c_index_pooled"].estimate == pytest.approx(rows["c_index"].estimate, abs=0.01)


def test_same_seed_same_rows_whatever_the_order_of_folds(trial) -> None:
    predictions = trial.predict(trial.hazard)
    rows = evaluate_arm(predictions, trial.truths, HORIZON, 3)
    assert rows == evaluate_arm(predictions[::-1], trial.truths[::-1], HORIZON, 3)
    assert rows != evaluate_arm(predictions, trial.truths, HORIZON, 4)


def test_the_null_arm_is_chance_by_construction(trial) -> None:
    predictions = [
        replace(
            item,
            risk=np.zeros(len(item.case_ids)),
            event_free=np.tile(estimate_survival(truth.train).at(item.times_days), (len(item.case_ids), 1)),
        )
        for item, truth in zip(trial.predict(trial.hazard), trial.truths, strict=True)
    ]
    rows = by_metric(evaluate_arm(predictions, trial.truths, HORIZON, 0))
    for metric, estimate in {"c_index": 0.5, "auc_500": 0.5, "auc_1000": 0.5, "ipa": 0.0}.items():
        assert rows[metric].estimate == estimate
        assert np.isnan([rows[metric].low, rows[metric].high]).all()
        assert rows[metric].method.startswith("none: same ")


def test_single_modalities_keep_their_estimate_and_get_intervals_that_hold_together(trial) -> None:
    noise = np.random.default_rng(5).normal(size=len(trial.outcome))
    arms = {"a": trial.predict(trial.hazard), "b": trial.predict(noise)}
    found = evaluate_singles(arms, trial.truths, {"slides": "a", "notes": "b", "volumes": "not run"})
    assert list(found) == ["slides", "notes"]
    for modality, name in (("slides", "a"), ("notes", "b")):
        own, together = evaluate_arm(arms[name], trial.truths, HORIZON, 0)[0], found[modality]
        assert together.estimate == own.estimate
        assert 0 < together.low < own.low < own.high < together.high < 1
        assert together.method.endswith("Bonferroni over 2 (simultaneous)")
    assert (
        evaluate_singles(arms, trial.truths, {"slides": "a"})["slides"]
        == evaluate_arm(arms["a"], trial.truths, HORIZON, 0)[0]
    )


def test_a_perfect_order_has_no_interval_and_still_a_row(trial) -> None:
    perfect = trial.predict(-trial.outcome.time_days / 1000)
    row = by_metric(evaluate_arm(perfect, trial.truths, HORIZON, 0))["c_index"]
    assert row.estimate == 1.0
    assert np.isnan(row.low) and row.method.endswith("none at an estimate of 0 or 1")


def test_a_horizon_beyond_follow_up_is_reduced_and_said(trial) -> None:
    days = np.linspace(100.0, 5000.0, 50)
    predictions = [
        replace(item, times_days=days, event_free=np.exp(-np.exp(item.risk)[:, None] * days / 2000))
        for item in trial.predict(trial.hazard)
    ]
    rows = by_metric(evaluate_arm(predictions, trial.truths, 5000.0, 0))
    used = float(next(name for name in list(rows)[3:] if name.startswith("auc_")).removeprefix("auc_"))
    assert (trial.outcome.time_days > used).mean() >= 0.1
    assert used < 5000
    assert f"horizon day {used:g} (only 0 of 90 cases were followed beyond day 5000" in rows["ibs"].method


def test_auc_before_the_first_event_is_missing_and_says_why(trial) -> None:
    first = trial.outcome.time_days[trial.outcome.event].min()
    horizon = float(2 * first - 2)
    days = np.array([horizon])
    predictions = [
        replace(item, times_days=days, event_free=np.full((len(item.case_ids), 1), 0.9))
        for item in trial.predict(trial.hazard)
    ]
    rows = evaluate_arm(predictions, trial.truths, horizon, 0)
    assert np.isnan(rows[2].estimate)
    assert rows[2].method == f"none: no event by day {first - 1:g}"


def test_a_further_day_says_how_few_events_there_are_by_then(trial) -> None:
    rows = by_metric(evaluate_arm(trial.predict(trial.hazard), trial.truths, HORIZON, 0, (100.0, 300.0)))
    outcome = trial.outcome
    for day in (100, 300):
        events = int((outcome.event & (outcome.time_days <= day)).sum())
        assert 0 < events < outcome.event.sum() / 2
        for name in ("auc", "brier", "ipa", "observed_expected"):
            assert rows[f"{name}_{day}"].method.endswith(f"; {events} events by day {day}")


def test_refuses_outcomes_without_any_event(trial) -> None:
    def censored(outcome):
        return replace(outcome, event=np.zeros_like(outcome.event))

    truths = [replace(t, test=censored(t.test), train=censored(t.train)) for t in trial.truths]
    with pytest.raises(OutcomeError, match="no comparable pair in 5 folds"):
        evaluate_arm(trial.predict(trial.hazard), truths, HORIZON, 0)
