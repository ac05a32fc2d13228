"""Quality measures on pictures whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from extract.slides.quality import QUALITY_MEASURES, measure_tile
from extract.slides.region import composite_on_white
from tests.extract.slides.pyramids import EOSIN, colour_noise

FOCUS, PEN, SATURATED = (QUALITY_MEASURES.index(name) - 1 for name in QUALITY_MEASURES[1:])


def test_focus_is_the_mean_laplacian_of_the_luma() -> None:
    tile = np.zeros((32, 32, 3), dtype=np.uint8)
    tile[:] = np.where(np.indices((32, 32)).sum(axis=0) % 2, 100, 110)[..., None]  # a chess board
    assert measure_tile(tile)[FOCUS] == pytest.approx(4 * 10, rel=1e-5)
    assert measure_tile(np.full((32, 32, 3), EOSIN, dtype=np.uint8))[FOCUS] == pytest.approx(0, abs=1e-4)


def test_blur_lowers_focus_alone(shared_data: Path) -> None:
    sharp = np.asarray(Image.open(shared_data / "tiles/qc/tcga-lung-rgb.png"))[:256, :256]
    blurred = ndimage.gaussian_filter(sharp, (2, 2, 0))
    before, after = measure_tile(sharp), measure_tile(blurred)
    assert after[FOCUS] < before[FOCUS] / 4
    assert after[PEN] == pytest.approx(before[PEN], abs=0.06)


def test_shares_are_counted() -> None:
    tile = np.full((10, 10, 3), EOSIN, dtype=np.uint8)
    tile[:2] = 255  # white: 20 pixels
    tile[2, :5] = (0, 120, 120)  # one channel at 0: 5 pixels, and bluish green ink
    tile[4, :3], tile[5, :4] = (120, 0, 140), (200, 100, 0)
    tile[3, :5] = (255, 255, 254)  # not saturated
    measured = measure_tile(tile)
    assert measured[SATURATED] == pytest.approx(0.32)
    assert measured[PEN] == pytest.approx(0.05)


@pytest.mark.parametrize(("name", "least"), [("no-tissue-green-pen", 0.6), ("no-tissue-red-pen", 0.5)])
def test_real_ink_is_measured(shared_data: Path, name: str, least: float) -> None:
    assert (
        measure_tile(composite_on_white(np.asarray(Image.open(shared_data / f"tiles/qc/{name}.png"))))[PEN]
        > least
    )


def test_the_same_numbers_for_the_same_pixels() -> None:
    tile = colour_noise(64, 64)
    assert measure_tile(tile).tobytes() == measure_tile(np.asfortranarray(tile)).tobytes()
