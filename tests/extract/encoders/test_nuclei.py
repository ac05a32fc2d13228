from __future__ import annotations

import math

import numpy as np
import pytest

from extract.encoders.nuclei import NUCLEUS_FEATURES, describe_nuclei, find_nuclei, nucleus_threshold

MPP = 0.5


def paint(
    discs: list[tuple[float, float, float, float]], *, size: int = 256, ground: float = 0.3, ink: float = 1.2
) -> np.ndarray:
    """A haematoxylin plane with ellipses (x, y, half width, half height in px) darker than the ground."""
    y, x = np.mgrid[:size, :size] + 0.5
    plane = np.full((size, size), ground, dtype=np.float32)
    for centre_x, centre_y, across, down in discs:
        plane[((x - centre_x) / across) ** 2 + ((y - centre_y) / down) ** 2 <= 1] = ink
    return plane


def named(plane: np.ndarray, mpp: float = MPP) -> dict[str, float]:
    return dict(zip(NUCLEUS_FEATURES, describe_nuclei(plane, mpp), strict=True))


@pytest.fixture
def lattice() -> list[tuple[float, float, float, float]]:
    """36 round nuclei of 8 px radius, 40 px apart."""
    return [(28.0 + 40 * column, 28.0 + 40 * row, 8.0, 8.0) for row in range(6) for column in range(6)]


def test_round_nuclei_are_counted_and_measured(lattice: list[tuple[float, float, float, float]]) -> None:
    values = named(paint(lattice))
    field_mm2 = (256 * MPP) ** 2 * 1e-6
    area_um2 = math.pi * 8**2 * MPP**2
    assert values["per_mm2"] == pytest.approx(36 / field_mm2)
    assert values["area_mean_um2"] == pytest.approx(area_um2, rel=0.1)
    assert values["area_sd_um2"] == pytest.approx(0, abs=1)
    assert values["area_fraction"] == pytest.approx(36 * area_um2 * 1e-6 / field_mm2, rel=0.1)
    assert values["elongation_mean"] == pytest.approx(1, abs=0.05)
    assert values["spacing_mean_um"] == pytest.approx(40 * MPP, rel=1e-6)
    assert values["spacing_sd_um"] == pytest.approx(0, abs=1e-6)
    assert values["density_mean"] == pytest.approx(1.2, abs=0.1)


@pytest.mark.parametrize("turned", [False, True])
def test_elongation_is_the_ratio_of_the_axes_whichever_way_it_lies(turned: bool) -> None:
    across, down = (6.0, 18.0) if turned else (18.0, 6.0)
    values = named(paint([(70, 70, across, down), (180, 180, across, down)]))
    assert values["elongation_mean"] == pytest.approx(3, rel=0.1)


def test_a_turned_or_mirrored_tile_has_the_same_nuclei() -> None:
    rng = np.random.default_rng(3)
    discs = [(*rng.uniform(20, 236, 2), *rng.uniform(4, 9, 2)) for _ in range(30)]
    plane = paint(discs)
    first = np.array(describe_nuclei(plane, MPP))
    for other in (plane.T, plane[::-1], np.rot90(plane)):
        np.testing.assert_allclose(describe_nuclei(np.ascontiguousarray(other), MPP), first, rtol=1e-6)


def test_darker_staining_of_the_whole_tile_moves_density_alone(
    lattice: list[tuple[float, float, float, float]],
) -> None:
    pale, dark = (named(paint(lattice, ground=step, ink=0.6 + step)) for step in (0.1, 0.7))
    assert dark.pop("density_mean") - pale.pop("density_mean") == pytest.approx(0.6, abs=0.01)
    for name, value in pale.items():
        assert dark[name] == pytest.approx(value, rel=0.02, abs=0.02), name


def test_sizes_are_in_um_not_in_pixels() -> None:
    centres = [(30.0, 30.0), (90.0, 60.0), (60.0, 100.0)]
    coarse = named(paint([(x, y, 6.0, 6.0) for x, y in centres], size=128))
    fine = named(paint([(2 * x, 2 * y, 12.0, 12.0) for x, y in centres], size=256), mpp=MPP / 2)
    for name in ("per_mm2", "area_mean_um2", "spacing_mean_um", "elongation_mean"):
        assert fine[name] == pytest.approx(coarse[name], rel=0.05), name


def test_noise_on_plain_stroma_is_no_nucleus() -> None:
    rng = np.random.default_rng(1)
    plane = (0.3 + 0.02 * rng.standard_normal((256, 256))).astype(np.float32)
    assert len(find_nuclei(plane, MPP).area_um2) == 0
    assert named(plane)["per_mm2"] == 0


def test_specks_are_no_nuclei() -> None:
    # 2 px radius is 3 um2 at 0.5 um/px: debris
    assert named(paint([(60, 60, 2, 2), (180, 180, 2, 2), (100, 200, 8, 8)]))["per_mm2"] == pytest.approx(
        1 / ((256 * MPP) ** 2 * 1e-6)
    )


def test_the_threshold_lies_between_the_two_stains_and_never_at_the_median() -> None:
    plane = paint([(128, 128, 50, 50)])
    assert 0.3 < nucleus_threshold(plane) < 1.2
    assert nucleus_threshold(np.full((64, 64), 0.4, dtype=np.float32)) > 0.5


def test_larger_nuclei_move_the_measures_of_size_and_not_of_number() -> None:
    centres = [(40.0 + 60 * column, 40.0 + 60 * row) for row in range(4) for column in range(4)]
    small, large = (named(paint([(x, y, radius, radius) for x, y in centres])) for radius in (6.0, 11.0))
    assert small["per_mm2"] == large["per_mm2"]
    for name in ("area_mean_um2", "area_p90_um2", "area_fraction"):
        assert large[name] / small[name] == pytest.approx((11 / 6) ** 2, rel=0.15), name
    assert (small["large_share"], large["large_share"]) == (0, 1)  # 28 and 95 um2, the line is at 60


def test_darker_nuclei_move_their_density_and_not_their_size() -> None:
    centres = [(40.0 + 60 * column, 40.0 + 60 * row, 8.0, 8.0) for row in range(4) for column in range(4)]
    pale, dark = (named(paint(centres, ink=ink)) for ink in (0.9, 1.8))
    assert dark["density_mean"] - pale["density_mean"] == pytest.approx(0.9, abs=0.1)
    assert dark["area_mean_um2"] == pytest.approx(pale["area_mean_um2"], rel=0.1)
    assert dark["per_mm2"] == pale["per_mm2"]


def test_nuclei_of_different_sizes_have_a_spread() -> None:
    radii = [5.0, 7.0, 9.0, 11.0]
    discs = [
        (40.0 + 60 * column, 40.0 + 60 * row, radii[row], radii[row])
        for row in range(4)
        for column in range(4)
    ]
    areas = np.pi * np.array(radii) ** 2 * MPP**2
    values = named(paint(discs))
    assert values["area_mean_um2"] == pytest.approx(areas.mean(), rel=0.1)
    assert values["area_sd_um2"] == pytest.approx(areas.std(), rel=0.15)
    assert values["area_p90_um2"] == pytest.approx(areas.max(), rel=0.1)


def test_the_smallest_nucleus_is_measured_in_um() -> None:
    # 6 px radius is 7 um2 at .25 um/px and 28 um2 at .5 um/px
    plane = paint([(60, 60, 6, 6), (180, 180, 6, 6)])
    assert len(find_nuclei(plane, 0.25).area_um2) == 0
    assert len(find_nuclei(plane, 0.5).area_um2) == 2
