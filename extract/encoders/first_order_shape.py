"""The weight-free volume encoder: what a radiologist could measure, region by region.

Enters: one series on its study's grid, and regions. Leaves: a row a region with the IBSI's first-order
statistics of the voxels inside the series' field of view, and in the rows of the reference series, once a
study, the shape of the region and its share of the crop. Every row is also a token at the region's centroid.
Nothing is binned, scaled or standardised: ADC stays in 1e-6 mm2/s, T2W in the units of its scanner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.region_rows import encode_regions
from extract.volumes.codebook import CROP
from extract.volumes.first_order import FIRST_ORDER, first_order
from extract.volumes.shape import SHAPE, shape
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json

CARD = EncoderCard(
    name="first_order_shape",
    title="First-order statistics and shape of regions, names and definitions of the IBSI",
    modality="volumes",
    dim=len(FIRST_ORDER) + len(SHAPE) + 1,
    algorithm=2,
    licence="Apache-2.0",
    commercial=True,
    loader="extract.encoders.first_order_shape:load",
    source="Image Biomarker Standardisation Initiative, reference manual (arXiv 1612.07003), 3.1 and 3.3",
)

#: Voxels of the region as a share of those of the crop: what can be said of a size where no spacing is known,
#: and 0 for a region that was looked for and not found. No name of the IBSI: it depends on the field of view
#: and the margin, and compares only within one recipe.
CROP_SHARE = "crop_share"

Mask = Bool[np.ndarray[Any, Any], "x y z"]


class FirstOrderShape:
    """No state: a row depends on the series and the region alone."""

    feature_names = (*FIRST_ORDER, *SHAPE, CROP_SHARE)

    def __init__(self) -> None:
        self.used: dict[str, Json] = {}

    def encode(self, series: SeriesOnGrid, regions: Mapping[str, Mask]) -> EncodedSeries:
        """Describe each region.

        Parameters
        ----------
        series
            NaN voxels are outside the field of view and are left out.
        regions
            Name -> mask on the grid of the series. `crop` has statistics but no shape and no share of itself.

        Returns
        -------
        EncodedSeries
            `regions` (region, 34): the statistics in the series' unit, the shape in mm and the share of the
            crop; NaN where there is nothing to measure: statistics of a region outside the field of view,
            shape and share in series other than the reference, shape where the spacing is not known. An empty
            region has a share of 0 and nothing else. `coverage`: the share of the
            region's voxels that were measured, NaN for an empty region, which has no token either.
        """
        return encode_regions(series, regions, len(self.feature_names), self.describe)

    def describe(self, series: SeriesOnGrid, name: str, mask: Mask) -> Float[np.ndarray[Any, Any], " 34"]:
        """Return the row of one region of the series."""
        inside = series.voxels[mask]
        statistics = first_order(inside[np.isfinite(inside)].astype(np.float64))
        # the shape of the crop would be that of a box
        told = series.is_reference and name != CROP
        in_mm = told and series.spacing_known
        measures = shape(mask, series.affine) if in_mm else np.full(len(SHAPE), np.nan)
        return np.concatenate([statistics, measures, [mask.mean() if told else np.nan]])


def load(card: EncoderCard, weights: None) -> FirstOrderShape:
    """Return the encoder; the card has no settings that it could depend on."""
    return FirstOrderShape()
