"""The `slides` block of a recipe: validated, completed, and turned into the settings that are hashed.

Enters: the block as written. Leaves: frozen settings with the encoder's card and every hand-bumped
algorithm number, so that whatever changes the numbers changes the name of the feature set.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pydantic import BaseModel, ConfigDict, Field

from extract.encoders.card import EncoderCard
from extract.encoders.networks import choose_variant
from extract.encoders.registry import find_encoder, find_weights
from extract.encoders.weights import WeightsSource
from extract.item import ResolvedBlock
from extract.recipe import read_block
from extract.slides.colour import Colour
from extract.slides.fields import Resampler
from extract.slides.formats import FORMATS_ALGORITHM
from extract.slides.grid import GRID_ALGORITHM
from extract.slides.quality import QUALITY_ALGORITHM
from extract.slides.resample import RESAMPLE_ALGORITHM
from extract.slides.tissue import TISSUE_ALGORITHM
from extract.slides.tissue_mask import MASK_ALGORITHM
from feature_cache.canonical import Json
from feature_cache.errors import RecipeError
from feature_cache.recipe import ResolvedRecipe

MODALITY = "slides"
#: Longest side of the thumbnail that an entry keeps.
THUMBNAIL_PX = 768
#: For an encoder that takes any scale.
DEFAULT_MPP = 0.5


class SlidesBlock(BaseModel):
    """The block as a user writes it; what is left out is the encoder's card's.

    `overlap_px` is what a tile shares with the next, `min_tissue` the least share of tissue that makes one.
    `variant` chooses among the outputs of a network, `revision` is where the hub's copy of its weights is
    pinned. `resampler` is "area", the exact mean, or "jpeg", halving within the transform of a JPEG where the
    slide is one. `colour` is "as_stored", or "srgb" by the slide's ICC profile.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str
    variant: str | None = None
    revision: str | None = None
    mpp: float | None = Field(default=None, gt=0)
    tile_px: int | None = Field(default=None, ge=32, le=4096)
    overlap_px: int = Field(default=0, ge=0)
    min_tissue: float = Field(default=0.1, gt=0, le=1)
    resampler: Resampler = "area"
    colour: Colour = "as_stored"


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How the slides of one feature set are cut: um per pixel, pixels of a tile, least tissue, resampler."""

    mpp: float
    tile_px: int
    overlap_px: int
    min_tissue: float
    resampler: Resampler
    colour: Colour


def resolve_slides(name: str, block: dict[str, Json], weights: WeightsSource) -> ResolvedBlock:
    """Return the resolved recipe of a block.

    Raises
    ------
    RecipeError
        Unknown keys or values, an unknown encoder or variant, a tile that the encoder was not made for, or
        a network that cannot run here: its modules or its weights are missing.
    """
    chosen = read_block(SlidesBlock, name, MODALITY, block)
    card = choose_variant(find_encoder(chosen.encoder, MODALITY), chosen.variant)
    tiling = _tiling(name, chosen, card)
    found = None
    if card.weights_needed:
        found = find_weights(card, weights, chosen.revision)
    settings: dict[str, Json] = {
        **asdict(tiling),
        "encoder": card.identity(),
        "thumbnail_px": THUMBNAIL_PX,
        "algorithm": {
            "formats": FORMATS_ALGORITHM,
            "grid": GRID_ALGORITHM,
            "mask": MASK_ALGORITHM,
            "quality": QUALITY_ALGORITHM,
            "resample": RESAMPLE_ALGORITHM,
            "tissue": TISSUE_ALGORITHM,
        },
    }
    if found is not None:
        settings["weights_sha256"] = found.sha256
    recipe = ResolvedRecipe(name=name, modality=MODALITY, settings=settings)
    return ResolvedBlock(recipe=recipe, weights=found)


def card_of(recipe: ResolvedRecipe) -> EncoderCard:
    """Return the card, of the chosen variant, of a resolved recipe."""
    encoder = recipe.settings["encoder"]
    assert isinstance(encoder, dict)
    return choose_variant(find_encoder(str(encoder["name"]), MODALITY), str(encoder["variant"]))


def tiling_of(recipe: ResolvedRecipe) -> Tiling:
    """Return how a resolved recipe cuts slides."""
    return Tiling(**{name: recipe.settings[name] for name in Tiling.__dataclass_fields__})  # type: ignore[arg-type]


def _tiling(name: str, chosen: SlidesBlock, card: EncoderCard) -> Tiling:
    """Complete the tiling by the card; a card without a list of scales takes any."""
    default_mpp = card.mpp[0] if card.mpp else DEFAULT_MPP
    mpp = default_mpp if chosen.mpp is None else chosen.mpp
    assert card.input_px is not None
    tile_px = card.input_px if chosen.tile_px is None else chosen.tile_px
    if tile_px != card.input_px or (card.mpp and mpp not in card.mpp):
        scales = " or ".join(map(str, card.mpp)) or "any"
        raise RecipeError(
            f"recipe {name}: {MODALITY}",
            expected=f"tiles of {card.input_px} px at {scales} um for {card.name}",
            got=f"{tile_px} px at {mpp:g} um",
            remedy="Take a scale that the encoder was made for.",
        )
    if chosen.overlap_px >= tile_px:
        raise RecipeError(
            f"recipe {name}: {MODALITY}: overlap_px",
            expected=f"less than the {tile_px} px of a tile",
            got=f"{chosen.overlap_px}",
            remedy="An overlap of 0 lays tiles side by side.",
        )
    return Tiling(
        mpp=mpp,
        tile_px=tile_px,
        overlap_px=chosen.overlap_px,
        min_tissue=chosen.min_tissue,
        resampler=chosen.resampler,
        colour=chosen.colour,
    )
