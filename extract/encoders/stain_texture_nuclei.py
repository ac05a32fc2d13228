"""The weight-free tile encoder: what a pathologist would count, as 38 numbers a tile.

Enters: RGB tiles and their um per pixel. Leaves: optical densities in a fixed haematoxylin-eosin space,
texture at three scales, and statistics of the nuclei. Nothing is fitted and no tile knows of another; sums
are made in a fixed order without BLAS, so that a row is the same in any batch.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, UInt8

from extract.encoders.card import EncoderCard
from extract.encoders.nuclei import NUCLEUS_FEATURES, describe_nuclei
from extract.slides.tissue import optical_density
from feature_cache.canonical import Json

STAINS = ("haematoxylin", "eosin", "residual")

#: Optical density (red, green, blue) of the stains: Ruifrok and Johnston 2001, table 1; the third row is
#: their cross product. Rows have length 1.
STAIN_VECTORS = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105], [0.0, 0.0, 0.0]])
STAIN_VECTORS[2] = np.cross(STAIN_VECTORS[0], STAIN_VECTORS[1])
STAIN_VECTORS /= np.linalg.norm(STAIN_VECTORS, axis=1, keepdims=True)
_UNMIX = np.linalg.inv(STAIN_VECTORS).astype(np.float32)

_QUANTILES = (0.1, 0.5, 0.9)
_SCALES = (1, 2, 4)
_ENTROPY_RANGE, _ENTROPY_BINS = (-0.2, 2.2), 24

FEATURE_NAMES = (
    *(f"{stain}_{name}" for stain in STAINS for name in ("mean", "sd", "p10", "p50", "p90")),
    "density_mean",
    "density_sd",
    *(f"{stain}_gradient_{scale}px" for stain in STAINS[:2] for scale in _SCALES),
    *(f"haematoxylin_laplacian_{scale}px" for scale in _SCALES[:2]),
    "haematoxylin_entropy",
    *(f"nuclei_{name}" for name in NUCLEUS_FEATURES),
)

Plane = Float[np.ndarray[Any, Any], "height width"]


class StainTextureNuclei:
    """The encoder as loaded; it holds no state."""

    feature_names = FEATURE_NAMES
    used: ClassVar[dict[str, Json]] = {}

    def encode(
        self, tiles: UInt8[np.ndarray[Any, Any], "tile height width 3"], mpp: float
    ) -> Float[np.ndarray[Any, Any], "tile dim"]:
        """Return (tile, 38) float32; see `FEATURE_NAMES` for the columns.

        Shares and means over nuclei are 0 where a tile has no nucleus, whose count is then 0 too.
        """
        rows = np.empty((len(tiles), len(FEATURE_NAMES)), dtype=np.float32)
        for number, tile in enumerate(tiles):
            rows[number] = describe_tile(tile, mpp)
        return rows


def load(card: EncoderCard, weights: None) -> StainTextureNuclei:
    """Return the encoder; the card has no settings that it could depend on."""
    return StainTextureNuclei()


def describe_tile(
    tile: UInt8[np.ndarray[Any, Any], "height width 3"], mpp: float
) -> Float[np.ndarray[Any, Any], " dim"]:
    """Return the features of one tile."""
    density = optical_density(tile)
    stains = separate_stains(density)
    total = (density[..., 0] + density[..., 1] + density[..., 2]) / 3
    features: list[float] = []
    for stain in stains:
        features += [float(stain.mean()), float(stain.std()), *_quantiles(stain)]
    features += [float(total.mean()), float(total.std())]
    for stain in stains[:2]:
        features += [_gradient(_shrink(stain, scale)) for scale in _SCALES]
    features += [_laplacian(_shrink(stains[0], scale)) for scale in _SCALES[:2]]
    features.append(_entropy(stains[0]))
    features += describe_nuclei(stains[0], mpp)
    return np.array(features)


def separate_stains(
    density: Float[np.ndarray[Any, Any], "height width 3"],
) -> tuple[Plane, Plane, Plane]:
    """Return how much of haematoxylin, eosin and residual each pixel holds (natural optical density)."""
    red, green, blue = density[..., 0], density[..., 1], density[..., 2]
    first, second, third = (
        red * _UNMIX[0, stain] + green * _UNMIX[1, stain] + blue * _UNMIX[2, stain] for stain in range(3)
    )
    return first, second, third


def _quantiles(plane: Plane) -> list[float]:
    ranks = [int(share * (plane.size - 1)) for share in _QUANTILES]
    ordered = np.partition(plane, ranks, axis=None)
    return [float(ordered[rank]) for rank in ranks]


def _shrink(plane: Plane, factor: int) -> Plane:
    """Average blocks of factor x factor pixels; what does not fill a block is left out."""
    if factor == 1:
        return plane
    height, width = (size - size % factor for size in plane.shape)
    blocks = plane[:height, :width].reshape(height // factor, factor, width // factor, factor)
    shrunk: Plane = blocks.mean(axis=(1, 3))
    return shrunk


def _gradient(plane: Plane) -> float:
    """Mean absolute difference of neighbours."""
    across, down = np.abs(np.diff(plane, axis=1)), np.abs(np.diff(plane, axis=0))
    return float(across.mean() + down.mean())


def _laplacian(plane: Plane) -> float:
    """Mean absolute Laplacian: spots and edges."""
    centre = plane[1:-1, 1:-1]
    around = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
    return float(np.abs(4 * centre - around).mean())


def _entropy(plane: Plane) -> float:
    """Shannon entropy (nats) of the histogram between fixed edges."""
    inside = np.clip(plane.astype(np.float64), *_ENTROPY_RANGE)
    counts, _ = np.histogram(inside, bins=_ENTROPY_BINS, range=_ENTROPY_RANGE)
    share = counts[counts > 0] / plane.size
    return float(-(share * np.log(share)).sum())


CARD = EncoderCard(
    name="stain_texture_nuclei",
    title="Colour in stain space, texture and nuclei statistics, weight-free",
    modality="slides",
    dim=len(FEATURE_NAMES),
    input_px=256,
    mpp=(0.5, 0.25, 1.0),
    licence="Apache-2.0",
    commercial=True,
    loader="extract.encoders.stain_texture_nuclei:load",
    source="Ruifrok and Johnston 2001 (stain space); Otsu 1979 (nuclei)",
)
