"""Late-enhancement images of the M-PRTM layout: short-axis rings with a bright scar, and the scar's mask.

Enters: a random stream. Leaves: how much scar there is, and two volumes that show exactly that. As in the
published files seven slices repeat some three views, spacing is a placeholder of 1, and grey values are those
of an 8-bit export. 128 px in plane instead of 512: the area keeps its formula by counting 16 px for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from extract.synthetic.reading import Reading

SIDE_PX, SLICES = 128, 7
VIEW_OF_SLICE = (0, 0, 1, 1, 1, 2, 2)
#: Myocardial Fibrosis Area = pixels / (slices * 625 * 6) on 512 px (facts: formats 4).
AREA_PX = SLICES * 625 * 6 / (512 / SIDE_PX) ** 2
AREA_MEAN, AREA_SD, AREA_MAX = 0.60, 0.28, 1.41
INNER_PX, OUTER_PX = 17.0, 27.0
GREY_LEVELS = 220


@dataclass(frozen=True, kw_only=True)
class Scar:
    """Pixels of scar over all slices, the area that the table reports for them, and the reading."""

    pixels: int
    area: float
    reading: Reading


@dataclass(frozen=True, kw_only=True)
class ScarVolumes:
    """Image (0 to 1) and mask (0, 1), both float32 as published."""

    image: Float[np.ndarray, "x y slice"]
    mask: Float[np.ndarray, "x y slice"]


def draw_scar(rng: np.random.Generator) -> Scar:
    """Draw the amount of scar, in whole pixels."""
    extent = rng.standard_normal()
    pixels = round(float(np.clip(AREA_MEAN + AREA_SD * extent, 0.0, AREA_MAX)) * AREA_PX)
    area = round(pixels / AREA_PX, 9)
    reading = Reading(z=(area - AREA_MEAN) / AREA_SD, measurements=(area,), latents={"extent": float(extent)})
    return Scar(pixels=pixels, area=area, reading=reading)


def paint_scar(scar: Scar, rng: np.random.Generator) -> ScarVolumes:
    """Paint three views and repeat them; the scar grows from the endocardium around one wall."""
    image = np.empty((SIDE_PX, SIDE_PX, SLICES), dtype=np.float32)
    mask = np.zeros_like(image)
    wall = rng.uniform(0, 2 * np.pi)
    centres = SIDE_PX / 2 + rng.normal(0, 3.0, (3, 2))
    backgrounds = [_background(rng) for _ in range(3)]
    per_slice = np.full(SLICES, scar.pixels // SLICES) + (np.arange(SLICES) < scar.pixels % SLICES)
    for number, view in enumerate(VIEW_OF_SLICE):
        x, y = np.mgrid[0:SIDE_PX, 0:SIDE_PX] - centres[view][:, None, None]
        radius, angle = np.hypot(x, y), np.arctan2(y, x)
        myocardium = (radius > INNER_PX) & (radius < OUTER_PX)
        away = np.abs(np.angle(np.exp(1j * (angle - wall - 0.2 * view))))
        order = np.where(myocardium, away + 0.05 * (radius - INNER_PX), np.inf).ravel()
        mask[..., number].flat[np.argsort(order, kind="stable")[: per_slice[number]]] = 1.0
        plane = backgrounds[view] + np.where(radius <= INNER_PX, 0.38, 0.0) - np.where(myocardium, 0.12, 0.0)
        plane = plane + 0.62 * mask[..., number] + 0.02 * rng.standard_normal(radius.shape)
        image[..., number] = np.rint(np.clip(plane, 0.0172, 1.0) * GREY_LEVELS) / GREY_LEVELS
    return ScarVolumes(image=image, mask=mask)


def _background(rng: np.random.Generator) -> Float[np.ndarray, "x y"]:
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.standard_normal((SIDE_PX, SIDE_PX)), 6.0)
    return np.asarray(0.26 + 0.05 * noise / noise.std())
