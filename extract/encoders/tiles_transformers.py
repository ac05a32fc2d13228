"""Tile networks whose code is in transformers; the config.json beside the weights says how large they are.

Enters: a card and its weights. Leaves: a `TileNetwork`. See from_transformers.py for how they are loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extract.encoders.card import EncoderCard
from extract.encoders.from_transformers import load_network, read_config
from extract.encoders.networks import TileNetwork, pool_tokens
from extract.encoders.weights import Weights
from feature_cache.errors import RecipeError

if TYPE_CHECKING:
    from torch import Tensor


def load(card: EncoderCard, weights: Weights) -> TileNetwork:
    """Return the encoder of a card; every field of its `architecture` must be that of config.json.

    Raises
    ------
    RecipeError
        The weights are not those of the card's network.
    """
    config = read_config(card, weights, (str(card.architecture["model_type"]),))
    for field, value in card.architecture.items():
        if config.get(field) != value:
            raise RecipeError(
                f"encoder {card.name}: config.json",
                expected=f"{field} {value}",
                got=str(config.get(field, "none")),
                remedy=f"Take the files of {card.hub_id}.",
            )
    network = load_network(card, weights, unused=("embeddings.mask_token",))
    prefix = 1 + int(config.get("num_register_tokens", 0))

    def forward(pixels: Tensor) -> Tensor:
        tokens: Tensor = network(pixel_values=pixels).last_hidden_state
        return pool_tokens(tokens, prefix, card.variant)

    return TileNetwork(card, network, forward)
