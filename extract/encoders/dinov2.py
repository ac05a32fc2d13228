"""DINOv2, an encoder of photographs, on a series slice by slice: one token for each 14 x 14 px of a slice.

Enters: a series on its study's grid, and regions. Leaves: patch tokens with their places in RAS mm, and their
means in regions. What the network is shown:

* Each slice with its two neighbours as the three channels (feet, itself, head); at an end the end slice
  stands in for the neighbour that is not there.
* Intensities between the 0.5th and 99.5th percentile of the crop, or in the window of those that a recipe
  prepared (`intensity`), scaled to [0, 1], then by mean and deviation of ImageNet; what is outside the field
  of view is 0 (black).
* The longer side of the crop in mm stretched to the card's `input_px`, the shorter one in proportion, up to
  a whole number of patches: nothing is squashed.

The class token of a slice has no place, so it is not kept. Slices are encoded a few at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Float32

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.computing import Computing, numbered
from extract.encoders.from_transformers import check, load_network
from extract.encoders.networks import NORMALISATIONS
from extract.encoders.radiological_view import place, view
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import SourceError

if TYPE_CHECKING:
    from torch import Tensor

    from extract.encoders.weights import Weights

__all__ = ["Dinov2Slices", "check", "image_size", "load", "patch_centres", "scale", "to_images"]

PERCENTILES = (0.5, 99.5)
#: A slice of 518 px has 1,369 tokens; four of them take some hundred MB on the way.
SLICES_AT_ONCE = 4


class Dinov2Slices:
    """A loaded network; it holds nothing of a series."""

    def __init__(self, network: Any, card: EncoderCard) -> None:
        assert card.dim is not None and card.input_px is not None
        self._computing = Computing.of(card)
        self._network = network.to(self._computing.device)
        self._side_px, self._patch_px = card.input_px, int(network.config.patch_size)
        self.used, self.feature_names = self._computing.used, numbered(card.dim)

    def encode(
        self, series: SeriesOnGrid, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
    ) -> EncodedSeries:
        """Encode one series; tokens whose centre is outside the field of view are left out.

        Raises
        ------
        SourceError
            Nearly all voxels of the series have one intensity, or the network gives something that cannot be
            stored.
        """
        import torch

        shown = view(series)
        scaled = torch.from_numpy(scale(shown.voxels, series.sequence, series.window))
        slices = scaled.to(self._computing.device)
        step_mm = np.linalg.norm(shown.affine[:3, 1:3], axis=0)
        size_px = image_size(shown.voxels.shape[1:] * step_mm, self._side_px, self._patch_px)
        every = torch.arange(len(slices), device=slices.device)
        starts = range(0, len(slices), SLICES_AT_ONCE)
        tokens = self._tokens(
            to_images(slices, every[start : start + SLICES_AT_ONCE], size_px) for start in starts
        )
        centres = patch_centres(shown.voxels.shape, size_px, self._patch_px)
        return place(tokens, centres, shown, series, regions)

    def _tokens(self, images: Iterable[Tensor]) -> Float32[np.ndarray[Any, Any], "token dim"]:
        """Return a row for every patch of (slice, 3, row, column) images, made and shown one by one."""
        with self._computing.same_bits():
            return self._computing.rows(
                self._network(pixel_values=some).last_hidden_state[:, 1:] for some in images
            )


def scale(
    voxels: Float32[np.ndarray[Any, Any], "slice row column"],
    sequence: str,
    window: tuple[float, float] | None = None,
) -> Float32[np.ndarray[Any, Any], "slice row column"]:
    """Take intensities between two percentiles, or in the window of prepared ones, to [0, 1]; NaN to 0.

    Raises
    ------
    SourceError
        The percentiles are one value, or there is no voxel in the field of view.
    """
    values = voxels[np.isfinite(voxels)]
    of_crop = np.percentile(values, PERCENTILES) if window is None and len(values) else (0.0, 0.0)
    low, high = of_crop if window is None or not len(values) else window
    if high <= low:
        raise SourceError(
            f"series {sequence}",
            expected="voxels of many intensities",
            got="nearly all of one intensity" if len(values) else "none in the field of view",
            remedy="Look at the series; take a blank one out of series.csv.",
        )
    scaled = np.nan_to_num(np.clip((voxels - low) / (high - low), 0, 1), nan=0.0)
    return np.asarray(scaled, dtype=np.float32)


def image_size(extent: Float[np.ndarray[Any, Any], " 2"], side_px: int, patch_px: int) -> tuple[int, int]:
    """Return the rows and columns of the images that slices of some extent (any unit) are stretched to.

    Examples
    --------
    >>> image_size(np.array([100.0, 50.0]), 518, 14)
    (518, 266)
    """
    patches = np.ceil(extent / extent.max() * (side_px // patch_px) - 1e-6).astype(int)
    return int(patches[0]) * patch_px, int(patches[1]) * patch_px


def to_images(slices: Tensor, middle: Tensor, size_px: tuple[int, int]) -> Tensor:
    """Return (slice, 3, row, column) images of some slices with their neighbours, normalised."""
    import torch
    from torch.nn.functional import interpolate

    neighbours = torch.stack([middle - 1, middle, middle + 1], dim=1).clamp(0, len(slices) - 1)
    images = interpolate(slices[neighbours], size=size_px, mode="bilinear", antialias=True)
    mean, deviation = (
        torch.tensor(values, device=slices.device).view(1, 3, 1, 1) for values in NORMALISATIONS["imagenet"]
    )
    return (images - mean) / deviation


def patch_centres(
    shape: tuple[int, ...], size_px: tuple[int, int], patch_px: int
) -> Float[np.ndarray[Any, Any], "token 3"]:
    """Return the centre of every patch in (slice, row, column) voxels, in the order of the tokens.

    Stretching keeps the outer edges of the slice, so the middle of an image of n voxels and p px lies at
    voxel n / 2 - 1/2: pixel edge x is voxel edge x n / p.
    """
    slices, *sides = shape
    axes = [np.arange(slices, dtype=np.float64)]
    for voxels, pixels in zip(sides, size_px, strict=True):
        axes.append((np.arange(pixels // patch_px) + 0.5) * patch_px * voxels / pixels - 0.5)
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def load(card: EncoderCard, weights: Weights) -> Dinov2Slices:
    """Return the network of a card.

    Raises
    ------
    RecipeError
        The weights are those of another network.
    """
    check(card, weights)
    network = load_network(card, weights, unused=("embeddings.mask_token",))
    return Dinov2Slices(network, card)
