from __future__ import annotations

import numpy as np
import pytest

from extract.volumes.adc import is_adc, measured_adc, refuse_other_unit
from feature_cache.errors import SourceError

SIZE = (6, 6, 4)


def volume(value: float) -> np.ndarray:
    return np.full(SIZE, value, np.float32)


def test_names() -> None:
    assert all(is_adc(name) for name in ("adc", "adc_4bval", "adc-b800"))
    assert not any(is_adc(name) for name in ("t2w", "adcx", "hbv"))


def test_zero_and_less_is_no_measurement() -> None:
    voxels = np.array([0, -5, 1400, np.nan], np.float32).reshape(4, 1, 1)
    np.testing.assert_array_equal(measured_adc(voxels).ravel(), [np.nan, np.nan, 1400, np.nan])


@pytest.mark.parametrize("value", [1.4, 0.0014])
def test_another_unit_is_refused(value: float) -> None:
    with pytest.raises(
        SourceError, match=r"expected ADC in 1e-6 mm2/s .* in 1e-3 mm2/s, in mm2/s, or no ADC"
    ):
        refuse_other_unit(volume(value), {}, "case 1, adc.mha")


@pytest.mark.parametrize(("value", "fine"), [(599, False), (601, True), (2199, True), (2201, False)])
def test_the_median_of_the_gland_must_be_a_prostate_s(value: float, fine: bool) -> None:
    gland = np.zeros(SIZE, bool)
    gland[2:4, 2:4, 1:3] = True
    voxels = volume(3000)
    voxels[gland] = value
    for name in ("prostate", "Whole_Gland"):
        if fine:
            refuse_other_unit(voxels, {name: gland}, "adc")
        else:
            with pytest.raises(SourceError, match=f"got {value:.4g}"):
                refuse_other_unit(voxels, {name: gland}, "adc")
    refuse_other_unit(voxels, {"lesion": gland}, "adc")  # a tumour may be as dark as it is


def test_both_zones_are_a_gland_where_nobody_drew_it() -> None:
    inner, outer = np.zeros((2, *SIZE), bool)
    inner[1:3, 1:5, 1:3], outer[3:5, 1:5, 1:3] = True, True
    voxels = volume(1200)
    voxels[inner | outer] = 300
    with pytest.raises(SourceError, match=r"a median ADC of 600 to 2200 .* in PZ and TZ"):
        refuse_other_unit(voxels, {"PZ": outer, "TZ": inner}, "adc")
    refuse_other_unit(voxels, {"PZ": outer}, "adc")  # one zone may be full of tumour
    voxels[inner] = 2000
    refuse_other_unit(voxels, {"PZ": outer, "TZ": inner}, "adc")


def test_a_gland_that_is_mostly_outside_says_nothing() -> None:
    gland = np.ones(SIZE, bool)
    voxels = volume(np.nan)
    voxels[:2] = 300
    refuse_other_unit(voxels, {"prostate": gland}, "adc")
    voxels[:4] = 300
    with pytest.raises(SourceError, match="got 300"):
        refuse_other_unit(voxels, {"prostate": gland}, "adc")
