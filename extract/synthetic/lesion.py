"""The lesion in the prostate of one case: how large it is, how it restricts diffusion, where it lies.

Enters: a random stream. Leaves: a plan that prostate_mri.py paints exactly, and what a perfect reader would
measure: radius and the share of the ADC that is lost. Positions are RAS mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extract.synthetic.reading import Reading

LATENT_CORRELATION = 0.6
RADIUS_MEAN_MM, RADIUS_SD_MM, RADIUS_RANGE_MM = 6.5, 1.7, (2.0, 11.0)
CONTRAST_MEAN, CONTRAST_SD, CONTRAST_RANGE = 0.42, 0.10, (0.12, 0.72)
#: sd of the drawn index over the population; a test holds it.
INDEX_SD = 1.76


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """One ball in the peripheral zone; `offset_ras_mm` is measured from the centre of the gland."""

    radius_mm: float
    contrast: float
    offset_ras_mm: tuple[float, float, float]
    gland_radii_mm: tuple[float, float, float]
    reading: Reading


def draw_lesion(rng: np.random.Generator) -> Lesion:
    """Draw size and contrast that hang together, on one side of the posterior gland."""
    extent = rng.standard_normal()
    own = rng.standard_normal(2) * np.sqrt(1 - LATENT_CORRELATION)
    size, depth = np.sqrt(LATENT_CORRELATION) * extent + own
    radius = round(float(np.clip(RADIUS_MEAN_MM + RADIUS_SD_MM * size, *RADIUS_RANGE_MM)), 3)
    contrast = round(float(np.clip(CONTRAST_MEAN + CONTRAST_SD * depth, *CONTRAST_RANGE)), 4)
    gland = tuple(float(r) for r in np.round(rng.normal((25.0, 18.0, 20.0), (1.8, 1.4, 1.8)), 2))
    side = 1.0 if rng.random() < 0.5 else -1.0
    offset = (side * 0.42 * gland[0], -0.42 * gland[1], float(rng.uniform(-0.3, 0.3)) * gland[2])
    index = (radius - RADIUS_MEAN_MM) / RADIUS_SD_MM + (contrast - CONTRAST_MEAN) / CONTRAST_SD
    return Lesion(
        radius_mm=radius,
        contrast=contrast,
        offset_ras_mm=(round(offset[0], 3), round(offset[1], 3), round(offset[2], 3)),
        gland_radii_mm=(gland[0], gland[1], gland[2]),
        reading=Reading(
            z=index / INDEX_SD,
            measurements=(radius, contrast),
            latents={"extent": float(extent), "size": float(size), "depth": float(depth)},
        ),
    )
