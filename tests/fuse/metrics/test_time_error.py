"""Predicted days and how far they are off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.time_error import evaluate_time_error, predicted_days, resampled_median
from tests.fuse.metrics.conftest import Trial


def test_the_day_on_which_a_curve_falls_to_one_half() -> None:
    days = np.array([10.0, 20.0, 40.0])
    curves = np.array([[0.9, 0.6, 0.2], [0.5, 0.4, 0.3], [0.9, 0.8, 0.7], [0.25, 0.2, 0.1], [1.0, 1.0, 0.5]])
    assert predicted_days(curves, days) == pytest.approx([25.0, 10.0, 40.0, 20 / 3, 40.0])


def test_the_median_of_a_resample_is_that_of_the_repeated_values() -> None:
    rng = np.random.default_rng(0)
    values, counts = rng.normal(size=11), rng.integers(0, 4, size=(20, 11)).astype(float)
    theirs = [np.median(np.repeat(values, row.astype(int))) for row in counts]
    assert resampled_median(values, counts) == pytest.approx(theirs)
    assert np.isnan(resampled_median(values, np.zeros((1, 11)))[0])


def test_only_observed_times_count_and_repeats_are_averaged(trial: Trial) -> None:
    flat = [replace(item, event_free=0 * item.event_free + 0.5) for item in trial.predict(trial.hazard)]
    row = evaluate_time_error(flat, trial.truths, seed=0)
    seen = trial.outcome.time_days[trial.outcome.event]
    assert row.estimate == pytest.approx(np.median(np.abs(seen - 100.0)))  # 100: the first predicted day
    assert (row.n_events, row.n_cases) == (len(seen), 90)
    assert row.low <= row.estimate <= row.high
