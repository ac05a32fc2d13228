"""The `slides` block of a recipe: validated, completed, and turned into the settings that are hashed.

Enters: the block as written. Leaves: frozen settings with the encoder's card and every hand-bumped
algorithm number, so that whatever changes the numbers changes the name of the feature set.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from extract.encoders.registry import find_encoder
from extract.encoders.weights import WeightsSource
from extract.item import ResolvedBlock
from extract.recipe import read_block
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
RESAMPLER = "area"
#: Longest side of the thumbnail that an entry keeps.
THUMBNAIL_PX = 768


class SlidesBlock(BaseModel):
    """The block as a user writes it. `min_tissue` is the least share of tissue that makes a tile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str
    mpp: float = Field(default=0.5, gt=0)
    tile_px: int = Field(default=256, ge=32, le=4096)
    min_tissue: float = Field(default=0.1, gt=0, le=1)


def resolve_slides(name: str, block: dict[str, Json], weights: WeightsSource) -> ResolvedBlock:
    """Return the resolved recipe of a block.

    Raises
    ------
    RecipeError
        Unknown keys or values, an unknown encoder, or a tile that the encoder was not made for.
    """
    chosen = read_block(SlidesBlock, name, MODALITY, block)
    card = find_encoder(chosen.encoder, MODALITY)
    if chosen.tile_px != card.input_px or chosen.mpp not in card.mpp:
        raise RecipeError(
            f"recipe {name}: {MODALITY}",
            expected=f"tiles of {card.input_px} px at {' or '.join(map(str, card.mpp))} um for {card.name}",
            got=f"{chosen.tile_px} px at {chosen.mpp:g} um",
            remedy="Take a scale that the encoder was made for.",
        )
    settings: dict[str, Json] = {
        **chosen.model_dump(mode="json", exclude={"encoder"}),
        "encoder": card.identity(),
        "resampler": RESAMPLER,
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
    return ResolvedBlock(recipe=ResolvedRecipe(name=name, modality=MODALITY, settings=settings))
