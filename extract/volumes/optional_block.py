"""What a recipe's `volumes` block may hold beside its plain settings: sub-blocks that most recipes leave out.

Enters: sub-blocks as a user writes them. Leaves: what they add to the hashed settings, which is nothing where
they are not given: feature sets that exist keep their names when Braid learns something new.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, get_args

from pydantic import BaseModel, ConfigDict

from feature_cache.canonical import Json


class OptionalBlock(BaseModel):
    """The base of a sub-block: a field `name: ItsModel | None = None` of `VolumesBlock`.

    `algorithms` are the hand-bumped numbers of what the sub-block switches on; they are hashed with the
    others (`algorithm` in the settings), only where it is given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithms: ClassVar[dict[str, int]] = {}


def given_blocks(block: BaseModel) -> Iterator[tuple[str, OptionalBlock]]:
    """Yield the sub-blocks that a recipe gives, by the names of their fields."""
    for name in type(block).model_fields:
        value = getattr(block, name)
        if isinstance(value, OptionalBlock):
            yield name, value


def plain_settings(block: BaseModel, exclude: frozenset[str] = frozenset()) -> dict[str, Json]:
    """Return the settings of a block that are hashed whether they are given or not, None among them."""
    optional = {
        name for name, field in type(block).model_fields.items() if _is_optional_block(field.annotation)
    }
    return block.model_dump(mode="json", exclude={*exclude, *optional})


def optional_settings(block: BaseModel) -> dict[str, Json]:
    """Return the sub-blocks that are given, each with all its defaults."""
    return {name: given.model_dump(mode="json") for name, given in given_blocks(block)}


def optional_algorithms(block: BaseModel) -> dict[str, Json]:
    """Return the algorithm numbers of the sub-blocks that are given."""
    return {name: number for _, given in given_blocks(block) for name, number in given.algorithms.items()}


def _is_optional_block(annotation: object) -> bool:
    return any(
        isinstance(kind, type) and issubclass(kind, OptionalBlock)
        for kind in (annotation, *get_args(annotation))
    )
