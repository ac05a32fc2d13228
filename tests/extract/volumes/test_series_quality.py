"""Quality of one series as read: noise that was put in, a ceiling, slices that are no slices, a tilt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from extract.volumes.geometry import VoxelGrid
from extract.volumes.series_quality import noise_of, quality_warnings, series_quality
from tests.extract.volumes.files import grid_of

GRID = grid_of((48, 40, 6), (0.5, 0.5, 3.0), (0, 18.5, 0))


def image(sd: float = 0.0, seed: int = 1) -> np.ndarray[Any, Any]:
    """A smooth bright disc on air: a slope, which is no noise, and noise of a known spread."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in GRID.size), indexing="ij")
    disc = np.where(np.hypot(x - 24, y - 20) < 18, 300 + 4 * x + 3 * y + 10 * z, 0.0)
    noise = np.random.default_rng(seed).normal(0, sd, GRID.size) if sd else 0.0
    return np.asarray(disc + noise, dtype=np.float32)


def measure(voxels: np.ndarray[Any, Any], grid: VoxelGrid = GRID, **more: bool) -> dict[str, Any]:
    return dict(series_quality(voxels, grid, **({"spacing_known": True, "placed": True} | more)))


@pytest.mark.parametrize("sd", [3.0, 12.0])
def test_noise_that_was_put_in_is_found(sd: float) -> None:
    x, y, _ = np.meshgrid(*(np.arange(n) for n in GRID.size), indexing="ij")
    inner = np.hypot(x - 24, y - 20) < 15  # away from the disc's edge, which is structure
    assert noise_of(image(sd).astype(np.float64), inner) == pytest.approx(sd, rel=0.05)
    # a slope alone is none
    assert noise_of(image().astype(np.float64), inner) == pytest.approx(0.0, abs=1e-4)
    assert noise_of(image().astype(np.float64), np.zeros(GRID.size, bool)) is None


def test_a_sound_series_is_let_pass_and_told() -> None:
    found = measure(image(4.0))
    assert found["field_of_view_mm"] == [24.0, 20.0, 18.0] and found["anisotropy"] == 6.0
    assert (found["orientation"], found["tilt_degrees"]) == ("axial", 18.5)
    assert (found["constant_slices"], found["repeated_slices"], found["clipped"]) == (0, 0, False)
    assert 10 < found["signal_to_noise"] < 100 and 1 < found["slice_steps"] < 1.1
    assert quality_warnings({"t2w": found}) == ()
    unplaced = measure(image(4.0), spacing_known=False, placed=False)
    assert [name for name, value in unplaced.items() if value is None] == [
        "field_of_view_mm", "anisotropy", "orientation", "tilt_degrees",
    ]  # fmt: skip


def test_a_ceiling_is_told_from_a_bright_end() -> None:
    cut = np.minimum(image(4.0), 450)
    found = measure(cut)
    assert found["clipped"] and found["greatest"] == 450
    share = 100 * found["share_at_greatest"]
    assert quality_warnings({"adc": found}) == (
        f"adc: {share:.2g} % of its voxels have the greatest value: clipped",
    )
    # many whole numbers up to the last: the greatest is no heap
    assert not measure(np.random.default_rng(2).integers(0, 20, GRID.size).astype(np.float32))["clipped"]
    assert not measure(np.full(GRID.size, 7, np.float32))["clipped"]


def test_slices_that_are_none_noise_and_what_is_no_number() -> None:
    voxels = image(4.0)
    voxels[:, :, 2] = voxels[:, :, 1]
    voxels[:, :, 4] = voxels[:, :, 5] = 0
    found = measure(voxels)
    assert (found["constant_slices"], found["repeated_slices"]) == (2, 1)
    assert quality_warnings({"t2w": found}) == (
        "t2w: 2 slice(s) without any contrast", "t2w: 1 slice(s) repeated",
    )  # fmt: skip
    noisy = measure(image(250.0))
    (said,) = quality_warnings({"hbv": noisy})
    assert said.startswith("hbv: its foreground is") and said.endswith("times its noise")
    holed = image(4.0)
    holed[3, 3, 3] = np.nan
    found = measure(holed)
    assert found["share_not_finite"] == pytest.approx(1 / holed.size, rel=1e-5)
    assert quality_warnings({"dce": found}) == ("dce: voxels that are no numbers",)
    empty = measure(np.full(GRID.size, np.nan, np.float32))
    assert (empty["share_not_finite"], empty["greatest"], empty["noise"]) == (1.0, None, None)


@pytest.mark.parametrize(
    ("axes", "named"), [((0, 1, 2), "axial"), ((0, 2, 1), "coronal"), ((1, 2, 0), "sagittal")]
)
def test_orientation_is_that_of_the_slices(axes: tuple[int, int, int], named: str) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, list(axes)]
    found = measure(image(4.0), VoxelGrid(size=GRID.size, affine=affine))
    assert (found["orientation"], found["tilt_degrees"]) == (named, 0.0)
