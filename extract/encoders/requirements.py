"""What is missing to run an encoder here: modules, or weights.

Enters: a card, and where weights are looked for. Leaves: a line for `python -m extract encoders`. Nothing
is downloaded and no weight is read.
"""

from __future__ import annotations

import importlib.util

from extract.encoders.card import EncoderCard
from extract.encoders.registry import import_requirements
from extract.encoders.weights import WeightsSource
from feature_cache.errors import RecipeError


def what_is_missing(card: EncoderCard, source: WeightsSource) -> str:
    """Return "ready", or what is missing to run a card here; modules are imported where all else is there."""
    absent = [module for module in card.requires if importlib.util.find_spec(module) is None]
    if absent:
        return f"needs {', '.join(absent)}"
    if card.weights_needed and not source.is_local(card):
        return f"needs weights: {_where_to_get_them(card, source)}"
    try:
        import_requirements(card)
    except RecipeError as error:
        return f"needs {error.expected.removeprefix('the module ')}: {error.got}. {error.remedy}"
    return "ready"


def _where_to_get_them(card: EncoderCard, source: WeightsSource) -> str:
    folder = "DIR" if source.root is None else source.root.name
    local = f"put {card.weight_file or 'them'} into {folder}/{card.name}/"
    if card.hub_id is None:
        return local
    hub = f"{local} from {card.hub_id}"
    if card.revision is not None:
        return f"{hub}, or let a run download revision {card.revision[:7]}"
    return f"{hub}, or give the recipe its `revision`"
