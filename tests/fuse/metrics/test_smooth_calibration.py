from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.intervals import draw_resamples
from fuse.metrics.known_status import KnownStatus
from fuse.metrics.smooth_calibration import integrated_calibration, spline_columns


def known(said: np.ndarray, happened: np.ndarray) -> KnownStatus:
    n = len(said)
    return KnownStatus(
        row=np.arange(n), probability=said, happened=happened, weight=np.ones(n), constant=False, note=""
    )


def test_the_spline_is_straight_beyond_its_outer_knots_and_smooth_between() -> None:
    values = np.linspace(-3, 3, 601)
    bend = spline_columns(values)[:, 2]
    first, last = np.quantile(values, [0.1, 0.9])
    second = np.diff(bend, 2)
    outside = (values[1:-1] < first - 0.02) | (values[1:-1] > last + 0.02)
    assert np.abs(second[outside]).max() < 1e-10
    assert np.abs(second[~outside]).max() > 1e-6
    assert np.abs(np.diff(second)).max() < 1e-6  # the second derivative never jumps
    assert spline_columns(np.full(20, 0.5)) is None


def test_wrong_probabilities_are_as_far_off_as_they_were_made() -> None:
    rng = np.random.default_rng(0)
    true = rng.beta(2, 3, size=3000)
    happened = rng.random(3000) < true
    counts = draw_resamples(3000, 0)
    right, interval = integrated_calibration(known(true, happened), counts, int(happened.sum()))
    assert right < 0.02
    assert interval.low < interval.high and "refitted in 200 resamples" in interval.method
    shifted = np.clip(true + 0.1, 0.001, 0.999)
    wrong, interval = integrated_calibration(known(shifted, happened), counts, int(happened.sum()))
    assert wrong == pytest.approx(np.abs(shifted - true).mean(), abs=0.02)
    assert interval.low < wrong < interval.high


def test_under_200_events_nothing_is_said() -> None:
    said = np.linspace(0.1, 0.9, 400)
    happened = np.arange(400) >= 201
    value, interval = integrated_calibration(known(said, happened), draw_resamples(400, 0), 199)
    assert np.isnan(value)
    assert interval.method == "none: cannot be assessed under 200 events (199 here)"
    flat = known(np.full(400, 0.5), happened)
    assert integrated_calibration(flat, draw_resamples(400, 0), 200)[1].method.startswith(
        "none: too few diff"
    )
