"""Recipe files: what to encode, and how.

Enters: a name under extract/recipes/ or a YAML file. Leaves: a name and its raw parts, one a feature set;
the stage of a part's block validates it and resolves it into the identity of its feature set.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class RecipePart:
    """What makes one feature set: a block's name, the name of the set, and its settings as written."""

    block: str
    name: str
    settings: dict[str, Any]


class RecipeFile(BaseModel):
    """A recipe as written: a name and a block for each thing that it encodes.

    `slides` is one mapping, or a list of them for several encoders or scales in one pass over each slide.
    `slide_vector` pools what the block `slides` makes, so there is none without it; it may be a list too.
    Each of its mappings pools every set of slides, or those of the encoder that it names as `tiles`.
    `burden` takes the measures of what the block `volumes` makes, and PSA from the block `clinical`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    slides: dict[str, Any] | list[dict[str, Any]] | None = None
    slide_vector: dict[str, Any] | list[dict[str, Any]] | None = None
    volumes: dict[str, Any] | None = None
    notes: dict[str, Any] | None = None
    clinical: dict[str, Any] | None = None
    burden: dict[str, Any] | None = None

    @field_validator("slides", "slide_vector")
    @classmethod
    def _lists_some_once(cls, blocks: Any) -> Any:
        if isinstance(blocks, list) and (not blocks or any(blocks.count(block) > 1 for block in blocks)):
            raise ValueError("an empty list, or the same mapping twice")
        return blocks

    @field_validator("slide_vector")
    @classmethod
    def _pools_slides(cls, blocks: Any, info: ValidationInfo) -> Any:
        slides = info.data.get("slides")
        if blocks is not None and slides is None:
            raise ValueError("nothing to pool: the recipe has no block slides")
        encoders = {block.get("encoder") for block in _listed(slides)}
        for block in _listed(blocks):
            if "slides" in block:
                raise ValueError("the slides block belongs beside it, not into it")
            if block.get("tiles") not in {None, *encoders}:
                raise ValueError("`tiles` names no encoder of the block slides")
        return blocks

    @field_validator("burden")
    @classmethod
    def _takes_measures(cls, block: Any, info: ValidationInfo) -> Any:
        if block is None:
            return block
        if info.data.get("volumes") is None:
            raise ValueError("nothing to take measures of: the recipe has no block volumes")
        if block.get("psa") is not None and info.data.get("clinical") is None:
            raise ValueError("`psa` is a clinical value: the recipe has no block clinical")
        if {"volumes", "clinical"} & block.keys():
            raise ValueError("the blocks volumes and clinical belong beside it, not into it")
        return block

    @property
    def parts(self) -> tuple[RecipePart, ...]:
        """A part a feature set; that of `slide_vector` holds the `slides` that it pools."""
        slides = self._slides()
        parts = [*slides]
        for vector in _listed(self.slide_vector):
            own = {key: value for key, value in vector.items() if key != "tiles"}
            parts += [
                RecipePart(block="slide_vector", name=bags.name, settings={**own, "slides": bags.settings})
                for bags in slides
                if vector.get("tiles") in {None, bags.settings.get("encoder")}
            ]
        for block in ("volumes", "notes", "clinical"):
            if (settings := getattr(self, block)) is not None:
                parts.append(RecipePart(block=block, name=self.name, settings=settings))
        if self.burden is not None:
            made_of = {"volumes": self.volumes, "clinical": self.clinical}
            taken = {name: own for name, own in made_of.items() if own is not None}
            parts.append(RecipePart(block="burden", name=self.name, settings={**self.burden, **taken}))
        return tuple(parts)

    def _slides(self) -> list[RecipePart]:
        if not isinstance(self.slides, list):
            return [RecipePart(block="slides", name=self.name, settings=own) for own in _listed(self.slides)]
        parts = []
        for own in self.slides:
            words = [self.name, own.get("encoder"), own.get("mpp")]
            name = "-".join(str(word) for word in words if word is not None)
            parts.append(RecipePart(block="slides", name=name, settings=own))
        return parts


def _listed(blocks: dict[str, Any] | list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return blocks if isinstance(blocks, list) else [] if blocks is None else [blocks]


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
    return ours.get(fault["type"], fault["msg"].removeprefix("Value error, "))


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
