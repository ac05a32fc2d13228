"""hs2p's golden tiling, explained tile by tile: every one of its 459 fractions, and why ours differ.

Its tiles are those of the tissue's largest piece: they start at that piece's corner, step by 444 px0 (224 px
of .5 um are 444.44 px0 of .252 um), and count 7 x 7 cells of the mask taken every fourth pixel. Holes are
taken out as filled outlines, and an outline runs on the tissue around the hole: a ring of tissue is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from extract.slides.grid import Grid
from extract.slides.tissue import box_fractions
from extract.slides.tissue_mask import read_mask

SIZE_PX0, MPP = (13824, 12800), (0.252, 0.252)
CELL_PX0, CELLS, STEP_PX0 = 64, 7, 444
LEAST = 0.1


@dataclass(frozen=True, kw_only=True)
class Golden:
    """Corners and fractions of the tiling, and the mask that came with it."""

    corners_px0: np.ndarray
    fractions: np.ndarray
    mask: np.ndarray

    @property
    def cells(self) -> np.ndarray:
        return self.mask[::4, ::4]


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> Golden:
    folder = shared_data / "slides/hs2p-golden"
    with np.load(folder / "test-wsi.coordinates.npz") as tiles:
        corners = np.stack([tiles["x"], tiles["y"]], axis=1)
        fractions = tiles["tissue_fractions"].astype(np.float64)
    return Golden(
        corners_px0=corners, fractions=fractions, mask=tifffile.imread(folder / "test-mask.tif") > 0
    )


def largest_piece(cells: np.ndarray) -> np.ndarray:
    pieces, _ = ndimage.label(cells, structure=np.ones((3, 3)))
    return pieces == np.bincount(pieces.ravel())[1:].argmax() + 1


def ring_around_holes(piece: np.ndarray) -> np.ndarray:
    """Tissue that touches a hole of its piece by a side."""
    holes = ndimage.binary_fill_holes(piece) & ~piece
    return ndimage.binary_dilation(holes) & piece


def counted(cells: np.ndarray, corners_px0: np.ndarray) -> np.ndarray:
    """Share of the 7 x 7 cells from the one that holds the corner."""
    corners = corners_px0 // CELL_PX0 * CELL_PX0
    side = float(CELLS * CELL_PX0)
    return box_fractions(cells, (CELL_PX0, CELL_PX0), corners, (side, side))


def test_every_fraction_follows_from_the_definition(golden: Golden) -> None:
    piece = largest_piece(golden.cells)
    theirs = counted(piece & ~ring_around_holes(piece), golden.corners_px0)
    np.testing.assert_allclose(theirs, golden.fractions, atol=1e-6)


def test_the_same_tiles_are_chosen(golden: Golden) -> None:
    piece = largest_piece(golden.cells)
    rows, columns = np.nonzero(piece)
    x = np.arange(columns.min() * CELL_PX0, SIZE_PX0[0], STEP_PX0)
    y = np.arange(rows.min() * CELL_PX0, SIZE_PX0[1], STEP_PX0)
    corners = np.stack([np.repeat(x, len(y)), np.tile(y, len(x))], axis=1)  # x then y
    chosen = corners[counted(piece & ~ring_around_holes(piece), corners) >= LEAST]
    np.testing.assert_array_equal(chosen, golden.corners_px0)


def test_the_34_tiles_that_plain_counting_misses_are_those_at_holes_and_crumbs(golden: Golden) -> None:
    plain = counted(golden.cells, golden.corners_px0)
    off = ~np.isclose(plain, golden.fractions, atol=1e-6)
    piece = largest_piece(golden.cells)
    ring = counted(ring_around_holes(piece), golden.corners_px0)
    crumbs = counted(golden.cells & ~piece, golden.corners_px0)
    np.testing.assert_array_equal(off, (ring + crumbs) > 0)
    assert int(off.sum()) == 34
    np.testing.assert_allclose(plain - ring - crumbs, golden.fractions, atol=1e-6)


def test_ours_differ_by_exact_area_alone(golden: Golden, shared_data: Path) -> None:
    """Of each tile: our share is the area of the mask in its 444.44 px0; a count differs by its border."""
    mask = read_mask(shared_data / "slides/hs2p-golden/test-mask.tif", "golden", SIZE_PX0, MPP)
    grid = Grid(slide_size_px0=SIZE_PX0, mpp=MPP, target_mpp=0.5, tile_px=224)
    assert grid.tile_px0 == pytest.approx((444.44, 444.44), abs=0.01)
    ours = box_fractions(mask.mask, mask.px0_per_px, golden.corners_px0, grid.tile_px0)
    piece = largest_piece(golden.cells)
    lost = counted((golden.cells & ~piece) | ring_around_holes(piece), golden.corners_px0)
    # cells of the tile's outline and of the tissue's, of which a count takes all or nothing
    edges = ndimage.binary_dilation(golden.cells) & ~ndimage.binary_erosion(golden.cells)
    reach = box_fractions(
        edges, (CELL_PX0, CELL_PX0), golden.corners_px0 // 64 * 64 - 64, (9.0 * 64, 9.0 * 64)
    )
    gap = np.abs(ours - (golden.fractions + lost))
    assert (gap <= reach * 81 / 49 + 1e-6).all()
    assert int((reach == 0).sum()) > 100
    assert (gap[reach == 0] <= 1e-6).all()
    assert np.abs(ours - golden.fractions).mean() < 0.035
