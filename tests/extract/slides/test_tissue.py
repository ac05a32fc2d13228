"""Tissue is found, ink and glass are not; shares of boxes are exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from extract.slides.overview import read_overview
from extract.slides.reader import open_slide
from extract.slides.region import composite_on_white
from extract.slides.resample import area_resize
from extract.slides.tissue import box_fractions, find_tissue, glass_colour, optical_density
from tests.extract.slides.artefacts import paint_overview
from tests.extract.slides.pen_pixels import is_pen
from tests.extract.slides.pyramids import EOSIN, GLASS, HAEMATOXYLIN

#: The pictures are of about 0.5 um; 16 of their pixels make one of the overview's 8 um.
SHRINK = 16


def overview(path: Path) -> np.ndarray:
    pixels = composite_on_white(np.asarray(Image.open(path)))
    height, width = (size // SHRINK for size in pixels.shape[:2])
    return area_resize(pixels, (0, 0, width * SHRINK, height * SHRINK), (width, height))


def tissue_share(path: Path) -> float:
    return float(find_tissue(overview(path), 64.0).mean())


@pytest.mark.parametrize(
    "name",
    [
        "almost-white-1",
        "almost-white-2",
        "almost-white-ihc",
        "no-tissue",
        "no-tissue2",
        "no-tissue-line",
        "no-tissue-green-pen",
        "no-tissue-red-pen",
    ],
)
def test_no_tile_is_kept_of_glass_or_ink(shared_data: Path, name: str) -> None:
    assert tissue_share(shared_data / f"tiles/qc/{name}.png") < 0.1


@pytest.mark.parametrize("name", ["no-tissue-green-pen", "no-tissue-red-pen"])
def test_ink_is_seen_as_ink(shared_data: Path, name: str) -> None:
    assert is_pen(overview(shared_data / f"tiles/qc/{name}.png")).mean() > 0.5


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("tissue-level0-4302-10273-4814-10785", 0.7),
        ("tissue-level0-7352-11762-7864-12274", 0.7),
        ("tcga-lung-rgb", 0.7),
        ("medium-nuclei-score-level1", 0.5),
        ("high-nuclei-score-level2", 0.1),
        ("low-nuclei-score-level1", 0.1),
        ("high-nuclei-score-red-pen-level1", 0.7),
        ("medium-nuclei-score-green-pen-level1", 0.4),
        ("very-low-nuclei-score-red-pen-level1", 0.1),
    ],
)
def test_tissue_is_kept_even_beside_ink(shared_data: Path, name: str, least: float) -> None:
    assert tissue_share(shared_data / f"tiles/qc/{name}.png") >= least


def test_real_tissue_is_hardly_ever_ink(shared_data: Path) -> None:
    for name in ("tissue-level0-4302-10273-4814-10785", "tcga-lung-rgb", "low-nuclei-score-level1"):
        assert is_pen(overview(shared_data / f"tiles/qc/{name}.png")).mean() < 0.01


def test_a_painted_rectangle_is_found_to_the_pixel_and_dust_is_not() -> None:
    picture = np.full((60, 80, 3), GLASS, dtype=np.uint8)
    picture[10:40, 20:60] = EOSIN
    picture[20:25, 30:35] = HAEMATOXYLIN
    picture[50:54, 5:10] = EOSIN  # 20 pixels of 64 um2: below 1500 um2
    picture[50:60, 40:60] = (90, 90, 92)  # a cover-slip edge: grey
    picture[50:60, 60:80] = (60, 52, 58)  # dark dirt with a tint that would be pale eosin if it were bright
    truth = np.zeros((60, 80), dtype=bool)
    truth[10:40, 20:60] = True
    np.testing.assert_array_equal(find_tissue(picture, 64.0), truth)


#: Two scanners' white, pinkish, bluish grey and yellowish glass.
GLASSES = [(243, 243, 245), (255, 255, 255), (236, 228, 238), (225, 228, 232), (238, 240, 230)]


@pytest.mark.parametrize("glass", GLASSES)
def test_pale_tissue_is_kept_and_ink_edges_fibres_and_dust_are_not(glass: tuple[int, int, int]) -> None:
    for seed in range(2):
        picture = paint_overview(seed, glass)
        found = find_tissue(picture.rgb, 64.0)
        assert found[picture.tissue].mean() > 0.99
        assert found[picture.pale].mean() > 0.97
        assert found[picture.nothing].mean() < 0.001


@pytest.mark.parametrize("glass", GLASSES)
def test_the_colour_of_glass_is_found_beside_pale_tissue(glass: tuple[int, int, int]) -> None:
    # the corners are shaded by 5 %
    assert np.abs(glass_colour(paint_overview(0, glass).rgb) - glass).max() < 4


def test_without_glass_white_is_taken_for_it() -> None:
    assert glass_colour(np.full((40, 40, 3), EOSIN, dtype=np.uint8)).tolist() == [255, 255, 255]
    nearly_black = np.full((40, 40, 3), 20, dtype=np.uint8)
    nearly_black[0, 0] = GLASS  # one bright pixel is no glass
    assert glass_colour(nearly_black).tolist() == [255, 255, 255]
    assert find_tissue(np.full((40, 40, 3), EOSIN, dtype=np.uint8), 64.0).all()


def test_a_line_of_stain_is_a_fibre_and_a_net_of_lines_is_fat() -> None:
    picture = np.full((90, 90, 3), GLASS, dtype=np.uint8)
    picture[80:82, 5:85] = EOSIN
    assert not find_tissue(picture, 64.0).any()
    picture[10:70:6, 5:85] = picture[10:65, 5:85:6] = EOSIN
    found = find_tissue(picture, 64.0)
    assert found[10:65].mean() > 0.2
    assert not found[75:].any()


def test_dust_is_small_in_um_whatever_the_pixels() -> None:
    picture = np.full((40, 40, 3), GLASS, dtype=np.uint8)
    picture[10:15, 10:15] = EOSIN
    assert int(find_tissue(picture, 64.0).sum()) == 25  # 1,600 um2
    assert not find_tissue(picture, 56.0).any()  # 1,400 um2


def test_the_rim_of_ink_goes_with_it_and_tissue_beside_ink_stays() -> None:
    """Where ink ends its pixels are pale, and of the colour of stain."""
    picture = np.full((60, 60, 3), GLASS, dtype=np.uint8)
    picture[10:34, 10:51] = EOSIN  # between and beside eight strokes, too much of it for a line
    for top in range(10, 34, 3):
        picture[top : top + 2, 10:50] = (190, 50, 60)
    assert not find_tissue(picture, 64.0).any()
    picture[34:50, 10:50] = EOSIN
    assert find_tissue(picture, 64.0)[34:50, 10:50].all()


def test_blue_nuclei_on_pale_cytoplasm_are_tissue(shared_data: Path) -> None:
    """Ki67 by DAB and haematoxylin: half of the field is tissue, and little of it is stained."""
    with open_slide(shared_data / "slides/ome-tiff/OS-2-ndpi.ome.tif") as slide:
        rgb = read_overview(slide, (62, 62)).rgb
    found = find_tissue(rgb, 64.0)
    assert found.mean() > 0.2
    glass = found[25:50, :14]  # the lumen at the left edge
    assert not glass.any()


def test_tinted_glass_is_no_tissue() -> None:
    assert not find_tissue(np.full((50, 50, 3), (240, 236, 244), dtype=np.uint8), 64.0).any()


def test_optical_density_is_finite_and_zero_for_white() -> None:
    density = optical_density(np.array([[0, 127, 255]], dtype=np.uint8))
    assert density.dtype == np.float32
    np.testing.assert_allclose(density, -np.log(np.array([[1, 128, 256]]) / 256), rtol=1e-6)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[np.ndarray, tuple[float, float], np.ndarray, tuple[float, float]]:
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    mask = np.random.default_rng(draw(st.integers(0, 99))).random((height, width)) < 0.5
    step = (draw(st.sampled_from([4.0, 7.3, 16.0])), draw(st.sampled_from([4.0, 5.9, 16.0])))
    reach = 16 * 8
    corners = draw(st.lists(st.tuples(st.integers(-20, reach), st.integers(-20, reach)), min_size=1))
    side = (draw(st.floats(1, 60)), draw(st.floats(1, 60)))
    return mask, step, np.array(corners, dtype=np.int32), side


@settings(max_examples=60)
@given(boxes())
def test_shares_are_those_of_brute_force(
    case: tuple[np.ndarray, tuple[float, float], np.ndarray, tuple[float, float]],
) -> None:
    mask, step, corners, side = case
    truth = []
    for x, y in corners.tolist():
        covered = 0.0
        for row, column in np.argwhere(mask):
            across = min(x + side[0], (column + 1) * step[0]) - max(x, column * step[0])
            down = min(y + side[1], (row + 1) * step[1]) - max(y, row * step[1])
            covered += max(0.0, across) * max(0.0, down)
        truth.append(covered / (side[0] * side[1]))
    np.testing.assert_allclose(box_fractions(mask, step, corners, side), truth, atol=1e-9)


def test_shares_of_a_partly_covered_mask_are_weighted() -> None:
    shares = np.array([[0.25, 1.0]], dtype=np.float32)
    found = box_fractions(shares, (10.0, 10.0), np.array([[0, 0], [5, 0]]), (10.0, 10.0))
    np.testing.assert_allclose(found, [0.25, 0.625])


def test_a_neighbours_shares_follow_from_their_definition(shared_data: Path) -> None:
    """hs2p counts 7 x 7 cells of the mask taken every fourth pixel: our shares of those boxes are theirs.

    92 % are equal; exact areas of the whole mask are `test_tissue_mask.py`'s.
    """
    folder = shared_data / "slides/hs2p-golden"
    every_fourth = tifffile.imread(folder / "test-mask.tif")[::4, ::4] > 0
    with np.load(folder / "test-wsi.coordinates.npz") as golden:
        corners = np.stack([golden["x"], golden["y"]], axis=1) // 64 * 64
        theirs = golden["tissue_fractions"]
    assert len(theirs) == 459
    ours = box_fractions(every_fourth, (64.0, 64.0), corners, (448.0, 448.0))
    assert np.isclose(ours, theirs, atol=1e-6).mean() >= 0.92
