"""Tile networks whose code is in transformers; the config.json beside the weights says how large they are.

Enters: a card and its weights. Leaves: a `TileNetwork`. See from_transformers.py for how they are loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extract.encoders.card import EncoderCard
from extract.encoders.from_transformers import check, load_network
from extract.encoders.networks import TileNetwork, pool_tokens
from extract.encoders.tile_view import viewer
from extract.encoders.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check", "load"]


def load(card: EncoderCard, weights: Weights) -> TileNetwork:
    """Return the encoder of a card.

    Raises
    ------
    RecipeError
        The weights are not those of the card's network.
    """
    config = check(card, weights)
    network = load_network(card, weights, unused=("embeddings.mask_token", "pooler."))
    show = viewer(card)
    prefix = 1 + int(config.get("num_register_tokens", 0))

    def forward(pixels: Tensor) -> Tensor:
        tokens: Tensor = network(pixel_values=show(pixels)).last_hidden_state
        return pool_tokens(tokens, prefix, card.variant)

    return TileNetwork(card, network, forward)
