"""Quality measures on pictures whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from extract.slides.quality import PIXEL_MEASURES, PLACE_MEASURES, QUALITY_MEASURES, measure_tiles
from extract.slides.region import composite_on_white
from tests.extract.slides.pen_pixels import is_pen
from tests.extract.slides.pyramids import EOSIN, colour_noise

FOCUS, PEN, SATURATED = (
    PIXEL_MEASURES.index(name) for name in ("focus", "pen_fraction", "saturated_fraction")
)


def measure(tile: np.ndarray) -> np.ndarray:
    return measure_tiles(tile[None])[0]


def whole(tile: np.ndarray) -> tuple[float, float, float]:
    """The measures by their definition on every pixel, in floats."""
    luma = tile @ np.array([77, 150, 29]) / 256
    laplacian = ndimage.convolve(luma, np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]))[1:-1, 1:-1]
    saturated = (tile == 0).any(axis=-1) | (tile == 255).all(axis=-1)
    return float(np.abs(laplacian).mean()), float(is_pen(tile).mean()), float(saturated.mean())


def test_the_columns_are_named_in_their_order() -> None:
    assert QUALITY_MEASURES == PLACE_MEASURES + PIXEL_MEASURES
    assert measure_tiles(np.zeros((0, 256, 256, 3), dtype=np.uint8)).shape == (0, len(PIXEL_MEASURES))


def test_focus_is_the_mean_laplacian_of_the_luma() -> None:
    tile = np.zeros((32, 32, 3), dtype=np.uint8)
    tile[:] = np.where(np.indices((32, 32)).sum(axis=0) % 2, 100, 110)[..., None]  # a chess board
    assert measure(tile)[FOCUS] == 4 * 10
    assert measure(np.full((32, 32, 3), EOSIN, dtype=np.uint8))[FOCUS] == 0


@pytest.mark.parametrize(("height", "width"), [(127, 300), (64, 64), (3, 3)])
def test_small_tiles_are_measured_on_every_pixel(height: int, width: int) -> None:
    tile = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    tile[: height // 3] = 255
    np.testing.assert_allclose(measure(tile), whole(tile), rtol=1e-12)


def test_large_tiles_are_measured_on_rows_of_all_phases_of_a_jpeg_block(shared_data: Path) -> None:
    """Blocks of 8 px have sharp borders: rows 8 apart would see only these, or never."""
    picture = np.asarray(Image.open(shared_data / "tiles/qc/tcga-lung-rgb.png"))
    blocky = np.kron(picture[::8, ::8], np.ones((8, 8, 1), dtype=np.uint8))[:256, :256]
    for tile in (picture[:256, :256], picture[200:456, 100:356], blocky):
        focus, pen, saturated = whole(tile)
        measured = measure(tile)
        assert measured[FOCUS] == pytest.approx(focus, rel=0.08)
        assert measured[PEN] == pytest.approx(pen, abs=0.02)
        assert measured[SATURATED] == pytest.approx(saturated, abs=0.01)


def test_blur_lowers_focus_alone(shared_data: Path) -> None:
    sharp = np.asarray(Image.open(shared_data / "tiles/qc/tcga-lung-rgb.png"))[:256, :256]
    blurred = ndimage.gaussian_filter(sharp, (2, 2, 0))
    before, after = measure(sharp), measure(blurred)
    assert after[FOCUS] < before[FOCUS] / 4
    assert after[PEN] == pytest.approx(before[PEN], abs=0.06)


def test_shares_are_counted() -> None:
    tile = np.full((10, 10, 3), EOSIN, dtype=np.uint8)
    tile[:2] = 255  # white: 20 pixels
    tile[2, :5] = (0, 120, 120)  # one channel at 0: 5 pixels, and bluish green ink
    tile[4, :3], tile[5, :4] = (120, 0, 140), (200, 100, 0)
    tile[3, :5] = (255, 255, 254)  # not saturated
    measured = measure(tile)
    assert measured[SATURATED] == pytest.approx(0.32)
    assert measured[PEN] == pytest.approx(0.05)


@pytest.mark.parametrize(("name", "least"), [("no-tissue-green-pen", 0.6), ("no-tissue-red-pen", 0.5)])
def test_real_ink_is_measured(shared_data: Path, name: str, least: float) -> None:
    picture = composite_on_white(np.asarray(Image.open(shared_data / f"tiles/qc/{name}.png")))
    assert measure(picture)[PEN] > least


def test_a_tile_is_measured_alike_alone_and_in_any_layout() -> None:
    tiles = np.stack([colour_noise(200, 180, seed) for seed in range(3)])
    together = measure_tiles(tiles)
    for tile, row in zip(tiles, together, strict=True):
        assert measure(np.asfortranarray(tile)).tobytes() == row.tobytes()
    tiles.setflags(write=False)
    assert measure_tiles(tiles).tobytes() == together.tobytes()
