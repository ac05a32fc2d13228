"""Tile networks that run only with their makers' code: beside the weights, or as an installed package.

Enters: a card and its weights. Leaves: a `TileNetwork`. `call` of the card's architecture says how the
network is asked: `pooler_output` and `vector` for code beside the weights (makers_code.py), `musk` for the
package of that name. A card with the call `unknown` is listed with what is known and refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extract.encoders import makers_code
from extract.encoders.card import EncoderCard
from extract.encoders.networks import TileNetwork, load_strictly
from extract.encoders.registry import import_requirements, refuse_uncallable
from extract.encoders.tile_view import viewer
from extract.encoders.weights import Weights, read_state

if TYPE_CHECKING:
    from torch import Tensor


def load(card: EncoderCard, weights: Weights) -> TileNetwork:
    """Return the encoder of a card.

    Raises
    ------
    RecipeError
        The makers' code is not there, does not run, or is not that of the weights.
    """
    check(card, weights)
    import_requirements(card)
    network = (
        _musk(card, weights) if _call(card) == "musk" else makers_code.load_makers_network(card, weights)
    )
    show = viewer(card)

    def forward(pixels: Tensor) -> Tensor:
        return _ask(network, show(pixels), card)

    return TileNetwork(card, network, forward)


def check(card: EncoderCard, weights: Weights) -> None:
    """Refuse what cannot be asked, and code that is not there; runs nothing.

    Raises
    ------
    RecipeError
        Nobody here knows how the network is asked, or its code is not among the hashed files.
    """
    refuse_uncallable(card)
    if card.makers_code:
        makers_code.check(card, weights)


def _call(card: EncoderCard) -> str:
    return str(card.architecture["call"])


def _ask(network: Any, pixels: Tensor, card: EncoderCard) -> Tensor:
    if _call(card) == "pooler_output":
        pooled: Tensor = network(pixel_values=pixels).pooler_output
        return pooled
    if _call(card) == "musk":
        both = card.variant == "multiscale"
        vector: Tensor = network(image=pixels, with_head=False, out_norm=False, ms_aug=both)[0]
        return vector
    vector = network(pixels)
    return vector


def _musk(card: EncoderCard, weights: Weights) -> Any:
    """Return MUSK's network; the import of its package makes it known to timm."""
    import importlib

    import timm

    importlib.import_module("musk.modeling")
    network = timm.create_model(str(card.architecture["model"]))
    load_strictly(card, network, read_state(weights))
    return network
