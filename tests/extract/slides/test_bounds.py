"""Islands in a canvas that nobody scanned: the logic, on a handle that answers as openslide does for MIRAX.

No MIRAX file is at hand; what this shows is that transparent places are no tiles, whatever a mask says.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openslide
import pytest

from extract.slides.bounds import parse_bounds
from extract.slides.grid import Grid
from extract.slides.openslide_reader import OpenSlideReader
from extract.slides.tiling import choose_tiles, find_gaps, read_thumbnail, tissue_from_image
from extract.slides.tissue_mask import TissueMask
from tests.extract.slides.pyramids import EOSIN

SIZE = (4096, 3072)
BOUNDS = (1000, 500, 3000, 2500)
#: A hole between two stitched fields, inside the bounds.
HOLE = (1536, 1024, 2048, 1536)


class MiraxHandle:
    """Two levels, eosin within the bounds but for the hole, transparent black elsewhere."""

    dimensions = SIZE
    level_dimensions = (SIZE, (SIZE[0] // 4, SIZE[1] // 4))
    level_downsamples = (1.0, 4.0)

    def __init__(self, path: Path) -> None:
        x, y, right, bottom = BOUNDS
        self.properties = {
            "openslide.vendor": "mirax",
            "openslide.mpp-x": "0.5",
            "openslide.mpp-y": "0.5",
            "openslide.bounds-x": str(x),
            "openslide.bounds-y": str(y),
            "openslide.bounds-width": str(right - x),
            "openslide.bounds-height": str(bottom - y),
        }

    def read_region(self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]) -> np.ndarray:
        step = int(self.level_downsamples[level])
        x, y = (start + (np.arange(size) + 0.5) * step for start, size in zip(xy_px0, size_px, strict=True))
        inside = _within(x, y, BOUNDS) & ~_within(x, y, HOLE)
        pixels = np.zeros((size_px[1], size_px[0], 4), dtype=np.uint8)
        pixels[inside] = (*EOSIN, 255)
        return pixels

    def close(self) -> None:
        """Nothing is open."""


def _within(x: np.ndarray, y: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    return ((x >= box[0]) & (x < box[2]))[None, :] & ((y >= box[1]) & (y < box[3]))[:, None]


@pytest.fixture
def mirax(monkeypatch: pytest.MonkeyPatch) -> OpenSlideReader:
    monkeypatch.setattr(openslide, "OpenSlide", MiraxHandle)
    return OpenSlideReader(Path("a.mrxs"))


def grid_of(reader: OpenSlideReader) -> Grid:
    return Grid(
        slide_size_px0=reader.size_px0,
        mpp=(0.5, 0.5),
        target_mpp=0.5,
        tile_px=256,
        bounds_px0=reader.bounds_px0,
    )


def test_bounds_and_gaps_are_known_from_the_file(mirax: OpenSlideReader) -> None:
    assert (mirax.bounds_px0, mirax.has_gaps, mirax.warnings) == (BOUNDS, True, ())
    gaps = find_gaps(mirax, (0.5, 0.5))
    assert gaps is not None
    assert gaps.mask.shape == (SIZE[1] // 16, SIZE[0] // 16)
    cells = (np.arange(gaps.mask.shape[1]) + 0.5) * 16, (np.arange(gaps.mask.shape[0]) + 0.5) * 16
    np.testing.assert_array_equal(gaps.mask, ~(_within(*cells, BOUNDS) & ~_within(*cells, HOLE)))


def test_gaps_are_the_same_in_blocks_of_any_size(
    mirax: OpenSlideReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = find_gaps(mirax, (0.5, 0.5))
    monkeypatch.setattr("extract.slides.bounds._BLOCK_PX", 150)  # of a level of 1024 x 768 px
    blocks = find_gaps(mirax, (0.5, 0.5))
    assert whole is not None and blocks is not None
    np.testing.assert_array_equal(blocks.mask, whole.mask)


def test_what_was_not_scanned_is_white_but_no_tissue_and_no_tile(mirax: OpenSlideReader) -> None:
    assert (mirax.read_region((0, 0), 0, (8, 8)) == 255).all()
    everything = TissueMask(mask=np.ones((3, 4), dtype=bool), px0_per_px=(1024.0, 1024.0))
    by_image = tissue_from_image(mirax, (0.5, 0.5))
    for tissue in (everything, by_image):
        chosen = choose_tiles(grid_of(mirax), 0, "area", tissue, 0.1, find_gaps(mirax, (0.5, 0.5)))
        corners = [tuple(corner) for corner in chosen.xy_px0.tolist()]
        # the grid begins at the canvas's corner; the hole is four tiles
        inside = [(x, y) for y in range(256, 2500, 256) for x in range(768, 3000, 256)]
        holes = [(1536, 1024), (1792, 1024), (1536, 1280), (1792, 1280)]
        assert set(corners) <= set(inside) - set(holes)
        shares = dict(zip(corners, chosen.outside.tolist(), strict=True))
        assert shares[(1024, 512)] == 0
        assert shares[(768, 512)] == pytest.approx(232 / 256)
        if tissue is everything:
            assert set(corners) == set(inside) - set(holes)
        assert dict(zip(corners, chosen.tissue.tolist(), strict=True))[(1024, 512)] == 1


def test_the_thumbnail_shows_white_there(mirax: OpenSlideReader) -> None:
    rgb = read_thumbnail(mirax, 256).rgb
    assert rgb.shape == (192, 256, 3)
    assert (rgb[:30, :60] == 255).all()
    assert (rgb[40, 70] == EOSIN).all()


def test_other_files_have_no_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(MiraxHandle):
        def __init__(self, path: Path) -> None:
            self.properties = {"openslide.vendor": "aperio"}

    monkeypatch.setattr(openslide, "OpenSlide", Plain)
    reader = OpenSlideReader(Path("a.svs"))
    assert (reader.bounds_px0, find_gaps(reader, (0.5, 0.5))) == (None, None)


@pytest.mark.parametrize(
    ("values", "bounds", "warning"),
    [
        (("10", "20", "30", "40"), (10, 20, 40, 60), None),
        (("-5", "0", "2000", "40"), (0, 0, 1000, 40), None),  # cut at the canvas
        (("0", "0", "1000", "800"), None, None),  # all of it
        (("ten", "0", "1", "1"), None, "no numbers"),
        (("0", "0", "0", "40"), None, "outside the slide"),
        (("1000", "0", "10", "40"), None, "outside the slide"),
    ],
)
def test_bounds_that_make_no_sense_are_not_used(
    values: tuple[str, ...], bounds: tuple[int, ...] | None, warning: str | None
) -> None:
    names = ("x", "y", "width", "height")
    properties = {f"openslide.bounds-{name}": value for name, value in zip(names, values, strict=True)}
    found, warnings = parse_bounds(properties, (1000, 800))
    assert found == bounds
    assert (warning is None) == (warnings == ())
    assert warning is None or warning in warnings[0]


def test_no_bounds_are_no_warning() -> None:
    assert parse_bounds({}, (10, 10)) == (None, ())
