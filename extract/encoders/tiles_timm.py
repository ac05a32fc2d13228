"""Tile networks whose code is in timm; a card gives the model's name and arguments, the weights the rest.

Enters: a card and its weights. Leaves: a `TileNetwork`. timm asks no hub here: the network is built empty
and filled strictly. timm imports torchvision, so it is imported here alone, and late. A card's architecture
may say more: whose `names` the tensors have (foreign_names.py), a `head` behind the network
(timm_heads.py), a `stem` before it (conv_stem.py), what of the tile it is shown (`view`, tile_view.py), and
with which beginnings of names a checkpoint holds what is `unused`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extract.encoders.card import EncoderCard
from extract.encoders.conv_stem import conv_stem
from extract.encoders.foreign_names import under_our_names
from extract.encoders.networks import TileNetwork, load_strictly, pool_tokens, refuse_other_network, shapes_of
from extract.encoders.registry import import_requirements
from extract.encoders.tile_view import viewer
from extract.encoders.timm_heads import Forward, attach
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
    network, encode = build(card)
    load_strictly(card, network, under_our_names(card, read_state(weights)))
    if card.variant in _CUT_OFF:
        import torch

        setattr(network, _CUT_OFF[card.variant], torch.nn.Identity())
    show = viewer(card)
    return TileNetwork(card, network, lambda pixels: encode(show(pixels)))


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
            network, _ = build(card)
            state = {name: torch.empty(shape) for name, shape in shapes.items()}
            ours = under_our_names(card, state)
        refuse_other_network(card, shapes_of(network.state_dict()), shapes_of(ours))


def build(card: EncoderCard) -> tuple[Any, Forward]:
    """Return the card's network with random tensors, and what takes pixels to vectors through it."""
    import timm
    import torch
    from timm.layers.mlp import SwiGLUPacked

    layers: dict[str, Any] = {"SwiGLUPacked": SwiGLUPacked, "SiLU": torch.nn.SiLU}
    written = card.architecture["arguments"]
    assert isinstance(written, dict)
    arguments = {name: layers.get(str(value), value) for name, value in written.items()}
    if card.architecture.get("stem") == "conv":
        arguments["embed_layer"] = conv_stem
    network = timm.create_model(str(card.architecture["model"]), pretrained=False, **arguments)
    if "head" in card.architecture:
        return attach(card, network)
    return network, lambda pixels: _pool(network, pixels, card.variant)


def _pool(network: Any, pixels: Tensor, variant: str) -> Tensor:
    features: Tensor = network.forward_features(pixels)
    if variant == "projected":
        projected: Tensor = network.forward_head(features)
        return projected
    if features.ndim == 4:  # a map (tile, channel, row, column), of Swin (tile, row, column, channel)
        last = getattr(network, "output_fmt", "NCHW") == "NHWC"
        return features.mean(dim=(1, 2) if last else (2, 3))
    return pool_tokens(features, network.num_prefix_tokens, variant)
