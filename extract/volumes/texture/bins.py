"""How a recipe bins intensities before texture is counted: by number, or by width where it names one.

Enters: `bins` of a recipe's volumes block. Leaves: the card that carries them, so that they are part of a
feature set's name, and back. A width is in the unit of its sequence and keeps what a level means, which suits
calibrated intensities (ADC); a number suits arbitrary ones (T2W), as the IBSI's manual recommends (2.7).
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from extract.encoders.card import EncoderCard
from feature_cache.canonical import Json
from feature_cache.errors import RecipeError, SourceError

#: Levels at most: matrices of all 13 directions are then 27 MB in f64, and finer bins count noise.
MOST_LEVELS = 512

Width = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Bins(BaseModel):
    """`width` of all sequences, or of those it names; the others have `count` bins each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int | None = Field(default=None, ge=2, le=MOST_LEVELS)
    width: Width | dict[str, Width] | None = None

    @field_validator("width")
    @classmethod
    def _in_lower_case(cls, width: float | dict[str, float] | None) -> float | dict[str, float] | None:
        if not isinstance(width, dict):
            return width
        return {sequence.strip().lower(): width[sequence] for sequence in sorted(width)}

    @model_validator(mode="after")
    def _says_one_thing_of_every_sequence(self) -> Bins:
        if isinstance(self.width, float) == (self.count is not None):
            raise ValueError("give count, or one width for all, or count with a width for some sequences")
        return self

    def width_of(self, sequence: str) -> float | None:
        """Return the width of a sequence's bins, None where their number is fixed."""
        return self.width.get(sequence) if isinstance(self.width, dict) else self.width

    def written(self) -> dict[str, Json]:
        """Return the bins as a card holds them: what was left out is left out."""
        return self.model_dump(mode="json", exclude_none=True)


def with_bins(card: EncoderCard, bins: Bins | None) -> EncoderCard:
    """Return the card with the bins of a recipe; itself where the recipe leaves them to the card.

    Raises
    ------
    RecipeError
        Bins for an encoder that has none.
    """
    if bins is None:
        return card
    if "bins" not in card.architecture:
        raise RecipeError(
            f"encoder {card.name}",
            expected="no bins: it takes intensities as they are",
            got=f"bins {bins.written()}",
            remedy="Leave bins out, or take an encoder of texture (ibsi_radiomics, pyradiomics107).",
        )
    return card.model_copy(update={"architecture": {**card.architecture, "bins": bins.written()}})


def bins_of(card: EncoderCard) -> Bins:
    """Return the bins on a card of texture."""
    return Bins.model_validate(card.architecture["bins"])


def refuse_levels(values: Float[np.ndarray[Any, Any], " voxel"], width: float, where: str) -> None:
    """Refuse bins of `width` that would make more than `MOST_LEVELS` of these intensities."""
    levels = float(np.ptp(values)) / width + 1
    if levels > MOST_LEVELS:
        raise SourceError(
            where,
            expected=f"at most {MOST_LEVELS} grey levels",
            got=f"about {levels:,.0f}: intensities span {float(np.ptp(values)):g}, bins are {width:g} wide",
            remedy="Give the sequence wider bins in the recipe (bins: width), or a number of them (count).",
        )
