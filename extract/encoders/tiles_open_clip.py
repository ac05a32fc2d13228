"""Image towers of CLIP as open_clip saves them; open_clip itself is not needed.

Enters: a card, its weights, and open_clip_config.json beside them. Leaves: a `TileNetwork` of timm. Whether
the network was trained with the quick form of GELU stands in that file alone, not in the tensors: without it
the vectors would be wrong in silence, so it must be there.
"""

from __future__ import annotations

import json
from typing import Any

from extract.encoders import tiles_timm
from extract.encoders.card import EncoderCard
from extract.encoders.networks import TileNetwork
from extract.encoders.weights import Weights
from feature_cache.errors import RecipeError

CONFIG = "open_clip_config.json"


def load(card: EncoderCard, weights: Weights) -> TileNetwork:
    """Return the encoder of a card.

    Raises
    ------
    RecipeError
        timm cannot be imported, or weights or config are not those of the card's network.
    """
    return tiles_timm.load(_as_trained(card, weights), weights)


def check(card: EncoderCard, weights: Weights) -> None:
    """Compare the config with the card, and the weights' headers with the network.

    Raises
    ------
    RecipeError
        They are those of another network, or there is no config.
    """
    tiles_timm.check(_as_trained(card, weights), weights)


def _as_trained(card: EncoderCard, weights: Weights) -> EncoderCard:
    """Return the card with the timm model of the activation that the config names."""
    config = _read(card, weights)
    vision = config.get("vision_cfg", {})
    wanted = card.architecture["vision_cfg"]
    assert isinstance(wanted, dict)
    for field, value in {**wanted, "embed_dim": card.dim}.items():
        found = config.get(field) if field == "embed_dim" else vision.get(field)
        if found != value:
            raise RecipeError(
                f"encoder {card.name}: {CONFIG}",
                expected=f"{field} {value}",
                got=str(found),
                remedy=f"Take the files of {card.hub_id}.",
            )
    model = str(card.architecture["model"])
    if config.get("quick_gelu", False):
        model = model.replace("_clip_", "_clip_quickgelu_")
    return card.model_copy(update={"architecture": {**card.architecture, "model": model}})


def _read(card: EncoderCard, weights: Weights) -> dict[str, Any]:
    try:
        config = json.loads((weights.folder / CONFIG).read_text(encoding="utf-8"))["model_cfg"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecipeError(
            f"encoder {card.name}: {CONFIG}",
            expected="open_clip's config with model_cfg beside the weights: it names the activation",
            got="none" if isinstance(error, OSError) else "a file that is not that",
            remedy="Copy all files of the model into the folder.",
        ) from error
    return dict(config)
