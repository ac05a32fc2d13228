"""Slide encoders that run with their makers' code: how each of them is asked.

Enters: a card and its weights. Leaves: a `SlideNetwork`. TITAN, PRISM and Feather bring their code beside
their weights (extract/encoders/makers_code.py: by leave alone, and as hashed); GigaPath's is the package
gigapath. The calls are those of TRIDENT and slide2vec; no published weights were run here.

Places are given in steps of the grid times the tile that the encoder was trained with, not in pixels of
level 0: there a tile's side is no whole number, and the encoders would divide by a rounded one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.encoders import makers_code
from extract.encoders.card import EncoderCard
from extract.encoders.networks import load_strictly
from extract.encoders.registry import import_requirements
from extract.encoders.weights import Weights, read_state
from extract.slide_vector.encoder import SlideNetwork

if TYPE_CHECKING:
    from torch import Tensor

#: Of the 13 layers that GigaPath's network gives, its input the first, the one that TRIDENT takes.
GIGAPATH_LAYER = 11


def load(card: EncoderCard, weights: Weights) -> SlideNetwork:
    """Return the encoder of a card.

    Raises
    ------
    RecipeError
        The makers' code is not there or does not run here, or the tensors are not those of its network.
    """
    import_requirements(card)
    call = str(card.architecture["call"])
    network = (
        _gigapath(card, weights) if call == "gigapath" else makers_code.load_makers_network(card, weights)
    )
    tile_px = int(str(card.architecture["tile_px"]))
    ask = {"titan": _ask_titan, "prism": _ask_prism, "feather": _ask_feather, "gigapath": _ask_gigapath}[call]

    def forward(tiles: Tensor, places: Tensor) -> Tensor:
        return ask(network, tiles, places * tile_px, tile_px)

    return SlideNetwork(card, network, forward)


def check(card: EncoderCard, weights: Weights) -> None:
    """Refuse code that is not among the hashed files; runs nothing.

    Raises
    ------
    RecipeError
        config.json names no code, or other code.
    """
    if card.makers_code:
        makers_code.check(card, weights)


def _ask_titan(network: Any, tiles: Tensor, xy: Tensor, tile_px: int) -> Tensor:
    vector: Tensor = network.encode_slide_from_patch_features(tiles, xy, np.int64(tile_px))
    return vector


def _ask_prism(network: Any, tiles: Tensor, xy: Tensor, tile_px: int) -> Tensor:
    vector: Tensor = network.slide_representations(tiles)["image_embedding"]
    return vector


def _ask_feather(network: Any, tiles: Tensor, xy: Tensor, tile_px: int) -> Tensor:
    vector: Tensor = network.forward_features(tiles)[0]
    return vector


def _ask_gigapath(network: Any, tiles: Tensor, xy: Tensor, tile_px: int) -> Tensor:
    network.tile_size = tile_px
    vector: Tensor = network(tiles, xy.float(), all_layer_embed=True)[GIGAPATH_LAYER]
    return vector


def _gigapath(card: EncoderCard, weights: Weights) -> Any:
    """Return GigaPath's network; its package would read a pickle by itself, so it is given no path."""
    package = importlib.import_module("gigapath.slide_encoder")
    model, width = str(card.architecture["model"]), int(str(card.architecture["in_chans"]))
    network = package.create_model("", model, width, global_pool=True)
    load_strictly(card, network, read_state(weights))
    return network
