"""Rows of tiles: the same whatever the batch, each row its own tile's, hidden tiles told apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from extract.encoders.registry import find_encoder
from extract.slides import tiling
from extract.slides.bag import Bag
from extract.slides.grid import Grid
from extract.slides.quality import measure_tiles
from extract.slides.reader import open_slide
from extract.slides.tiling import UNSEEN, _reasons, choose_tiles, read_thumbnail, read_tiles, tissue_on_grid
from extract.slides.tissue_mask import TissueMask
from feature_cache.canonical import Json
from feature_cache.errors import SourceError
from tests.extract.slides.pyramids import JPEG_YCBCR, break_tile, colour_noise, write_pyramid

TILE = 32


class MeanColour:
    """An encoder whose answer can be seen: the mean colour."""

    feature_names: tuple[str, ...] = ("red", "green", "blue")

    def __init__(self) -> None:
        self.used: dict[str, Json] = {}

    def encode(self, tiles: np.ndarray, mpp: float) -> np.ndarray:
        assert mpp == 0.5
        means: np.ndarray = tiles.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
        return means


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return colour_noise(5 * TILE, 7 * TILE)


class Refusing(MeanColour):
    """An encoder that gives up."""

    def encode(self, tiles: np.ndarray, mpp: float) -> np.ndarray:
        raise SourceError("encoder", expected="a", got="b", remedy="c")


@dataclass(frozen=True, kw_only=True)
class Read:
    """What was read of a slide with the mean colour."""

    xy_px0: np.ndarray
    embeddings: np.ndarray
    valid: np.ndarray
    quality: np.ndarray
    reasons: list[str]


def bag_of(encoder: MeanColour) -> Bag:
    return Bag(find_encoder("stain_texture_nuclei"), encoder, 0.5)


def read(path: Path, tissue: TissueMask, others: tuple[Bag, ...] = ()) -> Read:
    bag = bag_of(MeanColour())
    with open_slide(path) as slide:
        grid = Grid(slide_size_px0=slide.size_px0, mpp=(0.5, 0.5), target_mpp=0.5, tile_px=TILE)
        chosen = choose_tiles(grid, 0, "area", tissue, 0.5)
        tiles = read_tiles(slide, chosen, [*others, bag])
    return Read(
        xy_px0=chosen.xy_px0,
        embeddings=bag.finish(),
        valid=tiles.valid,
        quality=tiles.quality,
        reasons=[tiles.reasons[number] for number in tiles.reason],
    )


def per_tile(shares: np.ndarray, unread: np.ndarray | None = None) -> TissueMask:
    """A mask of one cell a tile."""
    return TissueMask(mask=shares, px0_per_px=(TILE, TILE), unread=unread)


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_every_row_is_its_own_tile_in_any_batch(
    image: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(tiling, "BATCH", batch)
    checked = np.indices((5, 7)).sum(axis=0) % 2 == 0
    found = read(write_pyramid(tmp_path / "slide.tif", image), per_tile(checked))
    assert found.valid.all()
    assert [(y // TILE, x // TILE) for x, y in found.xy_px0.tolist()] == list(
        map(tuple, np.argwhere(checked))
    )
    for (x, y), embedding, quality in zip(
        found.xy_px0.tolist(), found.embeddings, found.quality, strict=True
    ):
        tile = image[y : y + TILE, x : x + TILE]
        np.testing.assert_allclose(embedding, tile.mean(axis=(0, 1)), rtol=1e-6)
        np.testing.assert_array_equal(quality[2:], measure_tiles(tile[None])[0].astype(np.float16))
        assert quality[0] == 1


def test_a_tile_that_nobody_saw_has_a_row_and_nothing_else(image: np.ndarray, tmp_path: Path) -> None:
    shares = np.zeros((5, 7), dtype=bool)
    shares[0, :3] = True
    unread = np.zeros((5, 7), dtype=bool)
    unread[0, 2:5] = True  # one of them was known to be tissue all the same
    found = read(write_pyramid(tmp_path / "slide.tif", image), per_tile(shares, unread))
    assert (found.xy_px0[:, 0] // TILE).tolist() == [0, 1, 2, 3, 4]
    assert found.valid.tolist() == [True, True, True, False, False]
    assert np.isnan(found.embeddings).all(axis=1).tolist() == [False, False, False, True, True]
    assert np.isnan(found.quality[:, 0]).tolist() == [False, False, False, True, True]
    assert found.reasons == ["", "", "", UNSEEN, UNSEEN]


def test_a_tile_that_cannot_be_decoded_says_why_and_the_others_are_as_before(
    image: np.ndarray, tmp_path: Path
) -> None:
    all_tissue = per_tile(np.ones((5, 7), dtype=bool))
    path = write_pyramid(tmp_path / "slide.tif", image, codec=JPEG_YCBCR)
    whole = read(path, all_tissue)
    break_tile(path, 1, 0)  # of 128 px: four columns of the grid from the fifth
    broken = read(path, all_tissue)
    lost = ~broken.valid
    assert [divmod(row, 7) for row in np.flatnonzero(lost).tolist()] == [
        (y, x) for y in range(4) for x in (4, 5, 6)
    ]
    assert np.isnan(broken.embeddings[lost]).all()
    assert np.isnan(broken.quality[lost][:, 2:]).all()
    assert set(broken.quality[lost][:, 0]) == {1}
    (why,) = {broken.reasons[row] for row in np.flatnonzero(lost)}
    assert why
    assert str(tmp_path) not in why
    np.testing.assert_array_equal(broken.embeddings[~lost], whole.embeddings[~lost])
    np.testing.assert_array_equal(broken.quality[~lost], whole.quality[~lost])


def test_an_encoder_that_gives_up_ends_its_own_bag_alone(image: np.ndarray, tmp_path: Path) -> None:
    refusing, all_tissue = bag_of(Refusing()), per_tile(np.ones((5, 7), dtype=bool))
    path = write_pyramid(tmp_path / "slide.tif", image)
    np.testing.assert_array_equal(
        read(path, all_tissue, (refusing,)).embeddings, read(path, all_tissue).embeddings
    )
    with pytest.raises(SourceError, match="expected a; got b"):
        refusing.finish()


def test_more_reasons_than_a_byte_can_count_end_in_one() -> None:
    reason, reasons = _reasons(400, {tile: f"why {tile}" for tile in range(300)})
    assert len(reasons) == 256
    assert [reasons[number] for number in reason[[0, 253, 254, 299, 300]]] == [
        "why 0", "why 253", "a further reason", "a further reason", "",
    ]  # fmt: skip


def test_no_tissue_is_no_row(image: np.ndarray, tmp_path: Path) -> None:
    found = read(write_pyramid(tmp_path / "slide.tif", image), per_tile(np.zeros((5, 7), dtype=bool)))
    assert found.embeddings.shape == (0, 3)
    assert found.xy_px0.shape == (0, 2)


def test_the_thumbnail_is_bounded_and_never_enlarged(image: np.ndarray, tmp_path: Path) -> None:
    with open_slide(write_pyramid(tmp_path / "slide.tif", image)) as slide:
        assert read_thumbnail(slide, 56).rgb.shape == (40, 56, 3)
        np.testing.assert_array_equal(read_thumbnail(slide, 10_000).rgb, image)


def test_a_level_of_the_right_size_is_the_thumbnail(image: np.ndarray, tmp_path: Path) -> None:
    with open_slide(write_pyramid(tmp_path / "slide.tif", image, steps=(1, 4, 16))) as slide:
        level = slide.read_region((0, 0), 1, (56, 40))
        np.testing.assert_array_equal(read_thumbnail(slide, 100).rgb, level)
        assert read_thumbnail(slide, 112).rgb.shape == (80, 112, 3)  # it would be half as large


def test_tissue_is_laid_on_the_thumbnail() -> None:
    mask = np.zeros((10, 20), dtype=bool)
    mask[:, 10:] = True
    tissue = TissueMask(mask=mask, px0_per_px=(16.0, 16.0))
    shown = tissue_on_grid(tissue, (320, 160), (40, 20))
    assert shown.dtype == np.uint8
    np.testing.assert_array_equal(shown, np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1))
