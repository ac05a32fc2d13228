"""Ejection fraction by hand, enhancement of curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from extract.volumes.time.ejection import EJECTION, ejection
from extract.volumes.time.enhancement import ENHANCEMENT, enhancement, find_onset
from feature_cache.entry import NOT_APPLICABLE, OBSERVED, UNKNOWN
from tests.extract.volumes.cines import uptake

TIME_S = 8.0 + 4.2 * np.arange(40)


class TestEjection:
    def test_millilitres_need_a_spacing_and_the_fraction_none(self) -> None:
        known = ejection(1000, 400, 20.0)
        assert [known[name].value for name in EJECTION] == pytest.approx([0.6, 20, 8, 12])
        bare = ejection(1000, 400, None)
        assert bare["ejection_fraction"].value == pytest.approx(0.6)
        assert [bare[name].state for name in EJECTION] == [OBSERVED, UNKNOWN, UNKNOWN, UNKNOWN]

    def test_what_was_not_drawn_is_unknown_and_what_is_empty_not_applicable(self) -> None:
        assert {one.state for one in ejection(1000, None, 1.0).values()} == {UNKNOWN}
        assert {one.state for one in ejection(0, 10, 1.0).values()} == {NOT_APPLICABLE}

    def test_no_ventricle_empties_to_nothing(self) -> None:
        """A label that is left out of a mask is not an ejection fraction of 1."""
        found = ejection(1000, 0, 20.0)
        assert {one.state for one in found.values()} == {UNKNOWN}
        assert "no voxel of it at end systole" in str(found["ejection_fraction"].why)


class TestEnhancement:
    @pytest.mark.parametrize("onset_s", [29.0, 50.0, 71.0])
    def test_a_known_uptake(self, onset_s: float) -> None:
        found = {
            name: one.value for name, one in enhancement(200 * (1 + uptake(TIME_S, onset_s)), TIME_S).items()
        }
        # the onset is the last frame before the rise: at most one frame early
        assert 0 <= onset_s - 8.0 - found["onset_s"] <= 4.3
        assert found["relative_enhancement"] == pytest.approx(uptake(TIME_S, onset_s).max(), rel=1e-9)
        since = np.linspace(found["onset_s"] + 8.0, found["onset_s"] + 68.0, 20_000)
        area = np.trapezoid(uptake(since, onset_s), since)
        assert found["initial_area_60s_s"] == pytest.approx(area, rel=0.01)
        assert found["wash_in_per_s"] == pytest.approx(np.diff(uptake(TIME_S, onset_s)).max() / 4.2, rel=1e-9)

    def test_noise_does_not_move_the_onset_by_more_than_two_frames(self) -> None:
        for seed in range(20):
            noise = np.random.default_rng(seed).normal(0, 4, len(TIME_S))
            onset = find_onset(200 * (1 + uptake(TIME_S, 50.0)) + noise, TIME_S)
            assert onset is not None and abs(TIME_S[onset] - 50.0) <= 2 * 4.2

    @pytest.mark.parametrize("frames", [20, 40, 70])
    def test_noise_alone_is_no_enhancement(self, frames: int) -> None:
        """Two frames that happen to be alike say little of the noise: all frames do."""
        time_s = 4.2 * np.arange(frames)
        curves = 200 + np.random.default_rng(frames).normal(0, 5, (300, frames))
        found = sum(find_onset(curve, time_s) is not None for curve in curves)
        assert found <= 6

    def test_scale_changes_nothing(self) -> None:
        curve = 1 + uptake(TIME_S, 50.0)
        once, twice = (enhancement(scale * curve, TIME_S) for scale in (1.0, 731.0))
        for name in ENHANCEMENT:
            assert once[name].value == pytest.approx(twice[name].value, rel=1e-9)

    def test_what_cannot_be_told_has_a_state(self) -> None:
        def states(curve: np.ndarray, time_s: np.ndarray = TIME_S) -> set[int]:
            return {one.state for one in enhancement(curve, time_s).values()}

        flat = 100 + np.random.default_rng(0).normal(0, 3, len(TIME_S))
        assert states(flat) == {NOT_APPLICABLE}
        assert states(200 * (1 + uptake(TIME_S, 0.0))) == {NOT_APPLICABLE}  # no frame before contrast
        assert states(np.where(np.arange(40) == 7, np.nan, flat)) == {UNKNOWN}
        short = enhancement(200 * (1 + uptake(TIME_S[:16], 50.0)), TIME_S[:16])
        assert short["initial_area_60s_s"].state == UNKNOWN
        assert short["onset_s"].state == OBSERVED
