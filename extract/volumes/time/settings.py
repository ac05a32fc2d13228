"""The block `time` of a recipe's volumes: which sequences are series over time, and of what kind.

Enters: the block as written. Leaves: frozen settings. Without the block a series over time is refused: which
of its frames would be meant, nobody can know.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from extract.volumes.optional_block import OptionalBlock

#: Bumped by hand when times, frames, end systole, ejection fraction or enhancement come out otherwise.
TIME_ALGORITHM = 2

Kind = Literal["heart", "contrast"]


class TimeBlock(OptionalBlock):
    """`heart` names sequences of a beating heart, `contrast` those that follow a contrast agent."""

    algorithms: ClassVar[dict[str, int]] = {"time": TIME_ALGORITHM}

    heart: tuple[str, ...] = Field(default=("cine",))
    contrast: tuple[str, ...] = Field(default=("dce",))

    @field_validator("heart", "contrast")
    @classmethod
    def _in_lower_case(cls, sequences: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sequence.strip().lower() for sequence in sequences)

    @model_validator(mode="after")
    def _apart(self) -> TimeBlock:
        both = sorted({*self.heart} & {*self.contrast})
        if both:
            raise ValueError(f"{both[0]} is listed under heart and under contrast")
        return self

    def kind_of(self, sequence: str) -> Kind | None:
        """Return the kind of a sequence; None for one that is no series over time."""
        if sequence in self.heart:
            return "heart"
        return "contrast" if sequence in self.contrast else None
