"""The format decides the reader, and what cannot be used is refused by name with a remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from extract.slides.formats import SCANNER_SUFFIXES, find_format
from extract.slides.openslide_reader import OpenSlideReader
from extract.slides.reader import open_slide
from feature_cache.errors import SourceError
from tests.extract.slides.jpeg_slides import Layout, change_tile, write_jpeg_slide
from tests.extract.slides.pyramids import JPEG_YCBCR, colour_noise, write_pyramid


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        find_format(path)
    return str(caught.value)


def write_tiff(path: Path, pixels: np.ndarray, **options: object) -> Path:
    tifffile.imwrite(path, pixels, **{"photometric": "rgb", "metadata": None, **options})
    return path


@pytest.mark.parametrize("suffix", sorted(SCANNER_SUFFIXES - {".mrxs"}))
def test_scanner_formats_are_openslides(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"SLIDE{suffix.upper()}"
    path.write_bytes(b"anything")
    assert find_format(path).reader == "openslide"


@pytest.mark.parametrize(
    ("options", "reader"),
    [
        ({"tile": (128, 128), "compression": "adobe_deflate"}, "openslide"),
        ({"tile": (128, 128), "compression": "jpeg"}, "direct"),
        ({"tile": (128, 128), "compression": "lzw"}, "openslide"),
        ({"tile": (128, 128), "compression": "zstd"}, "openslide"),
        ({"tile": (128, 128), "compression": "jpeg2000"}, "tiffslide"),
        ({"compression": "adobe_deflate"}, "tiffslide"),  # strips
    ],
)
def test_a_tiff_is_the_direct_readers_or_openslides_where_libtiff_can(
    tmp_path: Path, options: dict[str, object], reader: str
) -> None:
    path = write_tiff(tmp_path / "slide.tif", colour_noise(200, 300), **options)
    assert find_format(path).reader == reader
    with open_slide(path) as slide:  # and that reader does open it
        assert slide.size_px0 == (300, 200)


@pytest.mark.parametrize(
    ("software", "reader"),
    [("Philips DP v1.0", "openslide"), ("MedScan", "openslide"), ("tifffile", "direct")],
)
def test_vendors_with_rules_of_their_own_are_openslides(tmp_path: Path, software: str, reader: str) -> None:
    options = {"tile": (128, 128), "compression": "jpeg", "software": software}
    assert find_format(write_tiff(tmp_path / "slide.tif", colour_noise(200, 300), **options)).reader == reader


@pytest.mark.parametrize(
    ("tag", "reader"),
    [
        ((65420, "I", 1, 1, True), "openslide"),  # a Hamamatsu slide under another name
        ((700, "s", 0, "<iScan Magnification='20'/>", True), "openslide"),  # a Ventana slide
        ((700, "s", 0, "<scan/>", True), "direct"),
    ],
)
def test_vendors_are_known_by_their_tags(tmp_path: Path, tag: tuple[object, ...], reader: str) -> None:
    options = {"tile": (128, 128), "compression": "jpeg", "extratags": [tag]}
    assert find_format(write_tiff(tmp_path / "slide.tif", colour_noise(200, 300), **options)).reader == reader


def test_an_ome_tiff_of_several_planes_is_not_the_direct_readers(tmp_path: Path) -> None:
    planes = np.stack([colour_noise(128, 128)] * 2)
    options = {"tile": (128, 128), "compression": "jpeg", "metadata": {"axes": "ZYXS"}}
    assert find_format(write_tiff(tmp_path / "slide.ome.tif", planes, **options)).reader == "tiffslide"


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("name", ["slide.svs", "slide.tif"])
def test_an_aperio_slide_with_tiles_left_out_is_openslides(tmp_path: Path, name: str, level: int) -> None:
    """What Aperio left out openslide draws from the finer level, and what was made of it too."""
    image = np.repeat(np.repeat(colour_noise(40, 60), 16, axis=0), 16, axis=1)
    path = write_jpeg_slide(tmp_path / name, image, Layout(), steps=(1, 2), description="Aperio v1|MPP = 0.5")
    with open_slide(path) as slide:
        assert (slide.name, slide.warnings, slide.has_gaps) == ("direct", (), False)
        before = slide.read_region((0, 0), 1, (480, 320)).astype(int)
    change_tile(path, 6, lambda _: b"", level)
    with open_slide(path) as slide:
        assert (slide.name, slide.has_gaps) == ("openslide", True)
        assert slide.warnings == ("1 TIFF tiles have no data: openslide shows what finer levels have there",)
        scanned = slide.read_scanned((0, 0), 1, (480, 320))
        assert scanned.sum() == 480 * 320 - (64 * 64 if level == 0 else 0)
        after = slide.read_region((0, 0), 1, (480, 320)).astype(int)
        assert np.abs(after - before)[scanned].mean() < 3


def test_one_level_of_another_compression_is_openslides(tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", colour_noise(300, 400), steps=(1, 2), codec=JPEG_YCBCR)
    assert find_format(path).reader == "direct"
    with tifffile.TiffWriter(path, append=True) as writer:
        options = {"tile": (64, 64), "photometric": "rgb", "subfiletype": 1, "metadata": None}
        writer.write(colour_noise(75, 100), **options)
    assert find_format(path).reader == "openslide"


@pytest.mark.parametrize("name", ["slide.ome.tif", "SLIDE.OME.TIFF"])
def test_ome_tiff_is_tiffslides(tmp_path: Path, name: str) -> None:
    assert find_format(write_pyramid(tmp_path / name, colour_noise(64, 64))).reader == "tiffslide"


def test_ome_tiff_is_known_by_its_content_too(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, colour_noise(64, 64), photometric="rgb", tile=(64, 64), ome=True)
    assert find_format(path).reader == "tiffslide"


def test_a_mirax_slide_with_its_folder_is_openslides(tmp_path: Path) -> None:
    (tmp_path / "a.mrxs").write_bytes(b"")
    (tmp_path / "a").mkdir()
    assert find_format(tmp_path / "a.mrxs").reader == "openslide"


def test_an_orphan_mirax_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mrxs").write_bytes(b"")
    assert refusal(tmp_path / "a.mrxs") == (
        "a.mrxs: expected the folder a with the pixels beside the .mrxs file; got the .mrxs file alone. "
        "Copy the folder of the same name too."
    )


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.svs") == (
        "a.svs: expected a slide file; got no such file. Mend the path in slides.csv, or the root."
    )


def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    assert refusal(tmp_path / "a.png") == (
        "a.png: expected one of "
        ".bif, .btf, .mrxs, .ndpi, .scn, .svs, .svslide, .tf8, .tif, .tiff, .vms, .vmu; "
        "got a file named *.png. Convert it to a pyramidal TIFF."
    )


@pytest.mark.parametrize("name", ["slide.dcm", "slide.tif", "slide"])
def test_dicom_is_refused_under_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(bytes(128) + b"DICM" + bytes(64))
    text = refusal(tmp_path / name)
    assert text.startswith(f"{name}: expected a slide in TIFF or a scanner's own format; got DICOM. ")
    assert "YCbCr frames as RGB" in text


def test_grey_and_deep_tiffs_are_refused(tmp_path: Path) -> None:
    grey = write_tiff(tmp_path / "grey.tif", np.zeros((64, 64), np.uint8), photometric="minisblack")
    assert "expected 8-bit RGB; got 1 channel(s) of uint8. A mask belongs into mask_path" in refusal(grey)
    deep = write_tiff(tmp_path / "deep.tif", np.zeros((64, 64, 3), np.uint16))
    assert "got 3 channel(s) of uint16" in refusal(deep)


def test_a_compression_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "slide.tif", colour_noise(64, 64), tile=(64, 64))
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["Compression"].overwrite(999)
    assert "expected a compression that TIFF knows (Compression); got Compression 999." in refusal(path)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"\x89PNG and no TIFF at all"])
def test_a_tiff_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    assert "a.tif: expected a TIFF file; got bytes that are none" in refusal(tmp_path / "a.tif")


def test_an_orientation_tag_is_warned_of(tmp_path: Path) -> None:
    turned = write_tiff(
        tmp_path / "slide.tif", colour_noise(64, 64), tile=(64, 64), extratags=[(274, "H", 1, 6, True)]
    )
    assert find_format(turned).warnings == ("orientation tag 6 is ignored: tiles may be mirrored or turned",)


@pytest.mark.parametrize(
    ("name", "got"),
    [
        ("large_image_zero_gi.tif", r"\(ImageLength\); got 0"),
        ("large_image_grey10kx5k.tif", "1 channel"),
        ("large_image_small_la.tiff", "2 channel"),
        ("large_image_test_orient3.tif", "1 channel"),
        ("boxes_0.dcm", "DICOM"),
        ("broken.svs", "a slide that openslide opens"),
    ],
)
def test_real_odd_files_are_refused(shared_data: Path, name: str, got: str) -> None:
    with pytest.raises(SourceError, match=got), open_slide(shared_data / "slides/odd" / name):
        pass


@pytest.mark.parametrize("member", ["level-0-frames-0-30.dcm", "level-11-frames-0-1.dcm"])
def test_a_dicom_pyramid_in_wrong_colours_is_refused(shared_data: Path, member: str) -> None:
    assert "got DICOM" in refusal(shared_data / "slides/dicom-pyramid" / member)


@pytest.mark.parametrize(
    ("name", "reader"),
    [("boxes.tiff", "openslide"), ("large_image_yb10kx5k.zstd.tiff", "openslide"), ("small.svs", "direct")],
)
def test_real_odd_files_that_are_slides_open(shared_data: Path, name: str, reader: str) -> None:
    with open_slide(shared_data / "slides/odd" / name) as slide:
        assert slide.name == reader
        pixels = slide.read_region((0, 0), 0, (8, 8))
    with OpenSlideReader(shared_data / "slides/odd" / name) as other:
        np.testing.assert_array_equal(pixels, other.read_region((0, 0), 0, (8, 8)))
