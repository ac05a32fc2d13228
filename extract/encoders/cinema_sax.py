"""CineMA on a short-axis stack, one frame at a time: a token for 16 x 16 px of each slice.

Enters: a cine series (one frame of it), the left ventricle's cavity. Leaves: tokens with their places in RAS
mm and their means in regions. What the network is shown, after the published preprocessing:

* 192 x 192 px of 1 mm around the cavity, slices 10 mm apart; a mask of the cavity is needed, as it was there
  (theirs is the middle of its box, here its centre of gravity). A crop that leaves more than a quarter of a
  side empty is refused: what is around the heart was always there.
* Up to 16 slices; the missing ones are 0 and come after the last. More are refused.
* Slices the way a radiologist sees them. Theirs are as they lie in their files, which is not published: the
  one step that had to be guessed.
* Intensities clipped at the 0.95th and the 99.5th percentile (the published code asks for `percentile(a,
  0.95)` where its comment says 0.95: as it computes, not as it says), then to [0, 1], each frame alone.

The published weights were not at hand when this was written: names and shapes are those of the published
code, its numbers were compared with modules of torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.cinema_network import PATCH_PX, UNUSED, CinemaForm, frame_tokens, shapes_needed
from extract.encoders.computing import Computing, numbered
from extract.encoders.input_contract import InputContract, ShownSeries, show
from extract.encoders.networks import refuse_other_network
from extract.encoders.shown_tokens import place_tokens
from extract.encoders.tensor_check import Refuse, check_headers, read_tensors
from extract.encoders.weights import Weights
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import SourceError

if TYPE_CHECKING:
    from torch import Tensor

PERCENTILES = (0.95, 99.5)
#: Three quarters of the window that it was trained on.
_LEAST_MM = 144.0

CARD = EncoderCard(
    name="cinema_sax",
    title="CineMA on short-axis cine, one frame; a token stands for 16 x 16 px of 1 mm in one slice",
    modality="volumes",
    dim=768,
    input_px=192,
    normalisation="percentiles 0.95 and 99.5 of the crop to [0, 1]",
    variant="fused patch tokens",
    licence="MIT",
    commercial=True,
    weight_file="cinema.safetensors",
    companions=(),
    architecture={
        "frame": [192, 192, 16], "width": 768, "depth": 12, "heads": 12,
        "stages": [64, 128], "blocks_per_stage": 2,
    },
    loader="extract.encoders.cinema_sax:load",
    source="Fu et al. 2025, CineMA (arXiv 2506.00679); github.com/mathpluscode/CineMA at 4e352ac; weights:"
    " pretrained/cinema.safetensors of mathpluscode/CineMA on the hub; not run here with them",
    weights_needed=True,
    requires=("torch",),
    contract=InputContract(
        sequences=("cine", "sax", "cine_sax"),
        channels="one frame of a short-axis cine",
        orientation="radiological",
        spacing_mm=(1.0, 1.0, 10.0),
        size=(192, 192, None),
        centred_on="lv_cavity",
        least_extent_mm=_LEAST_MM,
        region_needed="lv_cavity",
        intensity="percentiles 0.95 and 99.5 of the crop to [0, 1]; 0 outside; empty slices after the last",
    ),
)  # fmt: skip


class CinemaSax:
    """A loaded network; it holds its tensors and nothing of a series."""

    def __init__(self, state: dict[str, Tensor], card: EncoderCard) -> None:
        assert card.contract is not None
        self._card, self._contract, self._computing = card, card.contract, Computing.of(card)
        self._form = CinemaForm.model_validate(card.architecture)
        self._state = self._computing.bring(state, shapes_needed(self._form))
        self.used, self.feature_names = self._computing.used, numbered(self._form.width)

    def encode(
        self, series: SeriesOnGrid, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
    ) -> EncodedSeries:
        """Encode one frame; tokens whose centre is outside the field of view are left out.

        Raises
        ------
        SourceError
            A series that the card's contract refuses, more than 16 slices, one intensity, or numbers that
            cannot be stored.
        """
        shown = show(self._contract, series, regions, self._card.name)
        with self._computing.same_bits():
            tokens = frame_tokens(self._state, self._form, self._frame(shown, series.sequence))
        slices = shown.voxels.shape[2]
        columns, rows, _ = self._form.grid
        kept = tokens.view(columns, rows, -1, self._form.width)[:, :, :slices].permute(2, 1, 0, 3)
        places = [PATCH_PX * np.arange(count) + (PATCH_PX - 1) / 2 for count in (rows, columns)]
        where = (np.arange(slices, dtype=np.float64), places[0], places[1])
        return place_tokens(self._computing.rows([kept]), where, shown, series, regions)

    def _frame(self, shown: ShownSeries, sequence: str) -> Tensor:
        """Return (column, row, slice) in [0, 1], filled up with empty slices."""
        import torch

        at_most, voxels = self._form.frame[2], shown.voxels
        if voxels.shape[2] > at_most:
            raise SourceError(
                f"series {sequence} for encoder {self._card.name}",
                expected=f"at most {at_most} slices of 10 mm",
                got=f"{voxels.shape[2]}",
                remedy="Give the volumes block of the recipe a smaller `margin_mm` around the masks.",
            )
        values = voxels[np.isfinite(voxels)]
        low, high = np.percentile(values, PERCENTILES) if len(values) else (0.0, 0.0)
        if high <= low:
            raise SourceError(
                f"series {sequence} for encoder {self._card.name}",
                expected="voxels of many intensities around the ventricle",
                got="nearly all of one intensity" if len(values) else "none in the field of view",
                remedy="Look at the series; take a blank one out of series.csv.",
            )
        frame = np.zeros(self._form.frame, dtype=np.float32)
        scaled = np.clip((voxels - low) / (high - low), 0, 1)
        frame[:, :, : voxels.shape[2]] = np.nan_to_num(scaled, nan=0.0)
        return torch.from_numpy(frame).to(self._computing.device)


def load(card: EncoderCard, weights: Weights) -> CinemaSax:
    """Return the network of the card.

    Raises
    ------
    RecipeError
        The tensors are those of another network.
    """
    return CinemaSax(read_tensors(weights, _refusal(card)), card)


def check(card: EncoderCard, weights: Weights) -> None:
    """Look at the headers of the weights.

    Raises
    ------
    RecipeError
        The tensors are those of another network.
    """
    check_headers(weights, _refusal(card))


def _refusal(card: EncoderCard) -> Refuse:
    needed = shapes_needed(CinemaForm.model_validate(card.architecture))
    return partial(refuse_other_network, card, needed, unused=UNUSED)
