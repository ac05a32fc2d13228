"""What a recipe says of registration: `registration: rigid`, or the same with other limits.

Enters: the sub-block as written. Leaves: frozen settings that are hashed, limits and all.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from extract.volumes.optional_block import OptionalBlock

REGISTRATION_ALGORITHM = 2


class Registration(OptionalBlock):
    """How the diffusion series are laid on T2W.

    `around_mm`: the metric looks at the gland and this much around it. `most_shift_mm`, `most_degrees`: how
    far the gland's centre may move and how much may be turned; a recipe may ask for less, never for more: a
    gland that moved further was not lying still, and a search that ends there has got lost.
    """

    algorithms: ClassVar[dict[str, int]] = {"registration": REGISTRATION_ALGORITHM}

    method: Literal["rigid"]
    around_mm: float = Field(default=15.0, ge=5, le=40)
    most_shift_mm: float = Field(default=10.0, gt=0, le=10)
    most_degrees: float = Field(default=10.0, gt=0, le=10)

    @model_validator(mode="before")
    @classmethod
    def _by_its_method(cls, written: object) -> object:
        return {"method": written} if isinstance(written, str) else written
