"""Where things are on a synthetic slide: tissue on glass, tumour in tissue, tiles that hold enough of it.

Enters: the tumour share and a random stream. Leaves: two coarse masks (one cell = 8 um) and the level-0
corners of the hazardous tiles. Pure geometry: no colour, no file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

CELL_UM = 8.0
NATIVE_MPP = 0.25
TILE_PX0 = 512
TISSUE_SHARE = (0.55, 0.68)
#: A tile counts as hazardous where tumour covers at least half of it.
HAZARDOUS_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class SlideLayout:
    """Tissue and tumour on cells of `CELL_UM`; tumour lies within tissue."""

    tissue: Bool[np.ndarray, "row column"]
    tumour: Bool[np.ndarray, "row column"]


def draw_layout(cells: int, burden: float, rng: np.random.Generator) -> SlideLayout:
    """Draw a piece of tissue and contiguous foci that take exactly `burden` of it, to one cell."""
    axis = np.linspace(-1.0, 1.0, cells)
    squeeze = rng.uniform(0.85, 1.0, size=2)
    # A superellipse rather than a circle: sections of a prostate fill their slide.
    distance = (np.abs(axis / squeeze[0])[:, None] ** 3 + np.abs(axis / squeeze[1])[None, :] ** 3) ** (1 / 3)
    tissue = _highest(0.13 * smooth_noise(cells, cells / 9, rng) - distance, rng.uniform(*TISSUE_SHARE))
    foci = smooth_noise(cells, cells / 10, rng)
    inside = foci[tissue]
    limit = np.quantile(inside, 1.0 - burden)
    return SlideLayout(tissue=tissue, tumour=tissue & (foci > limit))


def smooth_noise(cells: int, sigma: float, rng: np.random.Generator) -> Float[np.ndarray, "cells cells"]:
    """Return Gaussian noise smoothed over `sigma` cells, sd 1."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.standard_normal((cells, cells), dtype=np.float32), sigma, mode="reflect")
    scaled: Float[np.ndarray, "cells cells"] = noise / noise.std()
    return scaled


def hazardous_tiles(layout: SlideLayout) -> Int[np.ndarray, "tile 2"]:
    """Return the level-0 corners (x, y) of the tiles of a plain grid that are mostly tumour."""
    side = int(TILE_PX0 * NATIVE_MPP / CELL_UM)
    rows, columns = (length // side for length in layout.tumour.shape)
    blocks = layout.tumour[: rows * side, : columns * side].reshape(rows, side, columns, side)
    row, column = np.nonzero(blocks.mean(axis=(1, 3)) >= HAZARDOUS_SHARE)
    return np.stack([column, row], axis=1).astype(np.int64) * TILE_PX0


def _highest(field: Float[np.ndarray, "row column"], share: float) -> Bool[np.ndarray, "row column"]:
    return np.asarray(field > np.quantile(field, 1.0 - share))
