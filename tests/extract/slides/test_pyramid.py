"""Levels that lie about their size are refused by level."""

from __future__ import annotations

import math

import numpy as np
import pytest

from extract.slides.pyramid import check_pyramid, level_scales
from feature_cache.errors import SourceError

WHOLE = (46_000, 32_914)


@pytest.mark.parametrize(
    ("sizes", "downsamples"),
    [
        ((WHOLE,), (1.0,)),
        ((WHOLE, (11_500, 8_228), (2_875, 2_057)), (1.0, 4.0001, 16.0004)),
        (((40_000, 30_001), (20_001, 15_000), (1, 1)), (1.0, 1.99998, 20_000.0)),
        (((1000, 1000), (334, 333)), (1.0, 2.9985)),
    ],
)
def test_real_pyramids_pass(sizes: tuple[tuple[int, int], ...], downsamples: tuple[float, ...]) -> None:
    assert check_pyramid("a.svs", sizes, downsamples) == ()
    scales = level_scales(sizes, downsamples)
    assert [scale is not None and scale.doubt_px <= 0.5 for scale in scales] == [True] * len(sizes)


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


def test_levels_lie_halfway_between_what_writers_do() -> None:
    """2401 px of 4801 were averaged by 2 or resized by 1.9996: at the far edge that is half a pixel."""
    sizes = ((4801, 4800), (2401, 2400), (1200, 1200), (300, 300), (1600, 1600))
    scales = level_scales(sizes, (1.0, 1.9998, 4.0004, 16.0017, 3.0003))
    found = []
    for scale in scales:
        assert scale is not None
        found.append((4801 / scale.px0_per_px[0], 4800 / scale.px0_per_px[1], scale.doubt_px))
    # in pixels of the level: where the slide's far corner lies, and how sure that is
    expected = [(4801, 4800, 0), (2400.75, 2400, 0.25), (1200.125, 1200, 0.125)]
    expected += [(300.03125, 300, 0.03125), (1600 + 1 / 6, 1600, 1 / 6)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("whole", "size"),
    [
        ((4000, 3000), (1600, 1200)),  # 2.5 times smaller, or 2 times and cut
        ((10_700, 10_700), (2560, 2560)),  # 4 times smaller and cut to whole tiles on both sides
        ((1000, 1000), (334, 332)),
        ((1000, 1000), (30, 30)),  # 33 or 34, or 32 and cut: too small to tell
    ],
)
def test_a_level_of_no_whole_factor_is_not_read(whole: tuple[int, int], size: tuple[int, int]) -> None:
    ratio = whole[0] / size[0]
    scales = level_scales((whole, size), (1.0, ratio))
    assert scales[0] is not None
    assert scales[1] is None
    (warning,) = check_pyramid("a.svs", (whole, size), (1.0, ratio))
    assert warning.startswith("level 1 of ")


def test_a_level_whose_last_tiles_were_cut_off_is_not_read() -> None:
    """4 times smaller and cut to whole tiles of 256 px along x: 4.17 along x, 4 along y."""
    sizes = ((10_700, 10_240), (2560, 2560))
    assert level_scales(sizes, (1.0, 4.09))[1] is None
    (warning,) = check_pyramid("a.svs", sizes, (1.0, 4.09))
    assert (
        warning == "level 1 of 2,560 x 2,560 px is not read: no whole factor makes it of 10,700 x 10,240 px"
    )
