"""Levels that lie about their size are refused by level."""

from __future__ import annotations

import math

import pytest

from extract.slides.pyramid import check_pyramid
from feature_cache.errors import SourceError

WHOLE = (46_000, 32_914)


@pytest.mark.parametrize(
    ("sizes", "downsamples"),
    [
        ((WHOLE,), (1.0,)),
        ((WHOLE, (11_500, 8_228), (2_875, 2_057)), (1.0, 4.0001, 16.0004)),
        (((40_000, 30_001), (20_001, 15_000), (1, 1)), (1.0, 1.99998, 20_000.0)),
        (((1000, 1000), (334, 332)), (1.0, 3.003)),
    ],
)
def test_real_pyramids_pass(sizes: tuple[tuple[int, int], ...], downsamples: tuple[float, ...]) -> None:
    check_pyramid("a.svs", sizes, downsamples)


@pytest.mark.parametrize(
    ("sizes", "downsamples", "message"),
    [
        ((), (), "expected 1 to 32 levels; got 0"),
        ((WHOLE,) * 33, (1.0,) * 33, "expected 1 to 32 levels; got 33"),
        (((0, 5),), (1.0,), r"level 0; got 0 x 5 px"),
        (((2**31, 5),), (1.0,), r"level 0; got 2,147,483,648 x 5 px"),
        ((WHOLE, (92_000, 65_828)), (1.0, 0.5), r"expected level 1 as fine .* got a downsample of 0\.5"),
        ((WHOLE, WHOLE), (1.0, math.nan), r"got a downsample of nan"),
        (
            (WHOLE, (23_000, 8_228)),
            (1.0, 3.0),
            r"level 1 in the shape of level 0, 46,000 x 32,914 px; got 23,",
        ),
    ],
)
def test_others_are_refused(
    sizes: tuple[tuple[int, int], ...], downsamples: tuple[float, ...], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        check_pyramid("a.svs", sizes, downsamples)
