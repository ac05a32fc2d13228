"""Everything of a region that is measured here after the IBSI: statistics, shape and texture.

Enters: one series on its study's grid, and regions. Leaves: a row a region with the values of
`first_order_shape` and, of the same voxels in bins, histogram, co-occurrence, runs, zones, tone differences
and dependences. Texture counts neighbouring voxels: on slices 3 mm apart a neighbour along z is another thing
than one 0.5 mm away, so values compare between like grids only (`spacing_mm` in the recipe makes them alike).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.first_order_shape import FirstOrderShape
from extract.encoders.region_rows import encode_regions
from extract.volumes.texture.bins import Bins, bins_of, refuse_levels
from extract.volumes.texture.grey_levels import levelled, levels_of_count, levels_of_width
from extract.volumes.texture.ibsi import TEXTURE, texture
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json

CARD = EncoderCard(
    name="ibsi_radiomics",
    title="Statistics, shape, histogram and texture of regions, names and definitions of the IBSI",
    modality="volumes",
    dim=len(FirstOrderShape.feature_names) + len(TEXTURE),
    licence="Apache-2.0",
    commercial=True,
    loader="extract.encoders.ibsi_radiomics:load",
    source="Image Biomarker Standardisation Initiative, reference manual (arXiv 1612.07003), section 3",
    architecture={"bins": {"count": 32}},
)

Mask = Bool[np.ndarray[Any, Any], "x y z"]


class IbsiRadiomics:
    """Holds the bins and nothing else: a row depends on the series and the region alone."""

    feature_names = (*FirstOrderShape.feature_names, *TEXTURE)

    def __init__(self, bins: Bins) -> None:
        self.bins = bins
        self.used: dict[str, Json] = {}
        self._whole = FirstOrderShape()

    def encode(self, series: SeriesOnGrid, regions: Mapping[str, Mask]) -> EncodedSeries:
        """Describe each region.

        Returns
        -------
        EncodedSeries
            `regions` (region, 193) f32: see `FirstOrderShape.encode`, then `TEXTURE`, NaN where a formula is
            undefined and for a region without a voxel inside the field of view.

        Raises
        ------
        SourceError
            Bins of a fixed width that make more than 512 levels.
        """
        return encode_regions(series, regions, len(self.feature_names), self._describe)

    def _describe(self, series: SeriesOnGrid, name: str, mask: Mask) -> Float[np.ndarray[Any, Any], " 193"]:
        return np.concatenate([self._whole.describe(series, name, mask), self._texture(series, name, mask)])

    def _texture(self, series: SeriesOnGrid, name: str, mask: Mask) -> Float[np.ndarray[Any, Any], " 159"]:
        inside = mask & np.isfinite(series.voxels)
        if not inside.any():
            return np.full(len(TEXTURE), np.nan)
        values = series.voxels[inside].astype(np.float64)
        width = self.bins.width_of(series.sequence)
        if width is None:
            assert self.bins.count is not None
            return texture(levelled(inside, levels_of_count(values, self.bins.count), self.bins.count))
        refuse_levels(values, width, f"{series.sequence}, {name}")
        levels = levels_of_width(values, width)
        return texture(levelled(inside, levels, int(levels.max())))


def load(card: EncoderCard, weights: None) -> IbsiRadiomics:
    """Return the encoder with the bins on its card."""
    return IbsiRadiomics(bins_of(card))
