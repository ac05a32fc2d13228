"""Which encoders there are: every module of this folder that has a `CARD`.

Enters: a name. Leaves: a card, or the loaded encoder behind it. Adding an encoder is one file with one
card; nothing is registered anywhere else.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any

from extract.encoders.card import EncoderCard
from extract.encoders.weights import Weights, WeightsSource
from feature_cache.errors import BraidError, RecipeError

#: What to do where a module that a network runs on cannot be imported.
REMEDIES = {
    "torch": "Install torch 2.13 for your platform (on a machine without a GPU the CPU build).",
    "transformers": "Run `pip install -e .[networks]`.",
    "timm": "Run `pip install -e .[timm]`; timm imports torchvision, which must be the build that belongs"
    " to your torch (a CPU torch needs the CPU torchvision).",
}


@cache
def _cards() -> tuple[EncoderCard, ...]:
    found = []
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        card = getattr(importlib.import_module(f"extract.encoders.{module.name}"), "CARD", None)
        if isinstance(card, EncoderCard):
            found.append(card)
    return tuple(sorted(found, key=lambda card: (card.modality, card.name)))


def encoder_cards(modality: str | None = None) -> list[EncoderCard]:
    """Return every card, or those of one modality, sorted by modality and name."""
    return [card for card in _cards() if modality in (None, card.modality)]


def find_encoder(name: str, modality: str | None = None) -> EncoderCard:
    """Return the card of this name.

    Raises
    ------
    RecipeError
        No encoder of that name (and modality) is known; the message lists the known ones.
    """
    known = encoder_cards(modality)
    for card in known:
        if card.name == name:
            return card
    raise RecipeError(
        f"encoder {name}",
        expected=f"one of {', '.join(card.name for card in known)}",
        got="a name that no card has" + (f" for {modality}" if modality else ""),
        remedy="Mend the name, or add a card in extract/encoders.",
    )


def load_encoder(card: EncoderCard, weights: Weights | None = None) -> Any:
    """Import and call the card's loader; what comes back depends on the modality (`TileEncoder`, ...).

    Once a process: also a refusal is remembered, so that a thousand items do not read wrong weights again.
    The loader is called as ``function(card, weights)``.
    """
    loaded = _loaded(card, weights)
    if isinstance(loaded, BraidError):
        raise loaded.with_traceback(None)
    return loaded


@cache
def _loaded(card: EncoderCard, weights: Weights | None) -> Any:
    module, function = card.loader.split(":")
    try:
        return getattr(importlib.import_module(module), function)(card, weights)
    except BraidError as error:
        return error


def find_weights(card: EncoderCard, source: WeightsSource, revision: str | None) -> Weights:
    """Return the weights of a network that can run here, so that a run is refused once and not item by item.

    Whether they are the card's is what the loader's module tells (``check(card, weights)``), from headers
    and config.json alone: a plan reads no gigabytes.

    Raises
    ------
    RecipeError
        A module cannot be imported, the weights are not to be had, or they are those of another network.
    """
    import_requirements(card)
    weights = source.find(card, revision=revision)
    importlib.import_module(card.loader.split(":")[0]).check(card, weights)
    return weights


def import_requirements(card: EncoderCard) -> None:
    """Import what a network runs on.

    Raises
    ------
    RecipeError
        A module is not installed or cannot be imported; the message says what to install.
    """
    for module in card.requires:
        try:
            importlib.import_module(module)
        except (ImportError, OSError, RuntimeError) as error:  # RuntimeError: torchvision of another torch
            raise RecipeError(
                f"encoder {card.name}",
                expected=f"the module {module}",
                got=f"none that can be imported ({type(error).__name__})",
                remedy=REMEDIES.get(module, "Run `make install`."),
            ) from error
