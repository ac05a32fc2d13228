"""Which encoders there are: every module of this folder that has a `CARD`, or `CARDS` of one family.

Enters: a name. Leaves: a card, or the loaded encoder behind it. Adding an encoder is one card in a file
of this folder; nothing is registered anywhere else.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from functools import cache
from pathlib import Path
from typing import Any

from extract.encoders.card import EncoderCard
from extract.encoders.weights import Weights, WeightsSource
from feature_cache.cohort import Cohort
from feature_cache.errors import BraidError, RecipeError

#: What to do where a module that a network runs on cannot be imported.
REMEDIES = {
    "torch": "Install torch 2.13 for your platform (on a machine without a GPU the CPU build).",
    "transformers": "Run `pip install -e .[networks]`.",
    "timm": "Run `pip install -e .[timm]`; timm imports torchvision, which must be the build that belongs"
    " to your torch (a CPU torch needs the CPU torchvision).",
    "musk": "Install the package of its makers, github lilab-stanford/MUSK, at a commit of your choice.",
    "gigapath": "Install the package of its makers, github prov-gigapath/prov-gigapath, with fairscale.",
    "flash_attn": "Install flash_attn 2.5.8 or later, built for your torch; it needs a GPU.",
    "einops": "Run `pip install einops`.",
    "environs": "Run `pip install environs` in an environment of its own with transformers 4.42.",
    "sacremoses": "Run `pip install sacremoses` there too.",
}


@cache
def _cards() -> tuple[EncoderCard, ...]:
    found = []
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        held = vars(importlib.import_module(f"extract.encoders.{module.name}"))
        cards = (held.get("CARD"), *held.get("CARDS", ()))
        found += [card for card in cards if isinstance(card, EncoderCard)]
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

    Once a process, whichever of its threads asks first: also a refusal is remembered, so that a thousand
    items do not read wrong weights again.
    The loader is called as ``function(card, weights)``.
    """
    with _LOADING:
        loaded = _loaded(card, weights)
    if isinstance(loaded, BraidError):
        raise loaded.with_traceback(None)
    return loaded


_LOADING = threading.Lock()


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
        It is not known how to run it, a module cannot be imported, the weights are not to be had, or they are
        those of another network.
    """
    refuse_uncallable(card)
    import_requirements(card)
    weights = source.find(card, revision=revision)
    importlib.import_module(card.loader.split(":")[0]).check(card, weights)
    return weights


def refuse_cohort(card: EncoderCard, weights: Weights, cohort: Cohort) -> None:
    """Ask the loader's module, where it has a `refuse_cohort`, whether these weights may encode this cohort.

    Raises
    ------
    RecipeError
        They have learnt from it.
    """
    module = importlib.import_module(card.loader.split(":")[0])
    if hasattr(module, "refuse_cohort"):
        module.refuse_cohort(card, weights, cohort)


def is_callable(card: EncoderCard) -> bool:
    """Return whether it is known here how the card's network is asked."""
    return card.architecture.get("call") != "unknown"


def refuse_uncallable(card: EncoderCard) -> None:
    """Refuse a card that is listed with what is known of it, and no more.

    Raises
    ------
    RecipeError
        It is not known how its makers' code is called.
    """
    if not is_callable(card):
        raise RecipeError(
            f"encoder {card.name}",
            expected="an encoder that can be run here",
            got="one of which it is not known how its makers' code is called",
            remedy="Encode with their software and bring the features in with `python -m extract import`.",
        )


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
