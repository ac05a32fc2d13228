from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.volumes.study_grid import choose_reference, crop_box, raster, refuse_sequences
from feature_cache.errors import SourceError
from tests.extract.volumes.files import grid_of


def test_the_first_preferred_sequence_is_the_reference() -> None:
    assert choose_reference(["adc", "t2w"], ("t2w", "adc"), "s") == "t2w"
    assert choose_reference(["hbv", "adc"], ("t2w", "adc"), "s") == "adc"
    assert choose_reference(["cine"], ("t2w",), "s") == "cine"
    with pytest.raises(SourceError, match=r"expected one of t2w, lge .*; got cor, sag"):
        choose_reference(["sag", "cor"], ("t2w", "lge"), "s")


def test_two_series_of_one_sequence_are_refused() -> None:
    refuse_sequences(["t2w", "adc"], "s")
    with pytest.raises(SourceError, match=r"got 2 of t2w\. Drop the rows of series\.csv"):
        refuse_sequences(["t2w", "adc", "t2w"], "case 1, study 1")
    for name in ("", "a/b"):
        with pytest.raises(SourceError, match="expected a sequence with a name without /"):
            refuse_sequences(["t2w", name], "case 1, study 1")


@given(st.tuples(*[st.floats(0.3, 6)] * 3), st.tuples(*[st.integers(1, 30)] * 3))
def test_another_spacing_keeps_axes_centre_and_extent(
    spacing: tuple[float, float, float], size: tuple[int, int, int]
) -> None:
    reference = grid_of(size, (0.5, 0.6, 3.0), (5, 10, 15))
    grid = raster(reference, spacing)
    np.testing.assert_allclose(grid.spacing, spacing)
    np.testing.assert_allclose(grid.directions, reference.directions, atol=1e-12)
    middle = [one.centres((np.array([one.size]) - 1) / 2)[0] for one in (grid, reference)]
    np.testing.assert_allclose(middle[0], middle[1], atol=1e-9)
    extent, wanted = np.array(grid.size) * spacing, np.array(size) * reference.spacing
    assert (np.abs(extent - wanted) <= np.array(spacing) / 2 + 1e-9)[np.array(grid.size) > 1].all()


def test_without_a_spacing_the_reference_is_the_grid() -> None:
    grid = grid_of((4, 5, 6))
    assert raster(grid, None) is grid


def test_the_box_holds_all_masks_and_the_margin_in_mm() -> None:
    grid = grid_of((40, 40, 10), (0.5, 0.5, 3.0))
    first, second = np.zeros((2, *grid.size), dtype=bool)
    first[10:12, 20, 4] = True
    second[15, 22:25, 5] = True
    box, rule = crop_box([first, second], grid, 2.0)
    assert (box, rule) == (((6, 16, 3), (14, 13, 4)), "around the masks")  # 4, 4 and 1 voxels of margin
    box, _ = crop_box([first, second], grid, 100.0)
    assert box == ((0, 0, 0), grid.size)


def test_a_margin_of_whole_voxels_is_not_rounded_up_again() -> None:
    grid = grid_of((40, 4, 4), (0.1, 1.0, 2.0))
    mask = np.zeros(grid.size, dtype=bool)
    mask[20, 2, 2] = True
    box, _ = crop_box([mask], grid, 0.3)  # 0.3 / 0.1 is more than 3 in floating point
    assert box == ((17, 1, 1), (7, 3, 3))


def test_where_there_is_nothing_to_crop_to_the_volume_stays_whole() -> None:
    grid = grid_of((4, 4, 4))
    whole = ((0, 0, 0), (4, 4, 4))
    mask = np.zeros(grid.size, dtype=bool)
    assert crop_box([], grid, 5.0) == (whole, "whole: no mask")
    assert crop_box([mask], grid, 5.0) == (whole, "whole: empty masks")
    mask[1, 1, 1] = True
    assert crop_box([mask], grid, None) == (whole, "whole: spacing unknown")
