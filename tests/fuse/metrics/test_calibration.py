from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.calibration import resampled_event_share
from fuse.metrics.kaplan_meier import estimate_survival
from fuse.outcomes.outcomes import Survival


def test_is_kaplan_meier_of_the_repeated_rows(trial) -> None:
    n = len(trial.outcome)
    drawn = np.random.default_rng(3).integers(0, n, size=(4, n))
    counts = np.array([np.bincount(draw, minlength=n) for draw in drawn], dtype=float)
    shares = resampled_event_share(trial.outcome, 700.0, counts)
    for share, draw in zip(shares, drawn, strict=True):
        curve = estimate_survival(trial.outcome.take(draw))
        assert share == pytest.approx(1 - curve.at(np.array([700.0]))[0], abs=1e-12)


def test_no_event_by_the_day_is_a_share_of_zero(trial) -> None:
    assert resampled_event_share(trial.outcome, 0.5, np.ones((1, len(trial.outcome)))).tolist() == [0.0]


def test_an_event_on_the_day_counts() -> None:
    outcome = Survival(event=np.array([True, False]), time_days=np.array([5.0, 9.0]))
    assert resampled_event_share(outcome, 5.0, np.ones((1, 2))).tolist() == [0.5]
