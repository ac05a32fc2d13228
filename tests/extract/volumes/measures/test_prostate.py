"""Measures of a prostate, counted by hand; what is absent is a state and never a 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.volumes.measures.derived_regions import find_anatomy
from extract.volumes.measures.measured import Measure, unit_of
from extract.volumes.measures.prostate import PROSTATE, lowest_millilitre, measure_prostate
from extract.volumes.measures.settings import Measures
from feature_cache.entry import NOT_APPLICABLE, OBSERVED, UNKNOWN
from tests.extract.volumes.measures.test_derived_regions import GRID, LESION, NONE, PZ, TZ

SETTINGS = Measures(organ="prostate", ring_mm=3.0)
VOXEL_ML = 0.75 / 1000


def measure(
    drawn: dict[str, np.ndarray[Any, Any]], adc: np.ndarray[Any, Any] | None, known: bool = True
) -> dict[str, Measure]:
    return measure_prostate(find_anatomy(drawn, GRID, known, SETTINGS, "s"), adc, GRID, known)


def adc_map() -> np.ndarray[Any, Any]:
    adc = np.full(GRID.size, 1500, dtype=np.float32)
    adc[TZ], adc[LESION] = 1200, 700
    return adc


def test_by_hand() -> None:
    found = measure({"PZ": PZ, "TZ": TZ, "lesion": LESION}, adc_map())
    values = {name: one.value for name, one in found.items() if one.state == OBSERVED}
    assert tuple(found) == PROSTATE
    assert values == pytest.approx(
        {
            "gland_volume_ml": 300 * VOXEL_ML, "peripheral_volume_ml": 150 * VOXEL_ML,
            "transition_volume_ml": 150 * VOXEL_ML, "lesion_present": 1, "lesion_parts": 1,
            "lesion_volume_ml": 4 * VOXEL_ML, "lesion_percent_of_gland": 100 * 4 / 300,
            "gland_adc_p10": 1200, "peripheral_adc_p10": 1500, "transition_adc_p10": 1200,
            "lesion_adc_p10": 700, "lesion_adc_to_ring": 700 / 1500,
        }
    )  # fmt: skip
    assert found["gland_adc_lowest_cc"] == Measure(
        value=pytest.approx(np.nan, nan_ok=True), state=NOT_APPLICABLE, why="the gland has less than 1 mL"
    )


def test_an_empty_lesion_is_a_value_and_no_mask_is_none() -> None:
    negative, unseen = measure({"gland": PZ, "lesion": NONE}, adc_map()), measure({"gland": PZ}, adc_map())
    for name in ("lesion_present", "lesion_parts", "lesion_volume_ml", "lesion_percent_of_gland"):
        assert (negative[name].value, negative[name].state) == (0.0, OBSERVED)
        assert unseen[name].state == UNKNOWN and np.isnan(unseen[name].value)
    assert negative["lesion_adc_p10"].state == NOT_APPLICABLE
    assert unseen["lesion_adc_p10"].why == "no mask of the lesion"


def test_a_ring_that_nobody_kept_inside_a_gland_is_not_the_ring_of_other_cases() -> None:
    """Around a lesion near the capsule it would be fat, under the name of gland."""
    found = measure({"lesion": LESION}, adc_map())
    assert found["lesion_adc_to_ring"].state == UNKNOWN
    assert found["lesion_adc_to_ring"].why == "no mask of the gland"
    assert found["lesion_adc_p10"].state == OBSERVED
    assert measure({"PZ": PZ, "lesion": NONE}, adc_map())["lesion_adc_to_ring"].why == "there is no lesion"


def test_no_map_half_a_map_and_no_spacing() -> None:
    assert measure({"gland": PZ}, None)["gland_adc_p10"].why == "no ADC map"
    half = adc_map()
    half[:8] = np.nan  # three of the five rows of PZ
    assert measure({"gland": PZ}, half)["gland_adc_p10"].why == "the ADC map shows 40 % of the gland"
    unplaced = measure({"gland": PZ, "lesion": LESION}, adc_map(), known=False)
    assert (
        unplaced["gland_volume_ml"].why == unplaced["gland_adc_lowest_cc"].why == "the spacing is not known"
    )
    assert unplaced["gland_adc_p10"].state == unplaced["lesion_percent_of_gland"].state == OBSERVED


def test_what_lies_outside_the_gland_is_not_of_it() -> None:
    found = measure({"gland": PZ, "lesion": LESION | TZ}, adc_map())
    assert found["lesion_percent_of_gland"].value == pytest.approx(100 * 4 / 150)
    assert found["lesion_volume_ml"].value == pytest.approx(154 * VOXEL_ML)


class TestLowestMillilitre:
    def test_the_last_voxel_counts_by_its_share(self) -> None:
        values = np.array([30.0, 10.0, 20.0, 99.0])
        assert lowest_millilitre(values, 0.5) == 15.0
        assert lowest_millilitre(values, 0.4) == pytest.approx((10 + 20 + 0.5 * 30) / 2.5)
        assert lowest_millilitre(values, 0.25) == pytest.approx(values.mean())
        assert lowest_millilitre(values, 0.2) is None
        assert lowest_millilitre(values, 2.0) == 10.0

    @given(
        st.lists(st.integers(1, 3000), min_size=4, max_size=40),
        st.integers(2, 4),
        st.sampled_from([0.3, 0.5, 0.7, 1.0]),
    )
    def test_it_does_not_depend_on_how_finely_a_voxel_is_cut(
        self, values: list[int], times: int, voxel_ml: float
    ) -> None:
        whole = np.array(values, dtype=np.float64)
        fine = lowest_millilitre(np.repeat(whole, times), voxel_ml / times)
        assert fine == pytest.approx(lowest_millilitre(whole, voxel_ml), rel=1e-9)


def test_units() -> None:
    units = {name: unit_of(name) for name in PROSTATE}
    assert units["gland_adc_lowest_cc"] == units["lesion_adc_p10"] == "1e-6 mm2/s"
    assert units["lesion_percent_of_gland"] == "%" and units["lesion_adc_to_ring"] == "1"
    assert units["gland_volume_ml"] == "mL"
