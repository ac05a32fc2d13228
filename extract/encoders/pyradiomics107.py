"""PyRadiomics' 107 features of every region and series, by PyRadiomics' names.

Enters: one series on its study's grid, and regions. Leaves: a row a region. For models and papers that were
made with PyRadiomics; what is new is better described by `ibsi_radiomics`. Differences from the IBSI's
definitions are PyRadiomics' own: edges of bins at multiples of the width, kurtosis without the 3 taken away,
axes of the population, numbers of its choice where a formula is undefined, and no merged matrices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.region_rows import encode_regions
from extract.volumes.codebook import CROP
from extract.volumes.pyradiomics.features import PYRADIOMICS, pyradiomics_features
from extract.volumes.pyradiomics.levels import levels_between_edges, levels_from_zero
from extract.volumes.texture.bins import Bins, bins_of, refuse_levels
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json

CARD = EncoderCard(
    name="pyradiomics107",
    title="The 107 features of PyRadiomics of regions, by its names, with bins 25 wide as there",
    modality="volumes",
    dim=len(PYRADIOMICS),
    licence="Apache-2.0",
    commercial=True,
    loader="extract.encoders.pyradiomics107:load",
    source="PyRadiomics 3.0.1, van Griethuysen et al. 2017 (doi 10.1158/0008-5472.CAN-17-0339)",
    architecture={"bins": {"width": 25.0}},
)

Mask = Bool[np.ndarray[Any, Any], "x y z"]


class PyRadiomics107:
    """Holds the bins and nothing else: a row depends on the series and the region alone."""

    feature_names = PYRADIOMICS

    def __init__(self, bins: Bins) -> None:
        self.bins = bins
        self.used: dict[str, Json] = {}

    def encode(self, series: SeriesOnGrid, regions: Mapping[str, Mask]) -> EncodedSeries:
        """Describe each region.

        Returns
        -------
        EncodedSeries
            `regions` (region, 107) f32, named in `PYRADIOMICS`. Shape is that of the whole region, told in
            the rows of the reference series alone and not of the crop; shape and total energy only where the
            spacing is known. All NaN for a region without a voxel inside the field of view.

        Raises
        ------
        SourceError
            Bins of a fixed width that make more than 512 levels.
        """
        return encode_regions(series, regions, len(PYRADIOMICS), self._describe)

    def _describe(self, series: SeriesOnGrid, name: str, mask: Mask) -> Float[np.ndarray[Any, Any], " 107"]:
        inside = mask & np.isfinite(series.voxels)
        if not inside.any():
            return np.full(len(PYRADIOMICS), np.nan)
        values = series.voxels[inside].astype(np.float64)
        width = self.bins.width_of(series.sequence)
        if width is not None:
            refuse_levels(values, width, f"{series.sequence}, {name}")
            levels = levels_from_zero(values, width)
        else:
            assert self.bins.count is not None
            levels = levels_between_edges(values, self.bins.count)
        steps = series.affine[:3, :3] if series.spacing_known else None
        outline = mask if series.is_reference and name != CROP else None
        return pyradiomics_features(inside, values, levels, steps, outline)


def load(card: EncoderCard, weights: None) -> PyRadiomics107:
    """Return the encoder with the bins on its card."""
    return PyRadiomics107(bins_of(card))
