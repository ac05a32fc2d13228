"""Overviews of 8 um pixels with pale tissue and all that is none, and the truth about each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SIDE = 400
#: Optical density of stains and inks, red, green, blue.
PALE_EOSIN = (0.010, 0.080, 0.040)
EOSIN = (0.10, 0.50, 0.22)
HAEMATOXYLIN = (0.55, 0.85, 0.42)
GREEN_INK, BLUE_INK, RED_INK, BLACK_INK = (1.3, 0.5, 0.9), (1.6, 0.9, 0.3), (0.25, 1.5, 1.4), (2.2, 2.2, 2.2)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A painted overview; the masks do not overlap."""

    rgb: np.ndarray
    tissue: np.ndarray
    pale: np.ndarray
    nothing: np.ndarray


def paint_overview(seed: int, glass: tuple[int, int, int]) -> Overview:
    """Glass with a shade, two pieces of tissue, strokes of four inks, a cover-slip edge, fibres and dust."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    density = np.zeros((SIDE, SIDE, 3))

    def blob(centre_x: int, centre_y: int, radius: int) -> np.ndarray:
        wave = 1 + 0.2 * np.sin(3 * np.arctan2(y - centre_y, x - centre_x) + rng.random() * 6)
        return (x - centre_x) ** 2 + (y - centre_y) ** 2 < (radius * wave) ** 2

    pale, strong = blob(95, 110, 60), blob(250, 120, 60)
    for piece, stain in ((pale, PALE_EOSIN), (strong, EOSIN)):
        texture = 1 + 0.25 * ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 1)
        density[piece] += (np.array(stain) * texture[..., None])[piece]
    nuclei = strong & (ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 1) > 0.4)
    density[nuclei] = HAEMATOXYLIN
    artefacts = np.zeros((SIDE, SIDE))
    for number, ink in enumerate((GREEN_INK, BLUE_INK, RED_INK, BLACK_INK)):
        stroke = np.zeros((SIDE, SIDE))
        left, top = 20 + 95 * number, 250 + int(rng.integers(0, 10))
        stroke[top : top + 14, left : left + 70] = 1
        stroke = ndimage.gaussian_filter(stroke, 0.7)  # ink ends within a pixel or two of 8 um
        density += stroke[..., None] * np.array(ink)
        artefacts += stroke
    density[330:333] += (0.7, 0.7, 0.72)  # the cover slip's edge, and its coloured fringes
    density[329] += (0.02, 0.10, 0.20)
    density[333] += (0.02, 0.16, 0.10)
    artefacts[328:335] = 1
    for _ in range(6):  # fibres, a pixel thick
        row, column = int(rng.integers(345, 390)), int(rng.integers(10, 340))
        density[row, column : column + 40] += (0.1, 0.35, 0.15)
        artefacts[row, column : column + 40] = 1
    for _ in range(40):  # dust of up to 4 x 4 pixels, grey or tinted
        row, column, size = int(rng.integers(200, 235)), int(rng.integers(5, 390)), int(rng.integers(1, 5))
        density[row : row + size, column : column + size] = rng.choice(
            [(0.9, 0.9, 0.9), EOSIN, (0.5, 0.45, 0.6)]
        )
        artefacts[row : row + size, column : column + size] = 1
    shade = 1 - 0.05 * ((x - SIDE / 2) ** 2 + (y - SIDE / 2) ** 2)[..., None] / (SIDE**2 / 2)
    rgb = np.array(glass) * shade * np.exp(-density) + rng.normal(0, 1.5, density.shape)
    return Overview(
        rgb=np.clip(np.rint(rgb), 0, 255).astype(np.uint8),
        tissue=strong,
        pale=pale,
        nothing=~(pale | strong),
    )
