"""The weight-free volume encoder: what a radiologist could measure, region by region.

Enters: one series on its study's grid, and regions. Leaves: a row a region with the IBSI's first-order
statistics of the voxels inside the series' field of view, and in the rows of the reference series the shape
of the region, once a study. Every row is also a token at the region's centroid. Nothing is binned, scaled or
standardised: ADC stays in 1e-6 mm2/s, T2W in the units of its scanner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.volumes.codebook import CROP
from extract.volumes.first_order import FIRST_ORDER, first_order
from extract.volumes.shape import SHAPE, shape
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json

CARD = EncoderCard(
    name="first_order_shape",
    title="First-order statistics and shape of regions, names and definitions of the IBSI",
    modality="volumes",
    dim=len(FIRST_ORDER) + len(SHAPE),
    licence="Apache-2.0",
    commercial=True,
    loader="extract.encoders.first_order_shape:load",
    source="Image Biomarker Standardisation Initiative, reference manual (arXiv 1612.07003), 3.1 and 3.3",
)

Mask = Bool[np.ndarray[Any, Any], "x y z"]


class FirstOrderShape:
    """No state: a row depends on the series and the region alone."""

    feature_names = FIRST_ORDER + SHAPE

    def __init__(self) -> None:
        self.used: dict[str, Json] = {}

    def encode(self, series: SeriesOnGrid, regions: Mapping[str, Mask]) -> EncodedSeries:
        """Describe each region.

        Parameters
        ----------
        series
            NaN voxels are outside the field of view and are left out.
        regions
            Name -> mask on the grid of the series. `crop` has statistics but no shape.

        Returns
        -------
        EncodedSeries
            `regions` (region, 33): the statistics in the series' unit and the shape in mm; NaN where there
            is nothing to measure: statistics of a region outside the field of view, shape in series other
            than the reference, and shape where the spacing is not known. `coverage`: the share of the
            region's voxels that were measured, NaN for an empty region, which has no token either.
        """
        described = np.empty((len(regions), len(self.feature_names)), dtype=np.float32)
        centroids = np.full((len(regions), 3), np.nan, dtype=np.float32)
        coverage = np.full(len(regions), np.nan)
        for row, (name, mask) in enumerate(regions.items()):
            described[row] = self._describe(series, name, mask)
            if mask.any():
                centroids[row] = series.affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + series.affine[:3, 3]
                coverage[row] = np.isfinite(series.voxels[mask]).mean()
        there = np.isfinite(coverage)
        return EncodedSeries(
            embeddings=described[there],
            token_xyz_mm=centroids[there],
            regions=described,
            coverage=coverage,
        )

    def _describe(self, series: SeriesOnGrid, name: str, mask: Mask) -> Float[np.ndarray[Any, Any], " 33"]:
        inside = series.voxels[mask]
        statistics = first_order(inside[np.isfinite(inside)].astype(np.float64))
        # the shape of the crop would be that of a box
        told = series.is_reference and series.spacing_known and name != CROP
        measures = shape(mask, series.affine) if told else np.full(len(SHAPE), np.nan)
        return np.concatenate([statistics, measures])


def load(card: EncoderCard, weights: None) -> FirstOrderShape:
    """Return the encoder; the card has no settings that it could depend on."""
    return FirstOrderShape()
