"""Every file of the folder of real slides: read right, or refused with the reason. None may be left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from extract.slides.fields import read_field
from extract.slides.grid import Grid, choose_level, usable_downsamples
from extract.slides.reader import open_slide
from extract.slides.resample import area_resize
from extract.slides.scale import decide_scale
from extract.slides.tissue import find_tissue
from feature_cache.errors import SourceError

#: Why what is no slide is refused.
DICOM, KIND, GREY = "got DICOM", "got a file named", r"got 1 channel\(s\) of uint8"
REFUSED = {
    **{f"dicom-pyramid/level-{level}-frames-0-{last}.dcm": DICOM for level, last in enumerate(
        (30, 9, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    )},
    **{f"hs2p-golden/{name}": KIND for name in (
        "mask-visu.jpg", "slide-visu.jpg", "tiling-visu.jpg",
        "test-wsi.coordinates.meta.json", "test-wsi.coordinates.npz",
    )},
    "hs2p-golden/test-mask.tif": GREY,
    "mask-pyramid/no_dzi.tif": GREY,
    "odd/boxes_0.dcm": DICOM,
    "odd/boxes_1.dcm": DICOM,
    "odd/broken.svs": "expected a slide that openslide opens",
    "odd/large_image_grey10kx5k.tif": GREY,
    "odd/large_image_small_la.tiff": r"got 2 channel\(s\) of uint8",
    "odd/large_image_zero_gi.tif": r"\(ImageLength\); got 0",
    **{f"odd/large_image_test_orient{number}.tif": GREY for number in range(9)},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What a slide is, said by other tools."""

    size_px0: tuple[int, int]
    levels: int
    mpp: float | None
    doubt: str = ""


READ = {
    "cmu-1-small-region/CMU-1-Small-Region.svs": Truth(size_px0=(2220, 2967), levels=1, mpp=0.499),
    "tcga-no-mpp/tcga-cr-7395-01a-01-ts1.svs": Truth(size_px0=(4443, 3567), levels=2, mpp=None),
    "ome-tiff/OS-1-detail.ome.tif": Truth(size_px0=(1101, 1101), levels=1, mpp=0.2271),
    "ome-tiff/OS-2-ndpi.ome.tif": Truth(size_px0=(2202, 2202), levels=1, mpp=0.2271),
    "ome-tiff/OS-2-vsi.ome.tif": Truth(size_px0=(1445, 1445), levels=1, mpp=0.3461),
    "odd/boxes.tiff": Truth(size_px0=(300, 250), levels=4, mpp=None, doubt="352.8"),
    "odd/large_image_yb10kx5k.zstd.tiff": Truth(size_px0=(10000, 5000), levels=5, mpp=None, doubt="352.9"),
    "odd/small.svs": Truth(size_px0=(16, 16), levels=1, mpp=0.499),
}


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "slides"


def truth_of(path: Path, region: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """A region of level 0 (x, y, width, height), or all of it: by openslide if it can, else by tifffile."""
    try:
        with openslide.OpenSlide(path) as slide:
            x, y, width, height = region or (0, 0, *slide.dimensions)
            return np.asarray(slide.read_region((x, y), 0, (width, height)).convert("RGB"))
    except openslide.OpenSlideError:
        pixels: np.ndarray = tifffile.imread(path, level=0)
        x, y, width, height = region or (0, 0, pixels.shape[1], pixels.shape[0])
        return pixels[y : y + height, x : x + width]


def test_every_file_is_one_or_the_other(folder: Path) -> None:
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == REFUSED.keys() | READ.keys()


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_no_slide_is_refused_with_the_reason(folder: Path, name: str) -> None:
    with pytest.raises(SourceError, match=REFUSED[name]) as refusal, open_slide(folder / name):
        pass
    assert refusal.value.where == Path(name).name
    assert refusal.value.remedy


@pytest.mark.parametrize("name", READ)
def test_a_slide_is_read_right(folder: Path, name: str) -> None:
    truth = READ[name]
    with open_slide(folder / name) as slide:
        assert slide.size_px0 == truth.size_px0
        assert len(slide.level_sizes_px) == truth.levels
        assert not [level for level in usable_downsamples(slide) if level == np.inf]
        for size, downsample in zip(slide.level_sizes_px, slide.level_downsamples, strict=True):
            assert downsample == pytest.approx(truth.size_px0[0] / size[0], rel=0.01)
        width, height = (min(512, side) for side in slide.size_px0)
        far_x, far_y = slide.size_px0[0] - width, slide.size_px0[1] - height
        for x, y in ((0, 0), (far_x // 2, far_y // 2), (far_x, far_y)):
            pixels = slide.read_region((x, y), 0, (width, height))
            np.testing.assert_array_equal(pixels, truth_of(folder / name, (x, y, width, height)))
        if truth.mpp is None:
            assert slide.mpp is None
            assert truth.doubt in " ".join(slide.warnings)
            with pytest.raises(SourceError, match="that can be trusted"):
                decide_scale(name, slide.mpp, slide.mpp_source, None, slide.warnings)
        else:
            assert slide.mpp == pytest.approx((truth.mpp, truth.mpp), abs=1e-4)


@pytest.mark.parametrize("name", [name for name, truth in READ.items() if truth.mpp and "small." not in name])
@pytest.mark.parametrize("target_mpp", [0.5, 0.93])
def test_tiles_are_the_area_that_they_say(folder: Path, name: str, target_mpp: float) -> None:
    whole = truth_of(folder / name)
    with open_slide(folder / name) as slide:
        assert slide.mpp is not None
        grid = Grid(slide_size_px0=slide.size_px0, mpp=slide.mpp, target_mpp=target_mpp, tile_px=224)
        level = choose_level(name, usable_downsamples(slide), grid.wanted_downsample)
        positions = grid.positions_px0()
        assert len(positions) == grid.counts[0] * grid.counts[1] > 0
        for x, y in positions[[0, len(positions) // 2, -1]].tolist():
            box = grid.box_px0((x, y))
            assert (box[2] - box[0]) * slide.mpp[0] == pytest.approx(224 * target_mpp, abs=0.5 * slide.mpp[0])
            tile = read_field(slide, box, level, (224, 224))
            np.testing.assert_array_equal(tile, area_resize(whole, box, (224, 224)))


def test_the_same_slide_with_ycbcr_called_rgb_is_ink_and_glass_alone(folder: Path) -> None:
    """The DICOM pyramid holds this slide so; even where it came as a TIFF, no tile of it would be tissue."""
    whole = truth_of(folder / "cmu-1-small-region/CMU-1-Small-Region.svs")
    small = area_resize(whole, (0, 0, 2208, 2960), (138, 185))  # 8 um pixels
    mislabelled = np.asarray(Image.fromarray(small).convert("YCbCr"))
    with openslide.OpenSlide(folder / "dicom-pyramid/level-0-frames-0-30.dcm") as dicom:
        as_shown = np.asarray(dicom.read_region((1046, 1419), 0, (128, 128)).convert("RGB"))
    assert np.abs(as_shown.mean(axis=(0, 1)) - (103.9, 141.6, 146.7)).max() < 0.1
    assert find_tissue(small, 64.0).mean() > 0.3
    assert find_tissue(mislabelled, 64.0).mean() < 0.01
