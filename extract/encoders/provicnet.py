"""ProViCNet on T2W, ADC or high-b diffusion: a token for 4 x 4 mm of each slice.

Enters: a series on its study's grid, the gland. Leaves: patch tokens with their places in RAS mm, and their
means in regions. What the network is shown, after the published preprocessing:

* 256 x 256 px of 0.5 mm around the gland, slices 3 mm apart, stretched to 448 px: a token is 4 x 4 mm. A crop
  that leaves more than a quarter of a side empty is refused.
* Each slice with its neighbours as the three channels. The first and the last slice have one neighbour alone:
  they are shown as the slice beside them, as published.
* Intensities standardised by mean and deviation inside the gland, whose mask is needed.
* The number of the slice and how many there are.

One card a sequence, because there is one checkpoint a sequence. The published weights were not at hand when
this was written: names and shapes are those of the published code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.computing import Computing, numbered
from extract.encoders.input_contract import InputContract, ShownSeries, show
from extract.encoders.networks import refuse_other_network
from extract.encoders.provicnet_network import PATCH_PX, UNUSED, ProvicnetForm, shapes_needed, slice_tokens
from extract.encoders.shown_tokens import place_tokens
from extract.encoders.tensor_check import Refuse, check_headers, read_tensors
from extract.encoders.weights import Weights
from extract.volumes.region_names import is_gland
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import SourceError

if TYPE_CHECKING:
    from torch import Tensor

#: Three quarters of the window that it was trained on.
_LEAST_MM = 96.0
#: Below this the published code pads with empty slices; here such a series is refused.
LEAST_SLICES = 6
#: A slice of 448 px has 1,024 patches; four of them take some hundred MB on the way.
SLICES_AT_ONCE = 4


def _card(name: str, title: str, sequences: tuple[str, ...], file: str) -> EncoderCard:
    return EncoderCard(
        name=name,
        title=f"ProViCNet on {title}, three neighbouring slices as channels; a token stands for 4 x 4 mm",
        modality="volumes",
        dim=384,
        input_px=448,
        normalisation="mean and deviation inside the gland",
        variant="patch tokens",
        licence="MIT",
        commercial=True,
        hub_id="pimed/ProViCNet",
        weight_file=file,
        companions=(),
        architecture={"width": 384, "depth": 12, "heads": 6, "positions": 37},
        loader="extract.encoders.provicnet:load",
        source="Lee et al. 2025, ProViCNet; github.com/pimed/ProViCNet at 1b016ac; the published weights"
        " were not run here",
        weights_needed=True,
        requires=("torch",),
        contract=InputContract(
            sequences=sequences,
            channels="three: the slice below, the slice itself, the slice above",
            orientation="LPS",
            spacing_mm=(0.5, 0.5, 3.0),
            size=(256, 256, None),
            centred_on="gland",
            region_needed="gland",
            least_extent_mm=_LEAST_MM,
            intensity="minus the mean inside the gland, by the deviation there; 0 outside the field of view",
        ),
    )


CARDS = (
    _card("provicnet_t2", "T2W", ("t2w", "t2"), "T2_best.pth"),
    _card("provicnet_adc", "ADC", ("adc",), "ADC_best.pth"),
    _card("provicnet_dwi", "high-b diffusion", ("hbv", "dwi"), "DWI_best.pth"),
)


class Provicnet:
    """A loaded network; it holds its tensors and nothing of a series."""

    def __init__(self, state: dict[str, Tensor], card: EncoderCard) -> None:
        assert card.contract is not None and card.input_px is not None
        self._card, self._contract, self._side_px = card, card.contract, card.input_px
        self._form, self._computing = ProvicnetForm.model_validate(card.architecture), Computing.of(card)
        self._state = self._computing.bring(state, shapes_needed(self._form))
        self.used, self.feature_names = self._computing.used, numbered(self._form.width)

    def encode(
        self, series: SeriesOnGrid, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
    ) -> EncodedSeries:
        """Encode one series; tokens whose centre is outside the field of view are left out.

        Raises
        ------
        SourceError
            A series that the card's contract refuses, fewer than six slices, a gland of one intensity, or
            numbers that cannot be stored.
        """
        shown = show(self._contract, series, regions, self._card.name)
        slices = self._slices(shown, series, regions)
        middle = np.arange(len(slices)).clip(1, len(slices) - 2)
        with self._computing.same_bits():
            tokens = self._computing.rows(self._tokens(slices, middle))
        patches = self._side_px // PATCH_PX
        side = (np.arange(patches) + 0.5) * shown.voxels.shape[0] / patches - 0.5
        return place_tokens(tokens, (middle.astype(np.float64), side, side), shown, series, regions)

    def _tokens(self, slices: Tensor, middle: Int[np.ndarray[Any, Any], " slice"]) -> Iterator[Tensor]:
        """Yield (slice, patch, width), some slices at a time, each shown around its middle."""
        import torch

        device = self._computing.device
        for start in range(0, len(slices), SLICES_AT_ONCE):
            numbers = torch.arange(start, min(start + SLICES_AT_ONCE, len(slices)), device=device)
            beside = torch.from_numpy(middle[numbers.cpu().numpy()]).to(device)
            images = slices[torch.stack([beside - 1, beside, beside + 1], dim=1)]
            yield slice_tokens(self._state, self._form, self._stretched(images), numbers, len(slices))

    def _stretched(self, images: Tensor) -> Tensor:
        from torch.nn.functional import interpolate

        return interpolate(images, size=(self._side_px, self._side_px), mode="bilinear")

    def _slices(
        self,
        shown: ShownSeries,
        series: SeriesOnGrid,
        regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]],
    ) -> Tensor:
        """Return (slice, row, column), standardised by the gland."""
        import torch

        where = f"series {series.sequence} for encoder {self._card.name}"
        if shown.voxels.shape[2] < LEAST_SLICES:
            raise SourceError(
                where,
                expected=f"at least {LEAST_SLICES} slices of 3 mm",
                got=f"{shown.voxels.shape[2]}",
                remedy="Give the volumes block of the recipe a larger `margin_mm` around the masks.",
            )
        mean, deviation = _of_gland(series, regions, where)
        voxels = np.nan_to_num((shown.voxels.transpose(2, 1, 0) - mean) / deviation, nan=0.0)
        return torch.from_numpy(np.ascontiguousarray(voxels, dtype=np.float32)).to(self._computing.device)


def _of_gland(
    series: SeriesOnGrid, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]], where: str
) -> tuple[float, float]:
    gland = np.any([mask for name, mask in regions.items() if is_gland(name)], axis=0)
    values: Float[np.ndarray[Any, Any], " voxel"] = series.voxels[gland].astype(np.float64)
    values = values[np.isfinite(values)]
    deviation = float(values.std()) if len(values) else 0.0
    if deviation == 0:
        raise SourceError(
            where,
            expected="a gland of more than one intensity",
            got="one intensity" if len(values) else "none of it in the field of view",
            remedy="Look at the series and the mask of the gland.",
        )
    return float(values.mean()), deviation


def load(card: EncoderCard, weights: Weights) -> Provicnet:
    """Return the network of the card.

    Raises
    ------
    RecipeError
        The tensors are those of another network.
    """
    return Provicnet(read_tensors(weights, _refusal(card)), card)


def check(card: EncoderCard, weights: Weights) -> None:
    """Look at the headers of the weights.

    Raises
    ------
    RecipeError
        The tensors are those of another network.
    """
    check_headers(weights, _refusal(card))


def _refusal(card: EncoderCard) -> Refuse:
    needed = shapes_needed(ProvicnetForm.model_validate(card.architecture))
    return partial(refuse_other_network, card, needed, unused=UNUSED)
