"""The zones of the prostate on T2W: a published network as an encoder of slices and as a segmenter.

Enters: a T2W series. Leaves: tokens of 16 x 16 px from the bottom of the U with their places and their means
in regions; or a label for every voxel of the series. What the network is shown is what it was trained on, the
T2W of task 5 of the Medical Segmentation Decathlon, as far as that is public:

* Slices resampled in plane to .625 mm, slices themselves as they are (the loader of its makers says .625 x
  .625 x 3.6 mm, the median of the data; the network is 2-D).
* The slice and its mirror images along columns, rows and both; what comes out, turned back, is averaged. The
  loader takes arrays as they lie in their files, so how the slices lay is known at second hand alone (right-
  anterior-superior, says arXiv 1902.09063 of the Decathlon), and the training of its makers' prostate models
  mirrored them at random along both axes. The mean asks for no guess, and is the same for a mirrored file.
* The middle 288 x 288 px, as the example beside the checkpoint has it; outside the field of view 0.
* Each slice from its own minimum and maximum to [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, UInt8

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.computing import Computing, numbered
from extract.encoders.input_contract import InputContract, ShownSeries, show
from extract.encoders.networks import refuse_other_network
from extract.encoders.prostate_zones_network import STRIDE, bottom_map, shapes_needed, zone_logits
from extract.encoders.shown_tokens import place_tokens
from extract.encoders.tensor_check import check_headers, read_tensors
from extract.encoders.weights import Weights
from extract.volumes.geometry import VoxelGrid
from extract.volumes.resample import resample_linear
from extract.volumes.volume import SeriesOnGrid

if TYPE_CHECKING:
    from torch import Tensor

#: Central gland and transition zone are one class of the Decathlon.
LABELS = {1: "PZ", 2: "TZ"}
#: A crop of 192 px is the smallest that its makers use.
_LEAST_MM = 120.0

CARD = EncoderCard(
    name="prostate_zones",
    title="2-D U-Net for prostate zones on T2W, the map at its bottom; a token is 16 x 16 px of 0.625 mm",
    modality="volumes",
    dim=128,
    normalisation="each slice by its minimum and maximum",
    variant="bottom of the U",
    licence="BSD-3-Clause",
    commercial=True,
    weight_file="prostate_seg_unet_16.safetensors",
    companions=(),
    loader="extract.encoders.prostate_zones:load",
    source="Chen et al. 2022, AdvChain (arXiv 2206.12289); github.com/cherise215/advchain at ed5cd70;"
    " trained on T2W of the Medical Segmentation Decathlon, task 5",
    weights_needed=True,
    requires=("torch",),
    contract=InputContract(
        sequences=("t2w", "t2"),
        channels="one slice, asked four times: as it is and mirrored along columns, rows and both",
        orientation="LPS",
        spacing_mm=(0.625, 0.625, None),
        size=(288, 288, None),
        least_extent_mm=_LEAST_MM,
        intensity="each slice by its minimum and maximum to [0, 1]; 0 outside the field of view",
    ),
)


class ProstateZones:
    """The loaded network, as `VolumeEncoder` and as `extract.segment.segmenter.Segmenter`."""

    labels = LABELS
    #: Cases of the Decathlon's task 5: whether one of a cohort here is among them is not known.
    training_case_ids: tuple[str, ...] | None = None

    def __init__(self, state: dict[str, Tensor], card: EncoderCard) -> None:
        assert card.contract is not None and card.dim is not None
        self._card, self._contract, self._computing = card, card.contract, Computing.of(card)
        self._state = self._computing.bring(state, shapes_needed())
        self.used, self.feature_names = self._computing.used, numbered(card.dim)

    def encode(
        self, series: SeriesOnGrid, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
    ) -> EncodedSeries:
        """Encode a T2W series; tokens whose centre is outside the field of view are left out.

        Raises
        ------
        SourceError
            A series that the contract of the card refuses, or numbers that cannot be stored.
        """
        shown = show(self._contract, series, regions, self._card.name)
        with self._computing.same_bits():
            maps = mirrored_mean(partial(bottom_map, self._state), self._slices(shown))
            tokens = self._computing.rows([maps.permute(0, 2, 3, 1)])
        rows, columns = (STRIDE * np.arange(side) + (STRIDE - 1) / 2 for side in maps.shape[2:])
        slices = np.arange(len(maps), dtype=np.float64)
        return place_tokens(tokens, (slices, rows, columns), shown, series, regions)

    def segment(self, series: SeriesOnGrid) -> UInt8[np.ndarray[Any, Any], "x y z"]:
        """Label every voxel of a T2W series: 0 background, 1 peripheral, 2 transition zone.

        Class probabilities are brought to the grid of the series linearly and the largest wins; what the
        network was not shown is background.

        Raises
        ------
        SourceError
            Another sequence or plane, an unknown spacing, or a series of less than 120 mm.
        """
        shown = show(self._contract, series, {}, self._card.name)
        with self._computing.same_bits():
            chances = mirrored_mean(self._chances, self._slices(shown)).float().cpu().numpy()
        x, y, z = series.voxels.shape
        columns, rows, slices = shown.voxels.shape
        seen = VoxelGrid(size=(columns, rows, slices), affine=shown.affine)
        own = VoxelGrid(size=(x, y, z), affine=series.affine)
        laid = np.stack([resample_linear(one, seen, own) for one in chances.transpose(1, 3, 2, 0)])
        labels: UInt8[np.ndarray[Any, Any], "x y z"] = laid.argmax(axis=0).astype(np.uint8)
        labels[~np.isfinite(laid[0])] = 0
        return labels

    def _chances(self, slices: Tensor) -> Tensor:
        return zone_logits(self._state, slices).softmax(dim=1)

    def _slices(self, shown: ShownSeries) -> Tensor:
        """Return (slice, 1, row, column), each slice in [0, 1]; a slice of one value is 0."""
        import torch

        voxels = np.nan_to_num(shown.voxels, nan=0.0).transpose(2, 1, 0)
        low, high = (edge(voxels, axis=(1, 2), keepdims=True) for edge in (np.min, np.max))
        scaled = (voxels - low) / np.where(high > low, high - low, 1)
        slices = torch.from_numpy(np.ascontiguousarray(scaled[:, None], dtype=np.float32))
        return slices.to(self._computing.device)


def mirrored_mean(network: Callable[[Tensor], Tensor], slices: Tensor) -> Tensor:
    """Return the mean over four mirror images of what a network makes of slices, each turned back.

    `network` takes (slice, 1, row, column) to (slice, channel, row, column), where sides may be smaller.
    """
    import torch

    turned = [network(slices.flip(axes)).flip(axes) for axes in ((), (2,), (3,), (2, 3))]
    return torch.stack(turned).mean(dim=0)


def load(card: EncoderCard, weights: Weights) -> ProstateZones:
    """Return the network of the card.

    Raises
    ------
    RecipeError
        The tensors are those of another network.
    """
    return ProstateZones(read_tensors(weights, partial(refuse_other_network, card, shapes_needed())), card)


def check(card: EncoderCard, weights: Weights) -> None:
    """Look at the headers of the weights.

    Raises
    ------
    RecipeError
        The tensors are those of another network.
    """
    check_headers(weights, partial(refuse_other_network, card, shapes_needed()))
