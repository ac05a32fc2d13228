"""MedicalNet's 3-D ResNets as encoders of a series: one token for 8 x 8 x 8 voxels.

Enters: a series on its study's grid, and regions. Leaves: the columns of the last feature map with the place
of each in RAS mm, and their means in regions. What the network is given, and what it is not:

* Nothing is resampled. The published networks were trained on CT and MR of many spacings, each volume
  resized to a fixed size; here the recipe's `spacing_mm` decides what 8 voxels are, and a region that holds
  no token centre (they are 8 voxels apart along every axis) has no row.
* One channel, standardised over the voxels that are neither 0 nor outside the field of view. Those become 0;
  the published training filled them with noise, which would make the numbers random. Intensities that a
  recipe prepared (`intensity`) are taken as they are.
* Axes (slice, row, column) as a radiologist sees them.
* The whole crop at once, because a feature sees almost all of it: at most `MAX_VOXELS` voxels.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float32

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.computing import Computing, numbered
from extract.encoders.medicalnet_network import STRIDE, Depth, feature_map, names_needed
from extract.encoders.networks import Shape
from extract.encoders.radiological_view import place, view
from extract.encoders.tensor_check import check_headers, read_tensors
from extract.encoders.weights import Weights
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError

if TYPE_CHECKING:
    from torch import Tensor

#: A voxel takes some 96 bytes on the way (measured): 512 x 512 x 128 voxels 3.2 GB. More is refused.
MAX_VOXELS = 2**25


class MedicalNet:
    """A loaded network; it holds its tensors and nothing of a series."""

    def __init__(self, state: dict[str, Tensor], depth: Depth, card: EncoderCard) -> None:
        assert card.dim is not None
        self._depth, self._computing = depth, Computing.of(card)
        self._state = self._computing.bring(state, names_needed(depth))
        self.used, self.feature_names = self._computing.used, numbered(card.dim)

    def encode(
        self, series: SeriesOnGrid, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
    ) -> EncodedSeries:
        """Encode one series; tokens whose centre is outside the field of view are left out.

        Raises
        ------
        SourceError
            The crop is too large to be held at once, holds nothing that could be standardised, or the network
            gives something that cannot be stored.
        """
        import torch

        if series.voxels.size > MAX_VOXELS:
            raise SourceError(
                f"series {series.sequence}",
                expected=f"at most {MAX_VOXELS:,} voxels, as many as the network is given at once",
                got=f"{series.voxels.size:,} ({' x '.join(map(str, series.voxels.shape))})",
                remedy="Give the recipe a margin_mm around the masks, or a coarser spacing_mm.",
            )
        shown = view(series)
        if series.window is None:
            given = standardise(shown.voxels, series.sequence)
        else:
            given = np.nan_to_num(shown.voxels, nan=0.0)
        volume = torch.from_numpy(given)
        with self._computing.same_bits():
            features = feature_map(self._state, self._depth, volume.to(self._computing.device))
        tokens = self._computing.rows([features.permute(1, 2, 3, 0)])
        centres = float(STRIDE) * np.indices(tuple(features.shape[1:])).reshape(3, -1).T
        return place(tokens, centres, shown, series, regions)


def standardise(
    voxels: Float32[np.ndarray[Any, Any], "slice row column"], sequence: str
) -> Float32[np.ndarray[Any, Any], "slice row column"]:
    """Subtract the mean and divide by the standard deviation of the voxels that are not 0; 0 and NaN -> 0.

    Raises
    ------
    SourceError
        All of them have one value, or there are none.
    """
    tissue = np.isfinite(voxels) & (voxels != 0)
    values = voxels[tissue].astype(np.float64)
    spread = float(values.std()) if len(values) else 0.0
    if spread == 0:
        raise SourceError(
            f"series {sequence}",
            expected="voxels of more than one intensity beside 0",
            got="one intensity" if len(values) else "none but 0 or outside the field of view",
            remedy="Look at the series; take a blank one out of series.csv.",
        )
    standardised = np.zeros(voxels.shape, dtype=np.float32)
    standardised[tissue] = (values - values.mean()) / spread
    return standardised


def load(card: EncoderCard, weights: Weights) -> MedicalNet:
    """Return the network of the card.

    Raises
    ------
    RecipeError
        The tensors are those of another network.
    """
    depth = Depth.model_validate(card.architecture)
    state = read_tensors(weights, partial(_refuse_other_network, card))
    return MedicalNet(state, depth, card)


def check(card: EncoderCard, weights: Weights) -> None:
    """Look at the headers of the weights.

    Raises
    ------
    RecipeError
        The tensors are those of another network.
    """
    check_headers(weights, partial(_refuse_other_network, card))


def _refuse_other_network(card: EncoderCard, shapes: dict[str, Shape]) -> None:
    depth = Depth.model_validate(card.architecture)
    needed = names_needed(depth)
    missing = sorted(needed - shapes.keys())
    last = f"layer4.{depth.blocks[3] - 1}.bn{3 if depth.bottleneck else 2}.weight"
    if missing or shapes[last] != (card.dim,):
        got = f"no {missing[0]} ({len(missing)} missing)" if missing else f"{shapes[last][0]} features"
        raise RecipeError(
            f"encoder {card.name}: weights",
            expected=f"the {len(needed)} tensors of {card.title}, {card.dim} features",
            got=got,
            remedy=f"Take {card.weight_file} from {card.hub_id}.",
        )
