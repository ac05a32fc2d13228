"""The `volumes` block of a recipe: validated, completed, and turned into the settings that are hashed.

Enters: the block as written. Leaves: frozen settings with the encoder's card and every hand-bumped
algorithm number, so that whatever changes the numbers changes the name of the feature set.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from extract.encoders.card import EncoderCard
from extract.encoders.registry import find_encoder, find_weights, refuse_cohort
from extract.encoders.weights import WeightsSource
from extract.item import ResolvedBlock
from extract.recipe import read_block
from extract.volumes.adc import ADC_ALGORITHM
from extract.volumes.intensity import Intensity, refuse_intensity
from extract.volumes.measures.settings import Measures
from extract.volumes.n4 import N4
from extract.volumes.optional_block import optional_algorithms, optional_settings, plain_settings
from extract.volumes.pooling import POOLING_ALGORITHM
from extract.volumes.preview import PREVIEW_ALGORITHM
from extract.volumes.quality import QUALITY_ALGORITHM
from extract.volumes.reader import READER_ALGORITHM
from extract.volumes.registration.settings import Registration
from extract.volumes.resample import RESAMPLE_ALGORITHM
from extract.volumes.study_grid import GRID_ALGORITHM
from extract.volumes.texture.bins import Bins, with_bins
from extract.volumes.time.settings import TimeBlock
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.recipe import ResolvedRecipe

MODALITY = "volumes"
#: The encoder whose rows every entry holds as `radiomics`, whatever else encodes it.
RADIOMICS = "first_order_shape"

Side = Annotated[float, Field(ge=0.1, le=20)]


class VolumesBlock(BaseModel):
    """The block as a user writes it.

    `reference` lists sequences, the first that a study has gives the grid; `spacing_mm` (x, y, z) is that of
    the grid, the reference's own where it is left out; `margin_mm` is left around the masks; `sequences`
    chooses series, all where it is left out. `revision` pins weights on the hub. `bins` are those of
    an encoder of texture; its card keeps them.

    A new idea is a sub-block: a subclass of `OptionalBlock` in the module that owns the idea, as a field
    `name: Its | None = None`. It is hashed only where it is given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = RADIOMICS
    reference: tuple[str, ...] = ("t2w", "lge", "adc", "hbv")
    spacing_mm: tuple[Side, Side, Side] | None = None
    margin_mm: float = Field(default=10.0, ge=0, le=200)
    sequences: tuple[str, ...] | None = Field(default=None, min_length=1)
    revision: str | None = None
    bins: Bins | None = None
    measures: Measures | None = None
    registration: Registration | None = None
    n4: N4 | None = None
    intensity: Intensity | None = None
    time: TimeBlock | None = None

    @field_validator("reference", "sequences")
    @classmethod
    def _in_lower_case(cls, sequences: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if sequences is None else tuple(sequence.strip().lower() for sequence in sequences)

    @model_validator(mode="after")
    def _keeps_the_ring(self) -> VolumesBlock:
        rings = self.measures is not None and self.measures.organ == "prostate"
        if self.measures is not None and rings and self.measures.ring_mm > self.margin_mm:
            raise ValueError("measures.ring_mm above margin_mm, which is what is kept around the masks")
        return self

    @model_validator(mode="after")
    def _prepares_what_it_reads(self) -> VolumesBlock:
        named = {
            "intensity": () if self.intensity is None else self.intensity.policies,
            "n4": () if self.n4 is None else self.n4.sequences,
        }
        for block, sequences in named.items():
            unread = [one for one in sequences if self.sequences is not None and one not in self.sequences]
            if unread:
                known = ", ".join(self.sequences or ())
                raise ValueError(f"{block}: {unread[0]}, which is not among sequences ({known})")
        return self


def resolve_volumes(
    name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
) -> ResolvedBlock:
    """Return the resolved recipe of a block; the prediction day is one of its settings.

    Raises
    ------
    RecipeError
        Unknown keys or values, an unknown encoder, weights that are not there or have seen this cohort.
    """
    chosen = read_block(VolumesBlock, name, MODALITY, block)
    card = with_bins(find_encoder(chosen.encoder, MODALITY), chosen.bins)
    timed = () if chosen.time is None else (*chosen.time.heart, *chosen.time.contrast)
    refuse_intensity(name, chosen.intensity, chosen.bins, timed)
    settings: dict[str, Json] = {
        **plain_settings(chosen, exclude=frozenset({"encoder", "revision", "bins"})),
        **optional_settings(chosen),
        "encoder": card.identity(),
        "algorithm": {
            "adc": ADC_ALGORITHM,
            "grid": GRID_ALGORITHM,
            "pooling": POOLING_ALGORITHM,
            "preview": PREVIEW_ALGORITHM,
            "quality": QUALITY_ALGORITHM,
            "radiomics": find_encoder(RADIOMICS, MODALITY).algorithm,
            "reader": READER_ALGORITHM,
            "resample": RESAMPLE_ALGORITHM,
            **optional_algorithms(chosen),
        },
        "prediction_day": cohort.card.last_day,
    }
    found = None
    if card.weights_needed:
        found = find_weights(card, weights, chosen.revision)
        refuse_cohort(card, found, cohort)
        settings["weights_sha256"] = found.sha256
    recipe = ResolvedRecipe(name=name, modality=MODALITY, settings=settings)
    return ResolvedBlock(recipe=recipe, weights=found)


def read_settings(recipe: ResolvedRecipe) -> tuple[EncoderCard, VolumesBlock]:
    """Return the card and the block of a resolved recipe."""
    encoder = recipe.settings["encoder"]
    assert isinstance(encoder, dict)
    card = find_encoder(str(encoder["name"]), MODALITY)
    architecture = encoder.get("architecture")
    if isinstance(architecture, dict) and "bins" in architecture:
        card = with_bins(card, Bins.model_validate(architecture["bins"]))
    written = {name: recipe.settings[name] for name in VolumesBlock.model_fields if name in recipe.settings}
    return card, VolumesBlock.model_validate({**written, "encoder": card.name})
