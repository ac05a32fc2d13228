"""Measures of a heart: a ring of muscle with a bright wall, with and without a spacing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from extract.volumes.measures.derived_regions import find_anatomy
from extract.volumes.measures.heart import HEART, measure_heart
from extract.volumes.measures.measured import Measure, unit_of
from extract.volumes.measures.remote import find_remote
from extract.volumes.measures.settings import Measures
from feature_cache.entry import NOT_APPLICABLE, OBSERVED, UNKNOWN
from tests.extract.volumes.files import grid_of

GRID = grid_of((64, 64, 4), (1.5, 1.5, 10.0))
SETTINGS = Measures(organ="heart")
_X, _Y, _ = np.meshgrid(*(np.arange(n) for n in GRID.size), indexing="ij")
RADIUS, ANGLE = np.hypot(_X - 31.5, _Y - 31.5), np.arctan2(_Y - 31.5, _X - 31.5)
MUSCLE = (RADIUS > 14) & (RADIUS < 22)
CAVITY = RADIUS <= 14
SCAR = MUSCLE & (np.abs(ANGLE) < np.pi / 6)  # 60 of 360 degrees
NONE = np.zeros(GRID.size, dtype=bool)


def late(scar: np.ndarray[Any, Any] = SCAR) -> np.ndarray[Any, Any]:
    noise = np.random.default_rng(3).normal(0, 5, GRID.size)
    return np.asarray(np.where(scar, 400, np.where(CAVITY, 300, 100)) + noise, dtype=np.float32)


def measure(
    drawn: dict[str, np.ndarray[Any, Any]], voxels: np.ndarray[Any, Any] | None, known: bool = True
) -> dict[str, Measure]:
    anatomy = find_anatomy(drawn, GRID, known, SETTINGS, "s")
    return measure_heart(anatomy, voxels, GRID, known)[0]


def test_grams_by_hand() -> None:
    found = measure({"MYO": MUSCLE & ~SCAR, "scar": SCAR, "LV": CAVITY}, late())
    voxel_ml = 1.5 * 1.5 * 10 / 1000
    assert tuple(found) == HEART
    assert found["lv_mass_g"].value == pytest.approx(MUSCLE.sum() * voxel_ml * 1.05)
    assert found["scar_mass_g"].value == pytest.approx(SCAR.sum() * voxel_ml * 1.05)
    assert found["lv_cavity_volume_ml"].value == pytest.approx(CAVITY.sum() * voxel_ml)
    assert found["scar_percent_of_lv_mass"].value == pytest.approx(100 * SCAR.sum() / MUSCLE.sum())
    assert found["scar_percent_of_lv_mass"].value == pytest.approx(100 / 6, abs=0.5)
    assert found["scar_percent_of_myocardium"].state == NOT_APPLICABLE
    assert found["rv_cavity_volume_ml"].state == UNKNOWN
    assert unit_of("lv_mass_g") == "g" and unit_of("scar_percent_of_lv_mass") == "%"


def test_without_a_spacing_no_gram_and_another_name() -> None:
    found = measure({"MYO": MUSCLE, "scar": SCAR}, late(), known=False)
    for name in ("lv_mass_g", "scar_mass_g", "scar_volume_ml", "scar_percent_of_lv_mass"):
        assert found[name].state == UNKNOWN and "spacing" in found[name].why
    assert found["scar_percent_of_myocardium"].state == OBSERVED
    assert found["scar_z"].state == found["bright_percent_of_myocardium"].state == OBSERVED


def test_no_scar_is_0_and_no_scar_mask_is_unknown() -> None:
    free, unseen = measure({"MYO": MUSCLE, "scar": NONE}, late(NONE)), measure({"MYO": MUSCLE}, late(NONE))
    for name in ("scar_present", "scar_volume_ml", "scar_mass_g", "scar_percent_of_lv_mass"):
        assert (free[name].value, free[name].state) == (0.0, OBSERVED)
        assert unseen[name].state == UNKNOWN
    assert free["scar_z"].state == free["half_maximum_percent_of_myocardium"].state == NOT_APPLICABLE
    assert free["bright_percent_of_myocardium"].value < 1
    alone = measure({"scar": SCAR}, late())
    assert alone["scar_present"].value == 1 and alone["scar_percent_of_lv_mass"].why.startswith("no mask of")


class TestRemote:
    def test_what_is_remote_does_not_depend_on_the_drawn_scar(self) -> None:
        """The same image, scar drawn in three ways: the number that is compared with it stays."""
        wrong = MUSCLE & (np.abs(ANGLE) > 5 * np.pi / 6)
        bright = [
            measure({"MYO": MUSCLE, "scar": scar}, late())["bright_percent_of_myocardium"].value
            for scar in (SCAR, wrong, NONE)
        ]
        assert bright[0] == bright[1] == bright[2] == pytest.approx(100 / 6, abs=1)

    def test_scar_z_and_half_the_maximum(self) -> None:
        found = measure({"MYO": MUSCLE, "scar": SCAR}, late())
        assert found["scar_z"].value == pytest.approx(300 / 5, rel=0.1)
        assert found["half_maximum_percent_of_myocardium"].value == pytest.approx(100 / 6, abs=0.5)
        elsewhere = measure({"MYO": MUSCLE, "scar": MUSCLE & (np.abs(ANGLE) > 5 * np.pi / 6)}, late())
        assert abs(elsewhere["scar_z"].value) < 1

    def test_mean_and_spread_are_those_of_muscle_without_scar(self) -> None:
        remote = find_remote(late(), MUSCLE, (1.5, 1.5, 10.0))
        assert remote is not None
        assert remote.mean == pytest.approx(100, abs=1) and remote.sd == pytest.approx(5, rel=0.15)
        assert remote.voxels == pytest.approx(MUSCLE.sum() / 6, rel=0.1)

    def test_too_little_muscle_or_a_constant_one_tells_nothing(self) -> None:
        speck = NONE.copy()
        speck[10:13, 10:13, 1] = True
        assert find_remote(late(), speck, (1.0, 1.0, 1.0)) is None
        assert find_remote(np.ones(GRID.size, np.float32), MUSCLE, (1.0, 1.0, 1.0)) is None
        found = measure({"MYO": MUSCLE, "scar": SCAR}, None)
        assert found["scar_z"].why == "no late enhancement" and found["scar_present"].state == OBSERVED
