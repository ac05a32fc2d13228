"""DINOv2 on three sequences of a study together, one sequence a channel, beside each of them alone.

Enters: the series of a study on its one grid, and regions. Leaves: of each series what dinov2.py makes of it,
and tokens of the three as the channels of one image. Each channel is scaled by its own percentiles. A
sequence that is not there is masked: its channel is 0 after the normalisation (the mean of ImageNet), so it
adds nothing to any patch, and the entry names it. A network of photographs was never shown such channels:
that a joint token says more than three single ones is for a benchmark to find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float32

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.dinov2 import SLICES_AT_ONCE, Dinov2Slices, image_size, patch_centres, scale
from extract.encoders.dinov2_s import CARD as DINOV2_S
from extract.encoders.from_transformers import check, load_network
from extract.encoders.input_contract import InputContract
from extract.encoders.networks import NORMALISATIONS
from extract.encoders.radiological_view import place, view
from extract.volumes.volume import SeriesOnGrid

if TYPE_CHECKING:
    from torch import Tensor

    from extract.encoders.weights import Weights

__all__ = ["CARD", "Dinov2Jointly", "check", "load"]

Mask = Bool[np.ndarray[Any, Any], "x y z"]
Voxels = Float32[np.ndarray[Any, Any], "slice row column"]

CARD = DINOV2_S.model_copy(
    update={
        "name": "dinov2_s_joint",
        "title": "DINOv2 small on each series, and on T2W, ADC and HBV as the channels of one image",
        "variant": "patch tokens of each series and of three together",
        "jointly": ("t2w", "adc", "hbv"),
        "loader": "extract.encoders.dinov2_joint:load",
        "contract": InputContract(
            channels="three neighbouring slices of one series; jointly T2W, ADC and HBV, missing ones masked",
            intensity="percentiles 0.5 and 99.5 of the crop, of each channel by itself, to [0, 1], then mean"
            " and deviation of ImageNet; a masked channel is 0 after that",
            prepared=True,
        ),
    }
)


class Dinov2Jointly(Dinov2Slices):
    """A loaded network that can also be shown several series of a study at once."""

    def __init__(self, network: Any, card: EncoderCard) -> None:
        super().__init__(network, card)
        self._channels = card.jointly

    def encode_jointly(
        self, series: Sequence[SeriesOnGrid], regions: Mapping[str, Mask]
    ) -> EncodedSeries | None:
        """Encode the sequences of the card together; None where the study has none of them.

        Parameters
        ----------
        series
            Those of a study, all on one grid; others than the card's have no influence.
        regions
            Name -> mask on that grid.

        Returns
        -------
        EncodedSeries
            Tokens whose centre is in the field of view of at least one of them; `shown` names channels and
            what was masked.

        Raises
        ------
        SourceError
            A series of one intensity, or numbers that cannot be stored.
        """
        there = {one.sequence: one for one in series if one.sequence in self._channels}
        if not there:
            return None
        views = {name: view(one) for name, one in there.items()}
        first = next(iter(views.values()))
        channels = {name: scale(one.voxels, name, there[name].window) for name, one in views.items()}
        step_mm = np.linalg.norm(first.affine[:3, 1:3], axis=0)
        size_px = image_size(first.voxels.shape[1:] * step_mm, self._side_px, self._patch_px)
        starts = range(0, len(first.voxels), SLICES_AT_ONCE)
        tokens = self._tokens(
            self._images(channels, slice(start, start + SLICES_AT_ONCE), size_px) for start in starts
        )
        centres = patch_centres(first.voxels.shape, size_px, self._patch_px)
        anywhere = np.isfinite(np.stack([one.voxels for one in views.values()])).any(axis=0)
        seen = replace(first, voxels=np.where(anywhere, np.float32(0), np.float32(np.nan)))
        encoded = place(tokens, centres, seen, next(iter(there.values())), regions)
        masked = [name for name in self._channels if name not in there]
        return replace(encoded, shown={"channels": [*self._channels], "masked": [*masked]})

    def _images(self, channels: Mapping[str, Voxels], part: slice, size_px: tuple[int, int]) -> Tensor:
        """Return (slice, 3, row, column), normalised; masked channels are 0."""
        import torch
        from torch.nn.functional import interpolate

        rows, columns = size_px
        some = next(iter(channels.values()))[part]
        device = self._computing.device
        images = torch.zeros((len(some), len(self._channels), rows, columns), device=device)
        for place_, name in enumerate(self._channels):
            if name in channels:
                slices = torch.from_numpy(np.ascontiguousarray(channels[name][part]))[:, None]
                stretched = interpolate(slices.to(device), size=size_px, mode="bilinear", antialias=True)
                mean, deviation = (values[place_] for values in NORMALISATIONS["imagenet"])
                images[:, place_] = (stretched[:, 0] - mean) / deviation
        return images


def load(card: EncoderCard, weights: Weights) -> Dinov2Jointly:
    """Return the network of the card.

    Raises
    ------
    RecipeError
        The weights are those of another network.
    """
    check(card, weights)
    return Dinov2Jointly(load_network(card, weights, unused=("embeddings.mask_token",)), card)
