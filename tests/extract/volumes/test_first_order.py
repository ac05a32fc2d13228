"""The statistics against the IBSI's phantom, scipy, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from extract.volumes.first_order import FIRST_ORDER, first_order
from tests.extract.volumes import ibsi_phantom

FINITE = st.floats(-4096, 4096, width=32)
SAMPLES = arrays(np.float64, st.integers(1, 60), elements=FINITE)


def named(values: np.ndarray) -> dict[str, float]:
    return dict(zip(FIRST_ORDER, first_order(values), strict=True))


def test_phantom_has_the_voxels_the_ibsi_says() -> None:
    assert ibsi_phantom.INTENSITY.shape == (5, 4, 4)
    assert ibsi_phantom.REGION.sum() == 74
    assert set(ibsi_phantom.INTENSITY[ibsi_phantom.REGION]) == {1, 3, 4, 6}, "grey levels 2 and 5 are absent"


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_ibsi_reference_values_to_their_three_digits(name: str) -> None:
    expected = ibsi_phantom.STATISTICS[name]
    got = named(ibsi_phantom.INTENSITY[ibsi_phantom.REGION])[name]
    ibsi_phantom.print_row(name, expected, got)
    assert float(f"{got:.3g}") == expected


@given(SAMPLES)
def test_moments_and_ranges_are_those_of_scipy(values: np.ndarray) -> None:
    got = named(values)
    assert got["stat_var"] == pytest.approx(values.var(), rel=1e-9, abs=1e-12)
    assert got["stat_mad"] == pytest.approx(np.abs(values - values.mean()).mean(), rel=1e-9, abs=1e-9)
    assert got["stat_iqr"] == pytest.approx(stats.iqr(values), abs=1e-9)
    if values.std() > 1e-3 * np.abs(values).max():
        assert got["stat_skew"] == pytest.approx(stats.skew(values), rel=1e-6, abs=1e-6)
        assert got["stat_kurt"] == pytest.approx(stats.kurtosis(values), rel=1e-6, abs=1e-6)


@given(SAMPLES, st.randoms(use_true_random=False))
def test_order_of_the_voxels_does_not_matter(values: np.ndarray, shuffled: object) -> None:
    turned = list(values)
    shuffled.shuffle(turned)  # type: ignore[attr-defined]
    # sums of floats depend on the order in their last digits
    np.testing.assert_allclose(first_order(np.array(turned)), first_order(values), rtol=1e-6, atol=1e-6)


@given(SAMPLES.filter(lambda values: values.std() > 1), st.floats(0.5, 4), st.floats(-100, 100))
def test_another_unit_scales_and_another_zero_shifts(values: np.ndarray, k: float, shift: float) -> None:
    before, after = named(values), named(k * values + shift)
    for name in ("mean", "median", "min", "p10", "p90", "max"):
        assert after[f"stat_{name}"] == pytest.approx(k * before[f"stat_{name}"] + shift, rel=1e-6, abs=1e-6)
    for name in ("iqr", "range", "mad", "medad"):
        assert after[f"stat_{name}"] == pytest.approx(k * before[f"stat_{name}"], rel=1e-6, abs=1e-6)
    for name in ("skew", "kurt"):
        assert after[f"stat_{name}"] == pytest.approx(before[f"stat_{name}"], rel=1e-5, abs=1e-5)


def test_nothing_measured_is_nan_throughout() -> None:
    assert np.isnan(first_order(np.zeros(0))).all()


def test_a_constant_region_has_no_skewness_rather_than_none_measured_as_zero() -> None:
    got = named(np.full(7, 0.1))
    assert got["stat_var"] == 0
    assert {name for name, value in got.items() if np.isnan(value)} == {"stat_skew", "stat_kurt"}


def test_a_coefficient_over_zero_is_nan() -> None:
    got = named(np.array([-2.0, -1.0, 1.0, 2.0]))
    assert np.isnan(got["stat_cov"])
    assert np.isnan(got["stat_qcod"])
    assert got["stat_rms"] == pytest.approx(np.sqrt(2.5))


def test_no_voxel_between_the_percentiles_leaves_the_robust_deviation_undefined() -> None:
    assert np.isnan(named(np.array([0.0, 1.0]))["stat_rmad"])
