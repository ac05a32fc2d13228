"""The whole slide, small: exact means whatever the blocks, and honest about what cannot be decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.slides import overview
from extract.slides.openslide_reader import OpenSlideReader
from extract.slides.overview import read_field, read_overview
from extract.slides.reader import RegionError, RgbImage, open_slide
from extract.slides.resample import area_resize
from tests.extract.slides.pyramids import (
    JPEG_YCBCR,
    break_tile,
    colour_noise,
    write_pyramid,
)

HEIGHT, WIDTH = 600, 900


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return colour_noise(HEIGHT, WIDTH)


def whole(image: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    return area_resize(image, (0, 0, WIDTH, HEIGHT), size_px)


@pytest.mark.parametrize("block_px", [2048, 250, 77])
@pytest.mark.parametrize("size_px", [(90, 60), (133, 89), (900, 600)])
def test_it_is_the_mean_of_level_0_whatever_the_blocks(
    image: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    block_px: int,
    size_px: tuple[int, int],
) -> None:
    monkeypatch.setattr(overview, "_BLOCK_PX", block_px)
    with open_slide(write_pyramid(tmp_path / "slide.tif", image)) as slide:
        found = read_overview(slide, size_px)
    assert found.readable.all()
    # float32 sums of another block may tip a mean that lies at a half
    gap = np.abs(found.rgb.astype(int) - whole(image, size_px))
    assert gap.max() <= 1
    assert (gap > 0).mean() < 1e-3


def test_the_coarsest_level_that_will_do_is_read(image: np.ndarray, tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", image, steps=(1, 4, 10))
    with open_slide(path) as slide:
        found = read_overview(slide, (90, 60))
        np.testing.assert_array_equal(found.rgb, slide.read_region((0, 0), 2, (90, 60)))


def test_what_cannot_be_decoded_is_grey_and_said_to_be(image: np.ndarray, tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", image, codec=JPEG_YCBCR)
    with open_slide(path) as slide:
        before = read_overview(slide, (225, 150))
    break_tile(path, column=2, row=1)  # level-0 pixels 256 to 384, 128 to 256: 64 to 96, 32 to 64 here
    with open_slide(path) as slide:
        after = read_overview(slide, (225, 150))
    assert not after.readable[32:64, 64:96].any()
    assert (after.rgb[~after.readable] == 128).all()
    np.testing.assert_array_equal(after.rgb[after.readable], before.rgb[after.readable])
    # no more is lost than a grain around it
    lost = np.argwhere(~after.readable)
    assert lost.min(axis=0).tolist() >= [28, 60]
    assert lost.max(axis=0).tolist() <= [67, 99]


def test_what_one_level_lost_a_finer_one_has(image: np.ndarray, tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", image, steps=(1, 4), codec=JPEG_YCBCR)
    break_tile(path, column=0, row=0, level=1)
    with open_slide(path) as slide:
        found = read_overview(slide, (225, 150))
    assert found.readable.all()
    assert np.abs(found.rgb.astype(float) - whole(image, (225, 150))).mean() < 6  # JPEG


class Lost(OpenSlideReader):
    """A slide of which nothing can be decoded; counts how often that was tried."""

    tries = 0

    def read_region(self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]) -> RgbImage:
        self.tries += 1
        raise RegionError("slide", expected="pixels", got="none", remedy="Copy it again.")


def test_a_slide_that_is_lost_is_given_up_on(image: np.ndarray, tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", image, steps=(1, 2))
    with Lost(path) as slide:
        found = read_overview(slide, (900, 600))
    assert not found.readable.any()
    assert slide.tries < 1500  # in grains of 4 px it would be 33,750


def test_a_field_across_levels_is_the_same_field(tmp_path: Path) -> None:
    """A lossless level of even sizes is the exact mean, so a field of it is what level 0 gives."""
    picture = colour_noise(512, 512)
    with open_slide(write_pyramid(tmp_path / "slide.tif", picture, steps=(1, 2, 4))) as slide:
        box = (64.0, 32.0, 64 + 256.0, 32 + 256.0)
        fields = [read_field(slide, box, level, (64, 64)).astype(int) for level in range(3)]
    assert np.abs(fields[1] - fields[0]).max() <= 1  # twice rounded
    assert np.abs(fields[2] - fields[0]).max() <= 1
