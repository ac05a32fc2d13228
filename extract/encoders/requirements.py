"""The table of `python -m extract encoders`: what each encoder may be used for, and what it lacks here.

Enters: the cards, and where weights are looked for. Leaves: lines of text. Nothing is downloaded and no
weight is read. A module counts as there where it is installed, but timm is imported: the torchvision that it
needs is often installed and of another torch, and nothing else tells.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import Path

from extract.encoders.card import OF_THE_MODEL, EncoderCard
from extract.encoders.hub import where_to_put
from extract.encoders.registry import REMEDIES, encoder_cards, is_callable
from extract.encoders.weights import WeightsSource
from feature_cache.errors import RecipeError

#: Modules of which being installed says too little.
IMPORTED = frozenset({"timm"})

_HEADER = ("name", "modality", "dim", "licence", "access", "commercial", "to run it here")


def encoder_table(weights: Path | None) -> list[str]:
    """Return a header, a line an encoder, what volume networks are shown, and what to do about modules.

    Parameters
    ----------
    weights
        The folder of --weights.
    """
    source = WeightsSource(root=weights)
    cards = encoder_cards()
    rows = [_HEADER, *(_row(card, source) for card in cards)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER) - 1)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows]
    lines += [f"{card.name} is shown: {card.contract.in_words()}" for card in cards if card.contract]
    faults = {module: _fault(module) for card in cards for module in card.requires}
    lines += [f"{module}: {fault}. {REMEDIES.get(module, '')}" for module, fault in faults.items() if fault]
    return lines


def what_is_missing(card: EncoderCard, source: WeightsSource) -> str:
    """Return "ready", or which modules, weights and leave a card lacks."""
    if not is_callable(card):
        return "cannot be run: it is not known how its makers' code is called"
    needs = [module for module in card.requires if _fault(module)]
    if card.makers_code and card.name not in source.trusted:
        needs.append(f"leave to run its makers' code (--trust-remote-code {card.name})")
    if card.weights_needed:
        try:
            if card.licence == OF_THE_MODEL or source.local_files(card) is None:
                needs.append(f"weights: {_where_to_get_them(card, source)}")
        except RecipeError as error:
            needs.append(f"{error.expected}; there is {error.got}")
    return f"needs {'; '.join(needs)}" if needs else "ready"


def _row(card: EncoderCard, source: WeightsSource) -> tuple[str, ...]:
    return (
        card.name,
        card.modality,
        "-" if card.dim is None else str(card.dim),
        card.licence,
        {True: "gated", False: "open", None: OF_THE_MODEL if card.licence == OF_THE_MODEL else "unknown"}[
            card.gated
        ],
        {True: "yes", False: "no", None: "unknown"}[card.commercial],
        what_is_missing(card, source),
    )


@cache
def _fault(module: str) -> str:
    """Return why a module cannot be used, "" where nothing speaks against it."""
    if importlib.util.find_spec(module) is None:
        return "not installed"
    try:
        if module in IMPORTED:
            importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:
        return f"installed, and cannot be imported ({type(error).__name__})"
    return ""


def _where_to_get_them(card: EncoderCard, source: WeightsSource) -> str:
    if card.licence == OF_THE_MODEL:
        return "those of the recipe's `model`, a folder of its name in --weights or a hub id with `revision`"
    local = where_to_put(card, source.root)
    if card.hub_id is None:
        return local
    hub = f"{local} from {card.hub_id}"
    if card.revision is not None:
        return f"{hub}, or let a run download revision {card.revision[:7]}"
    return f"{hub}, or give the recipe its `revision`"
