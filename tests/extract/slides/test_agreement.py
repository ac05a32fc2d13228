"""A mask of another slide of the same size is doubted by what the picture shows."""

from __future__ import annotations

import numpy as np

from extract.slides.agreement import agreement, doubts
from extract.slides.tissue_mask import TissueMask


def disc(x: float, y: float, radius: float, size: int = 40, px0_per_px: float = 10.0) -> TissueMask:
    rows, columns = np.mgrid[:size, :size] * px0_per_px
    inside = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    return TissueMask(mask=inside, px0_per_px=(px0_per_px, px0_per_px))


def test_kappa_is_cohens() -> None:
    left, top = np.zeros((2, 2), dtype=bool), np.zeros((2, 2), dtype=bool)
    left[:, 0] = True
    top[0, :] = True
    masks = [TissueMask(mask=mask, px0_per_px=(1.0, 1.0)) for mask in (left, top)]
    assert agreement(masks[0], masks[0]) == 1.0
    assert agreement(masks[0], masks[1]) == 0.0


def test_the_same_tissue_at_another_spacing_agrees() -> None:
    kappa = agreement(disc(200, 200, 120, size=160, px0_per_px=2.5), disc(200, 200, 120))
    assert kappa is not None
    assert kappa > 0.93
    assert doubts(kappa) == ()


def test_a_mask_that_lies_elsewhere_is_doubted() -> None:
    shifted = agreement(disc(260, 200, 120), disc(200, 200, 120))
    assert shifted is not None
    assert 0.2 < shifted < 0.7
    assert doubts(shifted)[0].endswith("is it another slide's?")


def test_an_empty_picture_says_nothing() -> None:
    assert agreement(disc(200, 200, 120), disc(200, 200, 0)) is None
    assert doubts(None) == ()
