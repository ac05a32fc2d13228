from __future__ import annotations

import numpy as np

from extract.volumes.quality import coverage_of, coverage_warnings, region_quality
from tests.extract.volumes.files import grid_of

GRID = grid_of((10, 10, 5), (0.5, 0.5, 3.0), (5, 10, 15))


def test_millilitres_parts_and_border_by_hand() -> None:
    mask = np.zeros(GRID.size, bool)
    mask[1:5, 1:6, 1:3] = True  # 40 voxels of 0.75 mm3
    mask[5, 6, 3] = True  # touches by a corner
    mask[8, 8, 2] = True
    assert region_quality(mask, GRID, True) == {
        "voxels": 42, "volume_ml": 0.0315, "parts": 2, "touches_border": False
    }  # fmt: skip
    mask[9, 0, 0] = True
    assert region_quality(mask, GRID, False) == {
        "voxels": 43, "volume_ml": None, "parts": 3, "touches_border": True
    }  # fmt: skip


def test_coverage_is_the_share_with_a_value() -> None:
    voxels = np.ones(GRID.size, np.float32)
    voxels[:4] = np.nan
    half = np.zeros(GRID.size, bool)
    half[2:6] = True
    regions = {"half": half, "none": np.zeros(GRID.size, bool), "crop": np.ones(GRID.size, bool)}
    coverage = coverage_of(voxels, regions)
    assert coverage == {"half": 0.5, "none": None, "crop": 0.6}
    assert coverage_warnings({"adc": coverage}) == ("adc covers 50 % of half",)
    # nearly all is not all: 100 % would be no warning
    assert coverage_warnings({"adc": {"gland": 0.9996}}) == ("adc covers 99.96 % of gland",)
