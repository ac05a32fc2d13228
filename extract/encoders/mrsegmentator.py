"""MRSegmentator, an nnU-Net for forty structures in MR and CT, as an encoder: the map at its bottom.

Enters: a series on its study's grid, and regions. Leaves: tokens with their places in RAS mm, and their means
in regions. What the network is shown: the whole crop, axes left-posterior-superior, 1.5 x 1.5 x 3 mm, minus
its mean and by its deviation. nnU-Net cuts larger volumes into windows; here the crop goes through at once,
at most `MAX_VOXELS`, because a feature sees nearly all of it and instance norms see all of it.

How many stages and features there are is not published beside the code: it is read from the plans.json that
lies with the trained model, and the tensors must fit it. nnU-Net's checkpoint holds more than tensors, which
is not run here: save its `network_weights` as safetensors. The published weights were not at hand when this
was written. A model of residual blocks is refused by its plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.computing import Computing, numbered
from extract.encoders.input_contract import InputContract, show
from extract.encoders.networks import Shape, refuse_other_network
from extract.encoders.nnunet_encoder import PLANS, NnunetPlan, bottom_map, read_plan, shapes_needed
from extract.encoders.shown_tokens import place_tokens
from extract.encoders.tensor_check import check_headers, read_tensors
from extract.encoders.weights import Weights
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError

if TYPE_CHECKING:
    from torch import Tensor

#: At 32 features of full resolution and a few maps at once, some 4 GB.
MAX_VOXELS = 2**23

CARD = EncoderCard(
    name="mrsegmentator",
    title="MRSegmentator's nnU-Net, the map at its bottom; how many voxels a token stands for is in its plan",
    modality="volumes",
    dim=320,
    normalisation="mean and deviation of the crop",
    variant="bottom of the U",
    licence="Apache-2.0 (code; weights not stated apart)",
    commercial=None,
    companions=(PLANS,),
    loader="extract.encoders.mrsegmentator:load",
    source="Häntze et al. 2024, MRSegmentator (arXiv 2405.06463); github.com/hhaentze/MRSegmentator; not run"
    " here with the published weights",
    weights_needed=True,
    requires=("torch",),
    contract=InputContract(
        channels="one series",
        orientation="LPS",
        spacing_mm=(1.5, 1.5, 3.0),
        intensity="minus the mean of the crop, by its deviation; 0 outside the field of view",
    ),
)


class Mrsegmentator:
    """A loaded network; it holds its tensors and nothing of a series."""

    def __init__(self, state: dict[str, Tensor], plan: NnunetPlan, card: EncoderCard) -> None:
        assert card.contract is not None
        self._plan, self._card, self._contract = plan, card, card.contract
        self._computing = Computing.of(card)
        self._state = self._computing.bring(state, shapes_needed(plan))
        self.used, self.feature_names = self._computing.used, numbered(plan.features[-1])

    def encode(
        self, series: SeriesOnGrid, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
    ) -> EncodedSeries:
        """Encode one series; tokens whose centre is outside the field of view are left out.

        Raises
        ------
        SourceError
            A series that the card's contract refuses, one too large to be held or too small for the network,
            one of one intensity, or numbers that cannot be stored.
        """
        import torch

        shown = show(self._contract, series, regions, self._card.name)
        voxels = shown.voxels.transpose(2, 1, 0)
        self._refuse_size(voxels.shape, series.sequence)
        values = voxels[np.isfinite(voxels)].astype(np.float64)
        if not len(values) or values.std() == 0:
            raise SourceError(
                f"series {series.sequence} for encoder {self._card.name}",
                expected="voxels of more than one intensity",
                got="one intensity" if len(values) else "none in the field of view",
                remedy="Look at the series; take a blank one out of series.csv.",
            )
        scaled = np.nan_to_num((voxels - values.mean()) / values.std(), nan=0.0).astype(np.float32)
        with self._computing.same_bits():
            volume = torch.from_numpy(np.ascontiguousarray(scaled)).to(self._computing.device)
            bottom = bottom_map(self._state, self._plan, volume)
            tokens = self._computing.rows([bottom.permute(1, 2, 3, 0)])
        centres = [
            float(step) * np.arange(side)
            for step, side in zip(self._plan.step, bottom.shape[1:], strict=True)
        ]
        return place_tokens(tokens, (centres[0], centres[1], centres[2]), shown, series, regions)

    def _refuse_size(self, shape: tuple[int, ...], sequence: str) -> None:
        """Refuse a crop that cannot be held, or whose bottom is one voxel: instance norms need two."""
        step = self._plan.step
        if int(np.prod(shape)) <= MAX_VOXELS and any(n > s for n, s in zip(shape, step, strict=True)):
            return
        raise SourceError(
            f"series {sequence} for encoder {self._card.name}",
            expected=f"more than {' x '.join(map(str, step))} voxels (slices first), at most {MAX_VOXELS:,}",
            got=" x ".join(map(str, shape)),
            remedy="Give the volumes block of the recipe another `margin_mm` around the masks.",
        )


def load(card: EncoderCard, weights: Weights) -> Mrsegmentator:
    """Return the network of the card.

    Raises
    ------
    RecipeError
        There is no plan, or plan and tensors are those of another network.
    """
    plan = _plan(card, weights)
    return Mrsegmentator(read_tensors(weights, partial(_refuse, card, plan)), plan, card)


def check(card: EncoderCard, weights: Weights) -> None:
    """Look at the plan and the weights' headers.

    Raises
    ------
    RecipeError
        There is no plan, or plan and tensors are those of another network.
    """
    check_headers(weights, partial(_refuse, card, _plan(card, weights)))


def _plan(card: EncoderCard, weights: Weights) -> NnunetPlan:
    plan = read_plan(weights.folder, card.name)
    assert card.contract is not None
    wanted = tuple(reversed(card.contract.spacing_mm))
    if plan.features[-1] != card.dim or plan.spacing != wanted:
        raise RecipeError(
            f"encoder {card.name}: {PLANS}",
            expected=f"{card.dim} features at the bottom and voxels of {wanted} mm (slices, rows, columns)",
            got=f"{plan.features[-1]} and {plan.spacing}",
            remedy="Take the files of MRSegmentator's own model.",
        )
    return plan


def _refuse(card: EncoderCard, plan: NnunetPlan, shapes: dict[str, Shape]) -> None:
    """Compare the tensors of the way down; those of the way up, and names given twice, are not used."""
    needed = shapes_needed(plan)
    down = {
        name: shape
        for name, shape in shapes.items()
        if name.startswith("encoder.") and ".all_modules." not in name
    }
    refuse_other_network(card, needed, down)
