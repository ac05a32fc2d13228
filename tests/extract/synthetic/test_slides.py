from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from extract.synthetic import nuclei
from extract.synthetic.slide_layout import HAZARDOUS_SHARE, SlideLayout, draw_layout, hazardous_tiles
from extract.synthetic.slide_painter import paint_slide
from extract.synthetic.streams import stream
from extract.synthetic.tumour import SlidePlan, draw_tumour


def slides(written: Any) -> list[Any]:
    return sorted(path for path in written.root.rglob("*.tif") if not path.stem.endswith("_tissue"))


def test_openslide_and_tiffslide_open_three_levels_of_a_quarter_micrometre(chimera: Any) -> None:
    import openslide
    import tiffslide

    path = slides(chimera)[0]
    with openslide.OpenSlide(path) as slide:
        assert slide.level_count == 3
        assert slide.level_downsamples == (1.0, 2.0, 4.0)
        assert float(slide.properties["openslide.mpp-x"]) == 0.25
        assert float(slide.properties["openslide.mpp-y"]) == 0.25
        theirs = np.asarray(slide.read_region((1000, 1200), 1, (200, 100)))[..., :3]
    with tiffslide.TiffSlide(path) as slide:
        assert slide.level_downsamples == (1.0, 2.0, 4.0)
        assert slide.properties["tiffslide.mpp-x"] == 0.25
        ours = np.asarray(slide.read_region((1000, 1200), 1, (200, 100)))[..., :3]
    # The two decoders round chroma differently, by a level or two.
    assert np.abs(theirs.astype(int) - ours.astype(int)).mean() < 2


def test_levels_show_the_same_place(chimera: Any) -> None:
    import openslide

    with openslide.OpenSlide(slides(chimera)[0]) as slide:
        fine = slide.read_region((512, 1024), 0, (1024, 1024)).convert("RGB").reduce(4)
        coarse = slide.read_region((512, 1024), 2, (256, 256)).convert("RGB")
        shifted = slide.read_region((520, 1024), 2, (256, 256)).convert("RGB")
    apart = [np.abs(np.asarray(fine, dtype=float) - np.asarray(v)).mean() for v in (coarse, shifted)]
    assert apart[0] < 0.5 * apart[1]  # JPEG alone differs; two pixels aside differ much more


def test_the_tissue_mask_is_zero_and_one_on_its_own_spacing(chimera: Any) -> None:
    import openslide
    import tifffile

    path = slides(chimera)[0]
    with openslide.OpenSlide(path.with_name(f"{path.stem}_tissue.tif")) as mask:
        assert float(mask.properties["openslide.mpp-x"]) == 4.0
        assert mask.dimensions == (192, 192)
    tissue = tifffile.imread(path.with_name(f"{path.stem}_tissue.tif"))
    assert set(np.unique(tissue)) == {0, 1}
    assert 0.5 < tissue.mean() < 0.7
    with openslide.OpenSlide(path) as slide:
        view = np.asarray(slide.get_thumbnail((192, 192)).convert("RGB"), dtype=float)
    saturation = view.max(axis=2) - view.min(axis=2)
    assert saturation[tissue == 1].mean() > 3 * np.median(saturation[tissue == 0])


def test_hazardous_tiles_are_darker_than_the_other_tissue(chimera: Any) -> None:
    import openslide
    import tifffile

    gaps = []
    for path in slides(chimera):
        truth = chimera.truth["hazardous_tiles"][path.stem]
        side = truth["tile_px0"]
        assert side == 512
        hazardous = {tuple(xy) for xy in truth["xy_px0"]}
        tissue = tifffile.imread(path.with_name(f"{path.stem}_tissue.tif"))
        darkness: dict[bool, list[float]] = {True: [], False: []}
        with openslide.OpenSlide(path) as slide:
            for x in range(0, 3072, side):
                for y in range(0, 3072, side):
                    if tissue[y // 16 : (y + side) // 16, x // 16 : (x + side) // 16].mean() < 0.9:
                        continue
                    tile = np.asarray(slide.read_region((x, y), 2, (side // 4, side // 4)).convert("RGB"))
                    # Red light is absorbed by haematoxylin and hardly by eosin.
                    darkness[(x, y) in hazardous].append(float(-np.log((tile[..., 0] + 1.0) / 256).mean()))
        if darkness[True] and darkness[False]:
            gaps.append(np.mean(darkness[True]) - np.mean(darkness[False]))
    assert len(gaps) >= 4
    assert min(gaps) > 0.0


def test_the_layout_keeps_the_burden_to_one_cell() -> None:
    for number, burden in enumerate((0.05, 0.4, 0.8)):
        layout = draw_layout(96, burden, stream(1, "layout", number))
        assert layout.tumour.sum() == pytest.approx(burden * layout.tissue.sum(), abs=1.5)
        assert not (layout.tumour & ~layout.tissue).any()


def test_hazardous_tiles_are_those_mostly_covered_by_tumour() -> None:
    tumour = np.zeros((40, 48), dtype=bool)  # 16 cells a tile: 2 whole rows, 3 columns
    tumour[0:16, 16:32] = True
    tumour[16:24, 32:48] = True  # exactly half
    tumour[16:23, 0:16] = True  # less than half
    tumour[32:40, :] = True  # a tile that leaves the slide
    assert HAZARDOUS_SHARE == 0.5
    tiles = hazardous_tiles(SlideLayout(tissue=np.ones_like(tumour), tumour=tumour))
    assert tiles.tolist() == [[512, 0], [1024, 512]]


def test_mean_nuclear_area_tells_burden_and_grade() -> None:
    """The reference oracle reads burden and grade; one simple number per slide must nearly do the same."""
    area, z = [], []
    for number in range(12):
        tumour = draw_tumour(stream(3, "tumour", number))
        painted = paint_slide(tumour.slides[0], stream(3, "slide 1", number))
        tissue = np.kron(painted.layout.tissue, np.ones((16, 16), dtype=bool))
        area.append((painted.rgb[..., 0][tissue] < 167).mean())
        z.append(tumour.reading.z)
    assert np.corrcoef(area, z)[0, 1] > 0.85


def test_grade_makes_nuclei_larger_and_darker() -> None:
    low = paint_slide(SlidePlan(burden=0.6, grade=0.05), stream(4, "slide"))
    high = paint_slide(SlidePlan(burden=0.6, grade=0.95), stream(4, "slide"))
    inside = np.kron(low.layout.tumour, np.ones((16, 16), dtype=bool))
    assert np.array_equal(low.layout.tumour, high.layout.tumour)
    assert high.rgb[inside].mean() < low.rgb[inside].mean() - 12


def test_pen_is_drawn_on_glass_and_not_always() -> None:
    painted = [paint_slide(SlidePlan(burden=0.3, grade=0.3), stream(5, "slide", n)) for n in range(5)]
    assert {slide.has_pen for slide in painted} == {True, False}
    for slide in painted:
        glass = ~np.kron(slide.layout.tissue, np.ones((16, 16), dtype=bool))
        dark = (slide.rgb.min(axis=2) < 110) & glass
        # Without a pen, glass holds only the rims of nuclei at the border.
        assert (dark.mean() > 0.005) == slide.has_pen


def test_stamps_that_would_leave_the_plane_are_left_out() -> None:
    plane = np.zeros((20, 20), dtype=np.float32)
    sprite = np.ones((5, 5), dtype=np.float32)
    nuclei.stamp(plane, [sprite], np.array([[0, 10], [10, 10], [18, 2]]), stream(0, "stamp"))
    assert plane.sum() == 25
    assert plane[8:13, 8:13].all()
