from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.intervals import draw_resamples
from fuse.metrics.known_status import KnownStatus
from fuse.metrics.smooth_calibration import integrated_calibration, spline_columns


def known(said: np.ndarray, happened: np.ndarray) -> KnownStatus:
    n = len(said)
    return KnownStatus(
        row=np.arange(n),
        part=np.zeros(n, dtype=int),
        probability=said,
        happened=happened,
        weight=np.ones(n),
        constant=False,
        note="",
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
    right, interval = integrated_calibration(known(true, happened), counts)
    assert right < 0.02
    assert interval.low < interval.high and "refitted in 200 resamples" in interval.method
    shifted = np.clip(true + 0.1, 0.001, 0.999)
    wrong, interval = integrated_calibration(known(shifted, happened), counts)
    assert wrong == pytest.approx(np.abs(shifted - true).mean(), abs=0.02)
    assert interval.low < wrong < interval.high


def test_who_stands_for_others_counts_as_many() -> None:
    """Of low predictions, which are right, one in four is known; high ones are .3 too high."""
    rng = np.random.default_rng(0)
    high = np.arange(4000) % 2 == 1
    said = np.where(high, rng.uniform(0.6, 0.8, 4000), rng.uniform(0.1, 0.3, 4000))
    happened = rng.random(4000) < said - 0.3 * high
    seen = np.flatnonzero(high | (np.arange(4000) % 8 == 0))
    one = replace(known(said[seen], happened[seen]), weight=np.where(high[seen], 1.0, 4.0))
    index, _ = integrated_calibration(one, draw_resamples(len(seen), 0)[:5])
    assert index == pytest.approx(0.15, abs=0.03)  # of those that are known alone it would be .24


def test_under_200_events_nothing_is_said() -> None:
    said, counts = np.linspace(0.1, 0.9, 400), draw_resamples(400, 0)
    value, interval = integrated_calibration(known(said, np.arange(400) >= 201), counts)
    assert np.isnan(value)
    assert interval.method == "none: cannot be assessed under 200 events (199 here)"
    value, interval = integrated_calibration(known(said, np.arange(400) >= 199), counts)
    assert np.isnan(value)
    assert interval.method == "none: cannot be assessed under 200 cases without the event (199 here)"
    flat = known(np.full(400, 0.5), np.arange(400) >= 200)
    assert integrated_calibration(flat, counts)[1].method.startswith("none: too few diff")
