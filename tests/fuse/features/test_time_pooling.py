"""Pooling over time: known waves, whatever their sampling; what is absent stays NaN; entries end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_cache.entry import EntryDraft
from feature_cache.errors import CacheError
from feature_cache.store import FeatureCache
from fuse.cases import Modality
from fuse.features.feature_sets import ChosenSet
from fuse.features.table import read_cases
from fuse.features.time_pooling import POOLS, pool_frames
from tests.fuse.tiny_volumes import volume

NAN = float("nan")


def wave(time_s: np.ndarray, period: float) -> np.ndarray:
    """Three features: two harmonics on a level, a constant, the first harmonic with another phase."""
    angle = 2 * np.pi * time_s / period
    return np.stack(
        [5 + 3 * np.cos(angle) + 0.5 * np.sin(2 * angle), 0 * angle + 2, 4 * np.sin(angle + 1)], axis=1
    )


@pytest.mark.parametrize("frames", [12, 25, 40])
def test_a_wave_is_told_whatever_the_number_of_its_frames(frames):
    time_s = 0.3 + np.arange(frames) * 0.9 / frames
    pooled = dict(zip(POOLS, pool_frames(wave(time_s, 0.9), time_s, {}), strict=True))
    np.testing.assert_allclose(pooled["mean"], [5, 2, 0], atol=1e-9)
    np.testing.assert_allclose(pooled["sd"], [np.sqrt(4.5 + 0.125), 0, np.sqrt(8)], atol=1e-9)
    np.testing.assert_allclose(pooled["harmonic_1"], [3, 0, 4], atol=1e-9)
    np.testing.assert_allclose(pooled["harmonic_2"], [0.5, 0, 0], atol=1e-9)
    assert np.isnan(pooled["systole_minus_diastole"]).all()


def test_uneven_frames_and_a_named_period():
    time_s = np.sort(np.random.default_rng(0).uniform(0, 2.0, size=17))
    pooled = dict(zip(POOLS, pool_frames(wave(time_s, 0.8), time_s, {"period_s": 0.8}), strict=True))
    np.testing.assert_allclose(pooled["harmonic_1"], [3, 0, 4], atol=1e-9)
    np.testing.assert_allclose(pooled["harmonic_2"], [0.5, 0, 0], atol=1e-9)


def test_frames_by_hand_with_gaps():
    frames = np.array([[1.0, NAN, NAN], [4.0, 2.0, NAN], [2.0, 6.0, NAN]])
    named = {"end_diastole": 1, "end_systole": 2}
    pooled = dict(zip(POOLS, pool_frames(frames, np.arange(3.0), named), strict=True))
    np.testing.assert_allclose(pooled["mean"], [7 / 3, 4, NAN])
    np.testing.assert_allclose(pooled["range"], [3, 4, NAN])
    np.testing.assert_allclose(pooled["sd"][1:], [2, NAN])
    np.testing.assert_allclose(pooled["systole_minus_diastole"], [-2, 4, NAN])
    np.testing.assert_allclose(pooled["end_diastole"], [4, 2, NAN])
    np.testing.assert_allclose(pooled["end_systole"], [2, 6, NAN])
    assert np.isnan(pooled["harmonic_1"]).all()
    one = dict(zip(POOLS, pool_frames(frames[1:2], np.zeros(1), {}), strict=True))
    np.testing.assert_allclose(one["mean"], [4, 2, NAN])
    assert np.isnan(one["sd"]).all() and np.isnan(one["range"]).all()


def timed(case: str, frames: np.ndarray, time_s: np.ndarray, named: dict[str, float]) -> EntryDraft:
    entry = volume(case, case, {("t2w", "gland"): (1.0, 2.0)})
    entry.arrays["time_embeddings"] = frames.astype("<f4")
    entry.arrays["time_s"] = time_s.astype("<f8")
    entry.attrs["time_rows"] = [{"series": "cine"} for _ in time_s]
    entry.attrs["time_feature_names"] = ["a", "b", "c"]
    entry.attrs["time_named"] = {"cine": named}
    return entry


def read(tmp_path: Path, *entries: EntryDraft) -> Modality:
    cache = FeatureCache.create(tmp_path / "cache")
    for entry in entries:
        cache.commit(entry)
    records = tuple(cache.records("tiny", "volumes"))
    chosen = ChosenSet(modality="volumes", label="volumes", name=records[0].key.feature_set, records=records)
    return read_cases(cache, {"volumes": chosen}, ("0000", "0001", "0002"), tmp_path).modalities["volumes"]


def test_series_over_time_become_columns_of_the_volumes(tmp_path):
    time_s = np.arange(20) * 0.045
    table = read(
        tmp_path,
        timed("0000", wave(time_s, 0.9), time_s, {"end_diastole": 0, "end_systole": 8}),
        timed("0001", wave(time_s[:3], 0.9), time_s[:3], {}),
        volume("0002", "c", {("t2w", "gland"): (5.0, 6.0)}),
    )
    of = dict(zip(table.columns, table.values.T, strict=True))
    assert table.columns[:3] == ("t2w/gland/stat_mean", "t2w/gland/morph_volume", "cine/time/mean/a")
    assert len(table.columns) == 2 + 3 * len(POOLS)
    np.testing.assert_allclose(of["cine/time/harmonic_1/c"], [4, NAN, NAN], atol=1e-5)
    np.testing.assert_allclose(of["cine/time/mean/b"], [2, 2, NAN], atol=1e-6)
    expected = wave(time_s, 0.9)[8, 0] - wave(time_s, 0.9)[0, 0]
    np.testing.assert_allclose(of["cine/time/systole_minus_diastole/a"], [expected, NAN, NAN], atol=1e-5)
    np.testing.assert_array_equal(of["t2w/gland/stat_mean"], [1, 1, 5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entry: entry.arrays["time_s"].__setitem__(3, 0.0), "times of cine that increase"),
        (lambda entry: entry.attrs["time_rows"].pop(), "a time and a row for each of 7 frames; got 8 times"),
        (lambda entry: entry.attrs["time_named"]["cine"].update(end_systole=8), "among its 8 frames; got 8"),
        (lambda entry: entry.attrs["time_feature_names"].pop(), "expected 2 features of a frame"),
    ],
)
def test_frames_that_do_not_go_together_are_refused(tmp_path, change, message):
    time_s = np.arange(8) * 0.1
    entry = timed("0000", wave(time_s, 0.8), time_s, {"end_diastole": 0, "end_systole": 3})
    change(entry)
    with pytest.raises(CacheError, match=message):
        read(tmp_path, entry)


def of_regions(case: str, regions: tuple[str, ...], kind: str, *, seconds: bool = True) -> EntryDraft:
    """Two regions of one series, the frames of each together, as stage 1 writes them."""
    time_s = np.arange(12) * 0.08
    frames = np.concatenate([place + wave(time_s, 0.96) for place in range(len(regions))])
    entry = timed(case, frames, np.tile(time_s, len(regions)), {"end_diastole": 0, "end_systole": 5})
    entry.attrs["time_rows"] = [{"series": "cine", "region": region} for region in regions for _ in time_s]
    entry.attrs["over_time"] = {"cine": {"kind": kind}}
    entry.arrays["time_frame"] = np.tile(np.arange(1, 13), len(regions)).astype("<i4")
    if not seconds:
        entry.arrays["time_s"][:] = NAN
    return entry


def test_every_region_of_a_series_has_columns_and_cases_may_lack_one(tmp_path):
    table = read(
        tmp_path, of_regions("0000", ("lv", "crop"), "heart"), of_regions("0001", ("crop",), "heart")
    )
    of = dict(zip(table.columns, table.values.T, strict=True))
    np.testing.assert_allclose(of["cine/lv/time/mean/a"], [5, NAN, NAN], atol=1e-5)
    np.testing.assert_allclose(of["cine/crop/time/mean/a"], [6, 5, NAN], atol=1e-5)
    np.testing.assert_allclose(of["cine/lv/time/end_diastole/a"], [8, NAN, NAN], atol=1e-5)


def test_frames_without_seconds_are_counted_and_pool_alike(tmp_path):
    told, untold = (
        read(tmp_path / str(seconds), of_regions("0000", ("lv",), "heart", seconds=seconds))
        for seconds in (True, False)
    )
    assert told.columns == untold.columns
    assert "cine/lv/time/harmonic_1/a" in told.columns
    np.testing.assert_allclose(told.values, untold.values, rtol=1e-9, atol=1e-12)


def test_what_follows_a_contrast_agent_has_no_harmonics(tmp_path):
    table = read(tmp_path, of_regions("0000", ("gland",), "contrast"))
    assert any("/range/" in name for name in table.columns)
    assert not any("harmonic" in name for name in table.columns)


def test_frames_without_seconds_and_numbers_are_refused(tmp_path):
    entry = of_regions("0000", ("lv",), "heart", seconds=False)
    del entry.arrays["time_frame"]
    with pytest.raises(CacheError, match="times of cine/lv that increase"):
        read(tmp_path, entry)
