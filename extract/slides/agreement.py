"""Whether a tissue mask fits its slide: compared with the tissue that the image itself shows.

Enters: the mask that came and the tissue found in the image. Leaves: Cohen's kappa. A mask of another slide
of the same size passes every check of its header; only the picture can tell.
"""

from __future__ import annotations

import numpy as np

from extract.slides.tissue import box_fractions
from extract.slides.tissue_mask import TissueMask

#: Below this a mask is called doubtful. It is no refusal: a mask may be a region of interest. On synthetic
#: slides the right masks reach .83 to .96 and swapped ones of the same size .40 to .70.
DOUBTFUL_KAPPA = 0.7
#: An image with less tissue, or less glass, than this share says nothing about a mask.
_LEAST_SHARE = 0.02


def agreement(mask: TissueMask, image: TissueMask) -> float | None:
    """Return Cohen's kappa of mask and image over the cells of the image, None where one is nearly constant.

    Source: Cohen 1960, doi:10.1177/001316446002000104.
    """
    found = np.asarray(image.mask > 0.5)
    height, width = found.shape
    x, y = np.meshgrid(np.arange(width) * image.px0_per_px[0], np.arange(height) * image.px0_per_px[1])
    corners = np.stack([x.ravel(), y.ravel()], axis=1)
    given = box_fractions(mask.mask, mask.px0_per_px, corners, image.px0_per_px) > 0.5
    shares = (float(found.mean()), float(given.mean()))
    if not all(_LEAST_SHARE <= share <= 1 - _LEAST_SHARE for share in shares):
        return None
    same = float((found.ravel() == given).mean())
    chance = shares[0] * shares[1] + (1 - shares[0]) * (1 - shares[1])
    return (same - chance) / (1 - chance)


def doubts(kappa: float | None) -> tuple[str, ...]:
    """Return a warning where the mask and the picture disagree."""
    if kappa is None or kappa >= DOUBTFUL_KAPPA:
        return ()
    return (f"the mask fits the tissue in the image poorly (kappa {kappa:.2f}): is it another slide's?",)
