"""One suite for both readers: the same pixels, positions, downsamples and scale from the same files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from extract.slides.openslide_reader import OpenSlideReader
from extract.slides.overview import read_field
from extract.slides.reader import RegionError, open_slide
from extract.slides.tiffslide_reader import TiffSlideReader
from feature_cache.errors import SourceError
from tests.extract.slides.pyramids import (
    DEFLATE,
    JPEG_RGB,
    JPEG_YCBCR,
    TILE_PX,
    Codec,
    break_tile,
    colour_noise,
    shrink,
    write_pyramid,
)

HEIGHT, WIDTH = 515, 773  # odd: every coarser level is rounded up


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return colour_noise(HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def pyramid(image: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pyramid(tmp_path_factory.mktemp("tiff") / "slide.tif", image, steps=(1, 2, 4))


class ReaderSuite:
    """What every reader must do; the subclasses name the reader."""

    reader: type[OpenSlideReader] | type[TiffSlideReader]

    def test_level_0_is_the_truth_at_any_position(self, pyramid: Path, image: np.ndarray) -> None:
        with self.reader(pyramid) as slide:
            for x, y, width, height in (
                (0, 0, WIDTH, HEIGHT),
                (127, 130, 3, 251),
                (WIDTH - 1, HEIGHT - 1, 1, 1),
            ):
                pixels = slide.read_region((x, y), 0, (width, height))
                assert pixels.dtype == np.uint8
                assert pixels.flags.c_contiguous
                np.testing.assert_array_equal(pixels, image[y : y + height, x : x + width])

    @pytest.mark.parametrize("steps", [(1, 2, 4), (1, 4, 16)])
    def test_whole_levels_are_the_truth_and_downsamples_are_ratios(
        self, image: np.ndarray, tmp_path: Path, steps: tuple[int, ...]
    ) -> None:
        path = write_pyramid(tmp_path / "slide.tif", image, steps=steps)
        with self.reader(path) as slide:
            assert slide.size_px0 == (WIDTH, HEIGHT)
            assert len(slide.level_downsamples) == len(steps)
            for level, step in enumerate(steps):
                size = slide.level_sizes_px[level]
                assert size == (-(-WIDTH // step), -(-HEIGHT // step))
                mean = (WIDTH / size[0] + HEIGHT / size[1]) / 2
                assert slide.level_downsamples[level] == pytest.approx(mean, rel=1e-9)
                np.testing.assert_array_equal(slide.read_region((0, 0), level, size), shrink(image, step))
            assert slide.level_downsamples[1] != steps[1]  # 1.9952, 3.98: never the whole number

    @pytest.mark.parametrize("codec", [JPEG_RGB, JPEG_YCBCR], ids=["rgb", "ycbcr"])
    def test_jpeg_has_the_right_colours(self, image: np.ndarray, tmp_path: Path, codec: Codec) -> None:
        path = write_pyramid(tmp_path / "slide.tif", image, steps=(1, 2), codec=codec)
        with self.reader(path) as slide:
            for level, step in enumerate((1, 2)):
                pixels = slide.read_region((0, 0), level, slide.level_sizes_px[level])
                gap = pixels.astype(float) - shrink(image, step)
                assert np.abs(gap.mean(axis=(0, 1))).max() < 1.0  # swapped or unconverted colours: tens
                assert np.abs(gap).mean() < 4.0

    @pytest.mark.parametrize("unit", ["centimeter", "inch"])
    def test_scale_comes_from_the_resolution_tag(self, image: np.ndarray, tmp_path: Path, unit: str) -> None:
        path = write_pyramid(tmp_path / "slide.tif", image, mpp=(0.25, 0.2528), unit=unit)
        with self.reader(path) as slide:
            assert slide.mpp == pytest.approx((0.25, 0.2528), rel=1e-4)
            assert slide.mpp_source.startswith("file")
            assert slide.warnings == ()

    def test_72_dpi_is_no_scale(self, image: np.ndarray, tmp_path: Path) -> None:
        path = write_pyramid(tmp_path / "slide.tif", image, mpp=25_400 / 72, unit="inch")
        with self.reader(path) as slide:
            assert slide.mpp is None
            assert slide.warnings == (
                "the file's mpp 352.8 x 352.8 um is outside 0.05 to 20.0 and is not used",
            )

    def test_no_tag_is_no_scale(self, image: np.ndarray, tmp_path: Path) -> None:
        with self.reader(write_pyramid(tmp_path / "slide.tif", image, mpp=None)) as slide:
            assert slide.mpp is None

    @pytest.mark.parametrize(
        ("xy_px0", "level", "size_px"),
        [
            ((-1, 0), 0, (10, 10)),
            ((0, -1), 0, (10, 10)),
            ((0, 0), 0, (WIDTH + 1, 10)),
            ((0, HEIGHT - 9), 0, (10, 10)),
            ((0, 0), 1, (WIDTH // 2 + 2, 10)),
            ((WIDTH, 0), 1, (1, 1)),
            ((0, 0), 0, (0, 10)),
        ],
    )
    def test_nothing_outside_a_level_is_invented(
        self, pyramid: Path, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]
    ) -> None:
        with self.reader(pyramid) as slide, pytest.raises(ValueError, match=f"not within level {level}"):
            slide.read_region(xy_px0, level, size_px)

    def test_the_last_region_of_a_rounded_level_is_readable(self, pyramid: Path, image: np.ndarray) -> None:
        with self.reader(pyramid) as slide:
            for level, step in ((1, 2), (2, 4)):
                width, height = slide.level_sizes_px[level]
                downsample = slide.level_downsamples[level]
                corner = (round((width - 8) * downsample), round((height - 8) * downsample))
                pixels = slide.read_region(corner, level, (8, 8)).astype(float)
                gap = np.abs(pixels - shrink(image, step)[-8:, -8:])
                assert gap.max() < 30  # a region moved by a whole pixel, or padded white, is off by more

    def test_a_field_lies_where_it_should_in_every_level(self, tmp_path: Path) -> None:
        """A picture whose colours are its coordinates: mean colour of a field = where it was read."""
        y, x = np.mgrid[:255, :251].astype(np.uint8)
        coordinates = np.stack([x, y, np.zeros_like(x)], axis=-1)
        path = write_pyramid(tmp_path / "slide.tif", coordinates, steps=(1, 2, 4))
        with self.reader(path) as slide:
            for level in range(3):
                for left, top in ((0.0, 0.0), (37.0, 91.0), (122.0, 127.0), (251 - 64, 255 - 64)):
                    field = read_field(slide, (left, top, left + 64, top + 64), level, (16, 16))
                    centre = field[..., :2].mean(axis=(0, 1)) + 0.5
                    assert np.abs(centre - (left + 32, top + 32)).max() <= 0.5 + 0.1  # 0.1: 8-bit rounding

    def test_a_broken_tile_costs_its_region_alone(self, image: np.ndarray, tmp_path: Path) -> None:
        path = write_pyramid(tmp_path / "slide.tif", image, codec=JPEG_YCBCR)
        with self.reader(path) as slide:
            before = slide.read_region((0, 0), 0, (TILE_PX, TILE_PX))
        break_tile(path, column=2, row=1)
        with self.reader(path) as slide:
            with pytest.raises(
                RegionError, match=r"slide\.tif: expected pixels at \(300, 200\) of level 0"
            ) as caught:
                slide.read_region((300, 200), 0, (10, 10))
            assert self.reader.name in caught.value.got
            np.testing.assert_array_equal(slide.read_region((0, 0), 0, (TILE_PX, TILE_PX)), before)

    def test_bytes_that_are_no_slide_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "slide.tif"
        path.write_bytes(b"IJrE" + bytes(997))
        with pytest.raises(SourceError, match=f"a slide that {self.reader.name} opens"):
            self.reader(path)

    def test_it_says_who_it_is(self, pyramid: Path) -> None:
        with self.reader(pyramid) as slide:
            assert slide.name == self.reader.name
            assert slide.version[0].isdigit()


class TestOpenSlide(ReaderSuite):
    reader = OpenSlideReader


class TestTiffSlide(ReaderSuite):
    reader = TiffSlideReader

    def test_a_part_of_a_pixel_beyond_the_edge_moves_the_region_in(
        self, pyramid: Path, image: np.ndarray
    ) -> None:
        """tiffslide would fill up with pixels that nobody scanned."""
        with self.reader(pyramid) as slide:
            width = slide.level_sizes_px[1][0]
            x_px0 = math.ceil((width - 7.5) * slide.level_downsamples[1])
            pixels = slide.read_region((x_px0, 0), 1, (8, 8))
        np.testing.assert_array_equal(pixels, shrink(image, 2)[:8, -8:])


def test_both_readers_give_the_same_pixels_of_a_jpeg_slide(tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", colour_noise(HEIGHT, WIDTH), steps=(1, 2), codec=JPEG_YCBCR)
    with OpenSlideReader(path) as first, TiffSlideReader(path) as second:
        assert first.level_sizes_px == second.level_sizes_px
        assert first.level_downsamples == pytest.approx(second.level_downsamples, rel=1e-12)
        for level, size in enumerate(first.level_sizes_px):
            np.testing.assert_array_equal(
                first.read_region((0, 0), level, size), second.read_region((0, 0), level, size)
            )


def test_the_door_records_which_reader_it_took(tmp_path: Path, shared_data: Path) -> None:
    generic = write_pyramid(tmp_path / "slide.tif", colour_noise(64, 64), codec=DEFLATE)
    with open_slide(generic) as slide:
        assert slide.name == "openslide"
    with open_slide(shared_data / "slides/ome-tiff/OS-1-detail.ome.tif") as slide:
        assert slide.name == "direct"
        assert slide.mpp == pytest.approx((0.2271, 0.2271), rel=1e-3)


def test_aperio_slides_keep_their_scale_or_have_none(shared_data: Path) -> None:
    with open_slide(shared_data / "slides/cmu-1-small-region/CMU-1-Small-Region.svs") as slide:
        assert (slide.name, slide.size_px0, slide.mpp) == ("direct", (2220, 2967), (0.499, 0.499))
        centre = slide.read_region((2220 // 2 - 64, 2967 // 2 - 64), 0, (128, 128)).mean(axis=(0, 1))
        assert centre == pytest.approx((130.1, 85.8, 128.0), abs=0.05)  # ../shared/data/README.md
    with open_slide(shared_data / "slides/tcga-no-mpp/tcga-cr-7395-01a-01-ts1.svs") as slide:
        assert (slide.name, slide.mpp) == ("openslide", None)
        assert slide.level_downsamples[1] == pytest.approx(2.0005, abs=5e-4)
