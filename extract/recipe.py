"""Recipe files: what to encode, and how.

Enters: a name under extract/recipes/ or a YAML file. Leaves: a name and its raw blocks; each
block's stage validates its own block and resolves it into the identity of a feature set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from feature_cache.canonical import Json
from feature_cache.errors import RecipeError
from feature_cache.strict_yaml import read_yaml

Block = TypeVar("Block", bound=BaseModel)

SHIPPED = Path(__file__).parent / "recipes"


class RecipeFile(BaseModel):
    """A recipe as written: a name and a block for each thing that it encodes.

    `slide_vector` pools what the block `slides` makes, so there is none without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    slides: dict[str, Any] | None = None
    slide_vector: dict[str, Any] | None = None
    volumes: dict[str, Any] | None = None
    notes: dict[str, Any] | None = None
    clinical: dict[str, Any] | None = None

    @field_validator("slide_vector")
    @classmethod
    def _pools_slides(cls, block: dict[str, Any] | None, info: ValidationInfo) -> dict[str, Any] | None:
        if block is not None and info.data.get("slides") is None:
            raise ValueError("nothing to pool: the recipe has no block slides")
        if block is not None and "slides" in block:
            raise ValueError("the slides block belongs beside it, not into it")
        return block

    @property
    def blocks(self) -> dict[str, dict[str, Any]]:
        """The blocks that are there, by name; that of `slide_vector` with the `slides` that it pools."""
        there = {key: block for key, block in self.model_dump(exclude={"name"}).items() if block is not None}
        if self.slide_vector is not None:
            there["slide_vector"] = {**self.slide_vector, "slides": self.slides}
        return there


def read_recipe(name_or_file: str) -> RecipeFile:
    """Read a shipped recipe by name, or any recipe by path.

    Raises
    ------
    RecipeError
        No such recipe, no YAML, or keys that no recipe has.
    """
    path = SHIPPED / f"{name_or_file}.yaml"
    if not path.is_file():
        path = Path(name_or_file)
    if not path.is_file():
        shipped = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.yaml")))
        raise RecipeError(
            f"recipe {name_or_file}",
            expected=f"one of {shipped}, or a YAML file",
            got="neither",
            remedy="Name one of these or write a file like extract/recipes/weightfree.yaml.",
        )
    try:
        return RecipeFile.model_validate(read_yaml(path))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"recipe {path.name}", expected="YAML in UTF-8", got=type(error).__name__, remedy=str(error)
        ) from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise RecipeError(
            f"recipe {path.name}: {'.'.join(map(str, fault['loc']))}",
            expected=f"keys among {', '.join(RecipeFile.model_fields)}",
            got=_in_words(fault),
            remedy="Mend the file; extract/recipes/weightfree.yaml shows the form.",
        ) from error


def _in_words(fault: ErrorDetails) -> str:
    """Say what pydantic found: its own words for an unknown and a missing key speak of inputs and fields."""
    ours = {"extra_forbidden": "a key that it does not have", "missing": "none"}
    return ours.get(fault["type"], fault["msg"])


def read_block(kind: type[Block], name: str, key: str, block: dict[str, Json]) -> Block:
    """Validate one block of a recipe.

    Raises
    ------
    RecipeError
        Unknown keys or wrong values; the first is named.
    """
    try:
        return kind.model_validate(block)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise RecipeError(
            f"recipe {name}: {'.'.join([key, *map(str, fault['loc'])])}",
            expected=f"keys among {', '.join(kind.model_fields)}",
            got=_in_words(fault),
            remedy="Mend the recipe.",
        ) from error
