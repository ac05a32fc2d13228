"""The `slide_vector` block of a recipe: which slide encoder, over which tiles.

Enters: the block as written, with the `slides` block whose bags it pools. Leaves: the settings that are
hashed, and the weights. A slide encoder was trained on the tiles of one encoder at one size and scale: bags
of another one would give numbers without a meaning, so they are refused.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from extract.encoders.card import EncoderCard
from extract.encoders.registry import find_encoder, find_weights
from extract.encoders.weights import WeightsSource
from extract.item import ResolvedBlock
from extract.recipe import read_block
from extract.slides.settings import MODALITY, resolve_slides
from feature_cache.canonical import Json
from feature_cache.errors import RecipeError
from feature_cache.recipe import ResolvedRecipe

BLOCK = "slide_vector"
MEAN = "mean"
POOLING_ALGORITHM = 1
#: Of slide encoders: how bags are thinned and places are given.
ENCODING_ALGORITHM = 1


class SlideVectorBlock(BaseModel):
    """The `slide_vector` block of a recipe file; `slides` is the recipe's block of that name.

    `pooling: mean` is `encoder: mean`. `most_tiles` thins larger bags; the card's number if left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pooling: str | None = Field(default=None, pattern="^mean$")
    encoder: str = MEAN
    revision: str | None = Field(default=None, pattern="^[0-9a-f]{40}$")
    most_tiles: int | None = Field(default=None, ge=1)
    slides: dict[str, JsonValue]

    @model_validator(mode="after")
    def _pools_once(self) -> SlideVectorBlock:
        if self.pooling is not None and self.encoder != MEAN:
            raise ValueError("either pooling or encoder")
        if self.encoder == MEAN and self.most_tiles is not None:
            raise ValueError("the mean takes any number of tiles: leave most_tiles out")
        return self


def resolve_slide_vector(name: str, block: dict[str, Json], weights: WeightsSource) -> ResolvedBlock:
    """Return the resolved recipe of a block, named after the recipe and the encoder (`_vector`: the mean).

    Raises
    ------
    RecipeError
        Unknown keys or encoder, a slides block that is refused itself or of other tiles than the encoder was
        trained on, or a network that cannot run here.
    """
    chosen = read_block(SlideVectorBlock, name, BLOCK, block)
    slides = resolve_slides(name, chosen.slides, weights).recipe.settings
    card = find_encoder(chosen.encoder, BLOCK)
    found = None
    if card.name == MEAN:
        settings: dict[str, Json] = {"pooling": MEAN, "algorithm": POOLING_ALGORITHM, "slides": slides}
    else:
        _refuse_other_tiles(name, card, slides)
        found = find_weights(card, weights, chosen.revision)
        settings = {
            "encoder": card.identity(),
            "most_tiles": chosen.most_tiles or card.architecture["most_tiles"],
            "algorithm": ENCODING_ALGORITHM,
            "slides": slides,
            "weights_sha256": found.sha256,
        }
    recipe = ResolvedRecipe(name=f"{name}{_suffix(settings)}", modality=MODALITY, settings=settings)
    return ResolvedBlock(recipe=recipe, weights=found)


def card_of(recipe: ResolvedRecipe) -> EncoderCard:
    """Return the slide encoder's card of a resolved recipe."""
    encoder = recipe.settings.get("encoder")
    return find_encoder(str(encoder["name"]) if isinstance(encoder, dict) else MEAN, BLOCK)


def bags_of(recipe: ResolvedRecipe) -> ResolvedRecipe:
    """Return the recipe whose bags are encoded: the same name without the encoder's suffix."""
    slides = recipe.settings["slides"]
    assert isinstance(slides, dict)
    name = recipe.name.removesuffix(_suffix(recipe.settings))
    return ResolvedRecipe(name=name, modality=MODALITY, settings=slides)


def _suffix(settings: dict[str, Any]) -> str:
    return f"_{settings['encoder']['name']}" if "encoder" in settings else "_vector"


def _refuse_other_tiles(name: str, card: EncoderCard, slides: dict[str, Any]) -> None:
    wanted = card.architecture["tiles"]
    assert isinstance(wanted, dict)
    tiles = {key: slides["encoder"][key] for key in ("name", "variant")}
    tiles |= {"mpp": slides["mpp"], "tile_px": slides["tile_px"], "overlap_px": slides.get("overlap_px", 0)}
    if tiles != wanted:
        raise RecipeError(
            f"recipe {name}: {BLOCK}",
            expected=f"bags of {_in_words(wanted)} for {card.name}",
            got=_in_words(tiles),
            remedy="Name the block slides that it was trained on, or another slide encoder (mean takes any).",
        )


def _in_words(tiles: dict[str, Any]) -> str:
    overlap = f", overlapping by {tiles['overlap_px']} px" if tiles["overlap_px"] else ""
    return f"{tiles['name']} ({tiles['variant']}), {tiles['tile_px']} px at {tiles['mpp']:g} um{overlap}"
