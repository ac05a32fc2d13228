"""How much two sets of series say of each other at a transform: normalised mutual information, summed.

Enters: images and places. Leaves: one number a pair of images. Mutual information because T2W and diffusion
have no common scale (Viola and Wells, 1997; Maes et al., 1997); divided by the mean of both entropies because
the entropies change with the overlap (Studholme, Hill and Hawkes, 1999). A value of the moving image
counts in both bins that it lies between, so that the sum changes smoothly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.registration.rigid import Matrix, Places
from extract.volumes.registration.sampling import Image

_BINS = 16
_PERCENTILES = (1, 99)
#: With fewer of the places inside the moving image, its information counts as none.
_LEAST_OVERLAP = 0.7


class Information:
    """Images fixed at places, and images to be moved. All values are taken from images of one smoothness."""

    def __init__(
        self, fixed: Sequence[Image], moving: Sequence[Image], places: Places, sigma_mm: float
    ) -> None:
        at = [image.smoothed(sigma_mm).at(places) for image in fixed]
        inside = np.all([np.isfinite(values) for values in at], axis=0)
        self._places = np.asfortranarray(places[inside])  # read by columns, thousands of times
        self._fixed = [_binned(values[inside]).astype(np.int64) for values in at]
        self._moving = [_binned_image(image.smoothed(sigma_mm)) for image in moving]

    def of_pairs(self, matrix: Matrix) -> list[float]:
        """Return the information of each pair (fixed, moving) with the places moved by `matrix`; 0 to 1."""
        found = []
        for image in self._moving:
            values = image.at(self._places, matrix)
            inside = np.isfinite(values)
            if len(values) == 0 or inside.mean() < _LEAST_OVERLAP:
                found += [0.0] * len(self._fixed)
            else:
                found += [_normalised(bins[inside], values[inside]) for bins in self._fixed]
        return found

    def total(self, matrix: Matrix) -> float:
        """Return the sum over all pairs."""
        return sum(self.of_pairs(matrix))


def _normalised(fixed: Any, moving: Float[np.ndarray[Any, Any], " place"]) -> float:
    """Return the mutual information of whole and of fractional bins over the mean of their entropies."""
    below = np.minimum(moving.astype(np.int64), _BINS - 2)
    above = moving - below
    joint = np.bincount(fixed * _BINS + below, 1 - above, _BINS * _BINS)
    joint += np.bincount(fixed * _BINS + below + 1, above, _BINS * _BINS)
    shares = joint.reshape(_BINS, _BINS) / len(fixed)
    first, second = _entropy(shares.sum(axis=1)), _entropy(shares.sum(axis=0))
    if first <= 0 or second <= 0:
        return 0.0
    return (first + second - _entropy(shares)) / ((first + second) / 2)


def _entropy(shares: Float[np.ndarray[Any, Any], "*bins"]) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def _limits(values: Float[np.ndarray[Any, Any], " value"]) -> tuple[float, float]:
    low, high = (float(limit) for limit in np.percentile(values, _PERCENTILES)) if len(values) else (0.0, 0.0)
    return low, high if high > low else low + 1.0


def _binned(values: Float[np.ndarray[Any, Any], " place"]) -> Float[np.ndarray[Any, Any], " place"]:
    low, high = _limits(values[np.isfinite(values)])
    return np.clip((values - low) / (high - low) * _BINS, 0, _BINS - 1)


def _binned_image(image: Image) -> Image:
    """Bin a moving image by all of its voxels with signal, wherever its header puts it."""
    low, high = _limits(image.voxels[image.voxels > 0])
    scaled = np.clip((image.voxels - low) / (high - low), 0, 1) * (_BINS - 1)
    return Image(voxels=scaled.astype(np.float32), grid=image.grid)
