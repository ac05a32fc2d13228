"""Tile networks whose code is in timm; a card gives the model's name and arguments, the weights the rest.

Enters: a card and its weights. Leaves: a `TileNetwork`. timm asks no hub here: the network is built empty
and filled strictly. timm imports torchvision, so it is imported here alone, and late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extract.encoders.card import EncoderCard
from extract.encoders.networks import TileNetwork, load_strictly, pool_tokens, refuse_other_network, shapes_of
from extract.encoders.registry import import_requirements
from extract.encoders.weights import Weights, read_shapes, read_state

if TYPE_CHECKING:
    from torch import Tensor

#: The part of a convolutional network that a variant does without.
_CUT_OFF = {"layer3_mean": "layer4"}


def load(card: EncoderCard, weights: Weights) -> TileNetwork:
    """Return the encoder of a card.

    Raises
    ------
    RecipeError
        timm cannot be imported, or the weights are not those of the card's network.
    """
    import_requirements(card)
    network = build(card)
    load_strictly(card, network, read_state(weights))
    if card.variant in _CUT_OFF:
        import torch

        setattr(network, _CUT_OFF[card.variant], torch.nn.Identity())

    def forward(pixels: Tensor) -> Tensor:
        features: Tensor = network.forward_features(pixels)
        if features.ndim == 4:  # a map (tile, channel, row, column)
            return features.mean(dim=(2, 3))
        return pool_tokens(features, network.num_prefix_tokens, card.variant)

    return TileNetwork(card, network, forward)


def check(card: EncoderCard, weights: Weights) -> None:
    """Compare names and shapes in the weights' headers with the card's network, built without memory.

    Raises
    ------
    RecipeError
        The weights are those of another network. (Pickled ones have no header: told when they are loaded.)
    """
    import torch

    shapes = read_shapes(weights)
    if shapes is not None:
        with torch.device("meta"):
            network = build(card)
        refuse_other_network(card, shapes_of(network.state_dict()), shapes)


def build(card: EncoderCard) -> Any:
    """Return the card's network with random tensors: `architecture["model"]` and `["arguments"]`."""
    import timm
    import torch
    from timm.layers.mlp import SwiGLUPacked

    layers: dict[str, Any] = {"SwiGLUPacked": SwiGLUPacked, "SiLU": torch.nn.SiLU}
    written = card.architecture["arguments"]
    assert isinstance(written, dict)
    arguments = {name: layers.get(str(value), value) for name, value in written.items()}
    return timm.create_model(str(card.architecture["model"]), pretrained=False, **arguments)
