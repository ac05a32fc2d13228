"""Geometry: the field of view is right on pyramids that are not round, and nothing drifts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.slides.grid import Grid, choose_level, plan_read
from extract.slides.pyramid import level_scales
from feature_cache.errors import SourceError

DOWNSAMPLES = (1.0, 1.9996, 3.998, 4.016, 15.992)
SCANNERS = (0.2428, 0.2527, 0.263, 0.25, 0.499)

scales = st.sampled_from(SCANNERS) | st.floats(0.1, 0.5)
slides = st.tuples(st.integers(1, 200_000), st.integers(1, 150_000))


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    mpp_x = draw(scales)
    stretch = draw(st.sampled_from([1.0, 1.0, 0.9, 1.07]))
    return Grid(
        slide_size_px0=draw(slides),
        mpp=(mpp_x, mpp_x * stretch),
        target_mpp=draw(st.sampled_from([0.5, 1.0])),
        tile_px=draw(st.sampled_from([224, 256, 512])),
    )


def some_tiles(grid: Grid, draw_column: int, draw_row: int) -> tuple[int, int] | None:
    columns, rows = grid.counts
    return (draw_column % columns, draw_row % rows) if columns and rows else None


def corner_of(grid: Grid, column: int, row: int) -> tuple[int, int]:
    x, y = grid.positions_px0()[row * grid.counts[0] + column].tolist()
    return x, y


@given(grids(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_field_of_view_is_within_half_a_level_0_pixel(grid: Grid, column: int, row: int) -> None:
    """Truth: tile (k, j) covers [k * side, (k + 1) * side), side = tile_px * target_mpp / mpp, in floats."""
    tile = some_tiles(grid, column, row)
    if tile is None:
        return
    truth = [k * side for k, side in zip(tile, grid.tile_px0, strict=True)]
    truth += [(k + 1) * side for k, side in zip(tile, grid.tile_px0, strict=True)]
    box = grid.box_px0(corner_of(grid, *tile))
    assert np.abs(np.array(box) - truth).max() <= 0.5 + 1e-6
    assert 0 <= box[0] < box[2] <= grid.slide_size_px0[0]
    assert 0 <= box[1] < box[3] <= grid.slide_size_px0[1]


@given(grids())
def test_positions_neither_drift_nor_overlap(grid: Grid) -> None:
    positions = grid.positions_px0()
    columns, rows = grid.counts
    assert positions.dtype == np.int32
    assert len(positions) == columns * rows
    for axis, count in ((0, columns), (1, rows)):
        starts = np.unique(positions[:, axis])
        assert len(starts) in (0, count)
        steps = np.diff(starts)
        assert np.all(np.abs(steps - grid.tile_px0[axis]) < 1)  # neither gap nor overlap of a pixel
        assert np.all(np.abs(starts - np.arange(len(starts)) * grid.tile_px0[axis]) <= 0.5)
    # row by row
    assert np.array_equal(np.lexsort((positions[:, 0], positions[:, 1])), np.arange(len(positions)))


@given(grids())
def test_no_further_tile_would_fit(grid: Grid) -> None:
    for count, side, size in zip(grid.counts, grid.tile_px0, grid.slide_size_px0, strict=True):
        assert count * side <= size + 0.5 < (count + 1) * side


@given(
    grids(),
    st.sampled_from(DOWNSAMPLES),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_what_is_read_covers_the_field_and_little_more(
    grid: Grid, downsample: float, column: int, row: int, between_pixels: bool
) -> None:
    """The plan's box, put back on level 0, is the field; the region lies in the level."""
    tile = some_tiles(grid, column, row)
    width, height = (math.ceil(size / downsample) for size in grid.slide_size_px0)
    ratio = (grid.slide_size_px0[0] / width + grid.slide_size_px0[1] / height) / 2  # as openslide has it
    _, scale = level_scales((grid.slide_size_px0, (width, height)), (1.0, ratio))
    if tile is None or scale is None:
        return
    field = grid.box_px0(corner_of(grid, *tile))
    plan = plan_read(field, scale, between_pixels)
    for axis in (0, 1):
        start, size = plan.location_px0[axis], plan.size_px[axis]
        low, high = plan.box_px[axis], plan.box_px[axis + 2]
        assert 0 <= low < high <= size
        first = start / ratio if between_pixels else round(start / ratio)
        # what lies beyond the level's last pixel, or before its first, is a part of one pixel
        off = 1.001 if min(width, height) < 8 else 0.5 + 0.51 / ratio
        assert abs(first + low - field[axis] / scale.px0_per_px[axis]) <= off
        assert abs(first + high - field[axis + 2] / scale.px0_per_px[axis]) <= off
        # at most one whole level pixel beyond the field at either side
        assert size <= (field[axis + 2] - field[axis]) / scale.px0_per_px[axis] + 3
        assert start >= 0
        assert start / ratio + size < scale.size_px[axis] + 1
        # the region starts on a whole level pixel, to a level-0 pixel
        assert abs(start - round(start / ratio) * ratio) <= (1 if between_pixels else 0.5)


@pytest.mark.parametrize("between_pixels", [True, False])
def test_a_peers_mistake_is_not_made(between_pixels: bool) -> None:
    """int(1.9996) = 1: 256 px at 0.5 um would be read as 512 level-1 px; here they are 256."""
    grid = Grid(slide_size_px0=(4801, 4803), mpp=(0.25, 0.25), target_mpp=0.5, tile_px=256)
    downsamples = (1.0, 4801 / 2401, 3.9983)
    level = choose_level("slide", downsamples, grid.wanted_downsample)
    scale = level_scales(((4801, 4803), (2401, 2402), (1201, 1201)), downsamples)[level]
    assert scale is not None
    plan = plan_read(grid.box_px0((512, 1024)), scale, between_pixels)
    assert level == 1
    assert set(plan.size_px) <= {256, 257, 258}
    assert plan.box_px[2] - plan.box_px[0] == pytest.approx(512 / 1.9998, rel=1e-5)


def test_tiles_overlap_by_what_the_recipe_says_and_fill_the_slide() -> None:
    grid = Grid(slide_size_px0=(1000, 700), mpp=(0.25, 0.25), target_mpp=0.5, tile_px=128, overlap_px=32)
    assert (grid.tile_px0, grid.step_px0) == ((256.0, 256.0), (192.0, 192.0))
    assert grid.counts == (4, 3)
    assert grid.positions_px0()[:5].tolist() == [[0, 0], [192, 0], [384, 0], [576, 0], [0, 192]]
    with pytest.raises(ValueError, match="tiles of 128 px cannot overlap by 128 px"):
        Grid(slide_size_px0=(1, 1), mpp=(1, 1), target_mpp=1, tile_px=128, overlap_px=128)


def test_tiles_outside_the_bounds_of_a_scan_are_none_and_cut_ones_say_so() -> None:
    grid = Grid(
        slide_size_px0=(1000, 1000),
        mpp=(0.5, 0.5),
        target_mpp=0.5,
        tile_px=100,
        bounds_px0=(250, 300, 500, 450),
    )
    positions = grid.positions_px0()
    assert positions.tolist() == [[x, y] for y in (300, 400) for x in (200, 300, 400)]
    np.testing.assert_allclose(grid.outside(positions), [0.5, 0, 0, 0.75, 0.5, 0.5])
    everywhere = Grid(slide_size_px0=(1000, 1000), mpp=(0.5, 0.5), target_mpp=0.5, tile_px=100)
    assert not everywhere.outside(everywhere.positions_px0()).any()


def test_tiles_of_one_cohort_have_one_field_whatever_the_scanner() -> None:
    for mpp in SCANNERS:
        grid = Grid(slide_size_px0=(100_000, 100_000), mpp=(mpp, mpp), target_mpp=0.5, tile_px=256)
        left, _, right, _ = grid.box_px0(corner_of(grid, 77, 91))
        assert (right - left) * mpp == pytest.approx(128.0, abs=1e-6)


def test_a_slide_smaller_than_a_tile_has_none() -> None:
    grid = Grid(slide_size_px0=(255, 600), mpp=(0.5, 0.5), target_mpp=0.5, tile_px=256)
    assert grid.counts == (0, 2)
    assert grid.positions_px0().shape == (0, 2)


@pytest.mark.parametrize(
    ("downsamples", "wanted", "level"),
    [
        ((1.0, 4.0, 16.0), 2.0, 0),
        ((1.0, 2.0, 4.0), 2.0, 1),
        ((1.0, 1.9996, 3.998), 1.9, 0),  # 5.2 % coarser: the next finer one
        ((1.0, 1.9996, 3.998), 1.91, 1),  # 4.7 %: let pass
        ((1.0, 4.0, 2.0), 4.1, 1),  # levels in any order
        ((1.0, 4.0), 0.96, 0),
        ((1.0, 4.0), 1.0, 0),
        ((1.0, 4.0, 16.0), 1000.0, 2),
    ],
)
def test_the_coarsest_level_that_is_fine_enough(
    downsamples: tuple[float, ...], wanted: float, level: int
) -> None:
    assert choose_level("slide", downsamples, wanted) == level


def test_a_slide_coarser_than_the_recipe_is_refused() -> None:
    with pytest.raises(SourceError) as caught:
        choose_level("case 1, slide a", (1.0, 4.0), 0.5)
    assert str(caught.value) == (
        "case 1, slide a: expected level-0 pixels as fine as the recipe's mpp (5 % are let pass); "
        "got pixels 2 times as large. Set a coarser mpp in the recipe, or take this slide out."
    )
