"""The `notes` block of a recipe: validated by the encoder that it names, completed, and made settings.

Enters: the block as written. Leaves: the settings that are hashed, and the weights behind them. Each encoder
has a block of its own, so that a key of another one is refused.
"""

from __future__ import annotations

from extract.encoders.bert import BertBlock, check_window
from extract.encoders.card import EncoderCard
from extract.encoders.registry import find_encoder, find_weights
from extract.encoders.weights import WeightsSource
from extract.item import ResolvedBlock
from extract.notes.encoder import NotesBlock
from extract.notes.hashed_ngrams import HashedNgramsBlock
from extract.recipe import read_block
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.recipe import ResolvedRecipe

MODALITY = "notes"
WITHOUT_WEIGHTS = "hashed_ngrams"
_BLOCKS: dict[str, type[NotesBlock]] = {WITHOUT_WEIGHTS: HashedNgramsBlock, "bert": BertBlock}


def resolve_notes(name: str, block: dict[str, Json], cohort: Cohort, source: WeightsSource) -> ResolvedBlock:
    """Return the recipe with its defaults; the prediction day is one of its settings.

    Raises
    ------
    RecipeError
        Unknown keys, wrong values, an encoder that no card for notes has, or a model that it cannot run.
    """
    card = find_encoder(str(block.get("encoder", WITHOUT_WEIGHTS)), MODALITY)
    chosen = read_block(_BLOCKS[card.name], name, MODALITY, block)
    settings: dict[str, Json] = {
        **chosen.model_dump(mode="json"),
        "algorithm": card.algorithm,
        "prediction_day": cohort.card.last_day,
    }
    weights = None
    if isinstance(chosen, HashedNgramsBlock) and chosen.dim is None:
        settings["dim"] = card.dim
    if isinstance(chosen, BertBlock):
        model = chosen.name_model(card)
        weights = find_weights(model, source, chosen.revision)
        check_window(model, chosen, weights)
        settings |= {"precision": card.precision, "weights_sha256": weights.sha256}
    recipe = ResolvedRecipe(name=name, modality=MODALITY, settings=settings)
    return ResolvedBlock(recipe=recipe, weights=weights)


def read_settings(recipe: ResolvedRecipe) -> tuple[EncoderCard, NotesBlock]:
    """Return the card and the block of a resolved recipe, the card with the model that the block names."""
    card = find_encoder(str(recipe.settings["encoder"]), MODALITY)
    kind = _BLOCKS[card.name]
    block = kind.model_validate({name: recipe.settings[name] for name in kind.model_fields})
    return (block.name_model(card) if isinstance(block, BertBlock) else card), block
