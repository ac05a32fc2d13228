"""The direct reader against openslide and tiffslide: the same pixels and scale, and damage told by name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from extract.slides.direct_reader import DirectReader
from extract.slides.openslide_reader import OpenSlideReader
from extract.slides.reader import RegionError, open_slide
from extract.slides.tiffslide_reader import TiffSlideReader
from feature_cache.errors import SourceError
from tests.extract.slides.jpeg_slides import LAYOUTS, Layout, change_tile, write_jpeg_slide
from tests.extract.slides.pyramids import DEFLATE, colour_noise, write_pyramid

HEIGHT, WIDTH = 512, 768
REGIONS = ((0, 0, WIDTH, HEIGHT), (128, 256, 128, 128), (100, 60, 300, 310), (WIDTH - 1, HEIGHT - 1, 1, 1))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return colour_noise(HEIGHT, WIDTH)


@pytest.fixture
def slide_path(image: np.ndarray, tmp_path: Path) -> Path:
    return write_jpeg_slide(tmp_path / "slide.tif", image, Layout())


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_it_shows_what_openslide_shows(image: np.ndarray, tmp_path: Path, layout: Layout) -> None:
    path = write_jpeg_slide(tmp_path / "slide.tif", image, layout, steps=(1, 2, 4))
    with DirectReader(path) as direct, OpenSlideReader(path) as other:
        assert direct.warnings == other.warnings == ()
        assert direct.level_sizes_px == other.level_sizes_px
        assert direct.level_downsamples == other.level_downsamples == (1.0, 2.0, 4.0)
        for level, step in enumerate((1, 2, 4)):
            for x, y, width, height in REGIONS:
                place = (x // step * step, y // step * step)
                size = (max(1, width // step), max(1, height // step))
                pixels = direct.read_region(place, level, size)
                assert pixels.flags.c_contiguous
                np.testing.assert_array_equal(pixels, other.read_region(place, level, size))


def test_edges_of_odd_sizes_are_openslides(tmp_path: Path) -> None:
    path = write_jpeg_slide(tmp_path / "slide.tif", colour_noise(515, 773), Layout())
    with DirectReader(path) as direct, OpenSlideReader(path) as other:
        for x, y, width, height in ((0, 0, 773, 515), (700, 500, 73, 15), (772, 514, 1, 1)):
            np.testing.assert_array_equal(
                direct.read_region((x, y), 0, (width, height)), other.read_region((x, y), 0, (width, height))
            )


def test_levels_of_rounded_sizes_are_openslides(tmp_path: Path) -> None:
    path = write_jpeg_slide(tmp_path / "slide.tif", colour_noise(515, 773), Layout(), steps=(1, 2, 4))
    with DirectReader(path) as direct, OpenSlideReader(path) as other:
        assert direct.level_downsamples == pytest.approx(other.level_downsamples, rel=1e-12)
        for level, size in enumerate(other.level_sizes_px):
            np.testing.assert_array_equal(
                direct.read_region((0, 0), level, size), other.read_region((0, 0), level, size)
            )


@pytest.mark.parametrize("unit", ["centimeter", "inch", "none"])
def test_the_scale_is_openslides(image: np.ndarray, tmp_path: Path, unit: str) -> None:
    path = write_jpeg_slide(
        tmp_path / "slide.tif", image, Layout(), resolution=(40_123.4, 39_000), resolutionunit=unit
    )
    with DirectReader(path) as direct, OpenSlideReader(path) as other:
        assert direct.mpp_source == other.mpp_source == "file (generic-tiff metadata)"
        if unit == "none":
            assert direct.mpp is other.mpp is None
        else:
            assert direct.mpp == pytest.approx(other.mpp, rel=1e-6)  # openslide's are float32


@pytest.mark.parametrize(
    "said", ["MPP = 0.4990", "MPP=0.25", "MPP = 0,4990", "MPP = 0.5|MPP = 0.3", "mpp = 1"]
)
def test_an_aperio_scale_is_openslides(image: np.ndarray, tmp_path: Path, said: str) -> None:
    description = f"Aperio Image Library v11|{said}|AppMag = 20"
    path = write_jpeg_slide(tmp_path / "slide.svs", image, Layout(), description=description)
    with DirectReader(path) as direct, OpenSlideReader(path) as other:
        assert direct.mpp == other.mpp
        assert (direct.mpp is None) == said.startswith("mpp")


def test_a_picture_beside_the_slide_is_no_level(image: np.ndarray, tmp_path: Path) -> None:
    path = write_jpeg_slide(tmp_path / "slide.tif", image, Layout(), steps=(1, 2))
    with tifffile.TiffWriter(path, append=True) as writer:
        options = {"photometric": "rgb", "compression": "jpeg", "metadata": None}
        writer.write(image[:128, :192], tile=(128, 128), **options)
    with DirectReader(path) as direct, OpenSlideReader(path) as other:
        assert direct.level_sizes_px == other.level_sizes_px == ((768, 512), (384, 256))


def test_a_resolution_over_zero_is_no_scale(image: np.ndarray, tmp_path: Path) -> None:
    path = write_jpeg_slide(tmp_path / "slide.tif", image, Layout())
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["XResolution"].overwrite((1, 0))
    with DirectReader(path) as slide:
        assert slide.mpp is None


def test_a_real_aperio_slide_is_openslides(shared_data: Path) -> None:
    path = shared_data / "slides/cmu-1-small-region/CMU-1-Small-Region.svs"
    with open_slide(path) as direct, OpenSlideReader(path) as other:
        assert direct.name == "direct"
        for fact in ("size_px0", "level_sizes_px", "level_downsamples", "mpp", "mpp_source", "warnings"):
            assert getattr(direct, fact) == getattr(other, fact)
        np.testing.assert_array_equal(
            direct.read_region((0, 0), 0, direct.size_px0), other.read_region((0, 0), 0, direct.size_px0)
        )


@pytest.mark.parametrize("name", ["OS-1-detail", "OS-2-ndpi", "OS-2-vsi"])
def test_a_real_ome_tiff_is_tiffslides(shared_data: Path, name: str) -> None:
    path = shared_data / f"slides/ome-tiff/{name}.ome.tif"
    with open_slide(path) as direct, TiffSlideReader(path) as other:
        assert direct.name == "direct"
        for fact in ("size_px0", "level_sizes_px", "level_downsamples", "mpp", "mpp_source"):
            assert getattr(direct, fact) == getattr(other, fact)
        assert direct.warnings == (
            "level 0 is tagged RGB, but its JPEG tiles say that they are YCbCr, which is believed",
        )
        np.testing.assert_array_equal(
            direct.read_region((0, 0), 0, direct.size_px0), other.read_region((0, 0), 0, direct.size_px0)
        )


def test_colours_that_tag_and_markers_tell_differently_are_the_markers(
    image: np.ndarray, slide_path: Path
) -> None:
    """A TIFF whose YCbCr is labelled RGB: openslide shows pink for what is green."""
    with DirectReader(slide_path) as slide:
        before = slide.read_region((0, 0), 0, (WIDTH, HEIGHT))
    with tifffile.TiffFile(slide_path, mode="r+b") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(2)
    with DirectReader(slide_path) as slide:
        assert "tagged RGB, but its JPEG tiles say that they are YCbCr" in slide.warnings[0]
        np.testing.assert_array_equal(slide.read_region((0, 0), 0, (WIDTH, HEIGHT)), before)
    with OpenSlideReader(slide_path) as other:
        assert np.abs(other.read_region((0, 0), 0, (WIDTH, HEIGHT)).astype(int) - before).mean() > 10


@pytest.mark.parametrize(
    "where", [(-1, 0, 10, 10), (0, 0, WIDTH + 1, 10), (0, HEIGHT - 9, 10, 10), (0, 0, 0, 1)]
)
def test_nothing_outside_is_invented(slide_path: Path, where: tuple[int, int, int, int]) -> None:
    x, y, width, height = where
    with DirectReader(slide_path) as slide, pytest.raises(ValueError, match="not within level 0"):
        slide.read_region((x, y), 0, (width, height))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[: len(data) // 2], "truncated JPEG data"),
        (
            lambda data: data.replace(b"\xff\xc0", b"\xff\xc3"),  # a frame of another kind
            "damaged JPEG data",
        ),
        (lambda data: bytes(len(data)), "no JPEG data"),
        (lambda data: data[:1], "no JPEG data"),
    ],
    ids=["cut", "frame", "zeros", "one-byte"],
)
def test_a_damaged_tile_costs_its_region_alone(slide_path: Path, change: object, reason: str) -> None:
    with DirectReader(slide_path) as slide:
        before = slide.read_region((256, 0), 0, (512, 512))
    change_tile(slide_path, 7, change)  # type: ignore[arg-type]
    with DirectReader(slide_path) as slide:
        with pytest.raises(RegionError, match=rf"pixels at \(200, 200\) of level 0; got direct: {reason}\."):
            slide.read_region((200, 200), 0, (10, 10))
        np.testing.assert_array_equal(slide.read_region((256, 0), 0, (512, 512)), before)


def test_a_tile_of_another_size_is_refused(image: np.ndarray, slide_path: Path, tmp_path: Path) -> None:
    small = write_jpeg_slide(tmp_path / "small.tif", image[:64, :64], Layout(tile_px=(64, 64)))
    with tifffile.TiffFile(small) as file:
        page = file.pages.first
        data = small.read_bytes()[page.dataoffsets[0] :][: page.databytecounts[0]]
    change_tile(slide_path, 0, lambda _: data)
    with DirectReader(slide_path) as slide, pytest.raises(RegionError, match="another size than the tile's"):
        slide.read_region((0, 0), 0, (10, 10))


def test_a_tile_of_another_size_is_refused_though_it_shrinks_to_the_right_one(
    image: np.ndarray, tmp_path: Path
) -> None:
    path = write_jpeg_slide(tmp_path / "slide.tif", image, Layout())
    small = write_jpeg_slide(tmp_path / "small.tif", image[:64, :64], Layout(tile_px=(64, 64)))
    with tifffile.TiffFile(small) as file:
        page = file.pages.first
        data = small.read_bytes()[page.dataoffsets[0] :][: page.databytecounts[0]]
    change_tile(path, 0, lambda _: data)
    boxes = np.array([[0.0, 0.0, 128.0, 128.0], [128.0, 0.0, 256.0, 128.0]])
    with DirectReader(path) as slide:
        found = list(slide.read_fields(boxes, 0, (64, 64), "jpeg", 2))
    assert [failure for batch in found for failure in batch.failed] == [
        (0, "JPEG data of another size than the tile's")
    ]
    assert [row for batch in found for row in batch.rows.tolist()] == [1]


def test_an_rgb_tag_on_colours_stored_as_ycbcr_is_a_doubt(image: np.ndarray, tmp_path: Path) -> None:
    path = write_jpeg_slide(tmp_path / "slide.tif", image, Layout(tables=True))
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(2)
    with DirectReader(path) as slide:
        assert slide.warnings == (
            "level 0 is tagged RGB, but its colours are stored as YCbCr's are (420): look at them",
        )


def test_a_file_that_ends_before_its_tiles_says_so(slide_path: Path) -> None:
    with tifffile.TiffFile(slide_path, mode="r+b") as file:
        tag = file.pages.first.tags["TileOffsets"]
        tag.overwrite([*tag.value[:-1], slide_path.stat().st_size - 10])
    with DirectReader(slide_path) as slide:
        with pytest.raises(RegionError, match="truncated JPEG data: the file ends before"):
            slide.read_region((WIDTH - 9, HEIGHT - 9), 0, (9, 9))
        slide.read_region((0, 0), 0, (128, 128))


def test_a_byte_count_that_cannot_be_true_allocates_nothing(slide_path: Path) -> None:
    with tifffile.TiffFile(slide_path, mode="r+b") as file:
        tag = file.pages.first.tags["TileByteCounts"]
        tag.overwrite([60_000 * 3, *tag.value[1:]])
    with DirectReader(slide_path) as slide, pytest.raises(RegionError, match="larger than its pixels"):
        slide.read_region((0, 0), 0, (9, 9))


def test_what_was_never_scanned_is_openslides_white_and_told(slide_path: Path) -> None:
    change_tile(slide_path, 1, lambda _: b"")
    with DirectReader(slide_path) as slide, OpenSlideReader(slide_path) as other:
        assert slide.warnings == ("1 of 24 TIFF tiles of level 0 were never scanned",)
        assert slide.has_gaps
        region = ((100, 100), 0, (200, 100))
        pixels = slide.read_region(*region)
        np.testing.assert_array_equal(pixels, other.read_region(*region))
        scanned = slide.read_scanned(*region)
        assert (pixels[~scanned] == 255).all()
        assert scanned.sum() == 200 * 100 - 128 * 28
        np.testing.assert_array_equal(scanned, other.read_scanned(*region))


def test_threads_share_a_reader(slide_path: Path) -> None:
    with DirectReader(slide_path) as slide, ThreadPoolExecutor(4) as pool:
        whole = slide.read_region((0, 0), 0, (WIDTH, HEIGHT))
        places = [(x, y) for y in range(0, HEIGHT - 64, 16) for x in range(0, WIDTH - 64, 16)]
        for (x, y), found in zip(
            places, pool.map(lambda place: slide.read_region(place, 0, (64, 64)), places), strict=True
        ):
            np.testing.assert_array_equal(found, whole[y : y + 64, x : x + 64])


def test_another_layout_is_refused(image: np.ndarray, tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", image, codec=DEFLATE)
    with pytest.raises(SourceError, match="a slide that direct opens"):
        DirectReader(path)


def test_a_closed_reader_reads_nothing(slide_path: Path) -> None:
    with DirectReader(slide_path) as slide:
        pass
    with pytest.raises(ValueError, match="closed file"):
        slide.read_region((0, 0), 0, (9, 9))
