"""Sub-blocks of a recipe's volumes block enter the hashed settings only where they are given."""

from __future__ import annotations

from typing import ClassVar

import pytest
from pydantic import BaseModel, ValidationError

from extract.encoders.weights import WeightsSource
from extract.volumes.optional_block import (
    OptionalBlock,
    optional_algorithms,
    optional_settings,
    plain_settings,
)
from extract.volumes.stage import VolumeStage
from tests.extract.volumes.studies import ALL, PROSTATE, cohort_of


class Warmth(OptionalBlock):
    algorithms: ClassVar[dict[str, int]] = {"warmth": 3}
    degrees: float = 20.0


class Block(BaseModel):
    encoder: str = "first"
    spacing_mm: float | None = None
    warmth: Warmth | None = None


class TestOptionalBlock:
    def test_what_is_not_given_adds_nothing_and_plain_none_stays(self) -> None:
        assert plain_settings(Block()) == {"encoder": "first", "spacing_mm": None}
        assert optional_settings(Block()) == optional_algorithms(Block()) == {}

    def test_what_is_given_adds_all_its_defaults_and_its_algorithm(self) -> None:
        block = Block(warmth=Warmth())
        assert plain_settings(block, frozenset({"encoder"})) == {"spacing_mm": None}
        assert optional_settings(block) == {"warmth": {"degrees": 20.0}}
        assert optional_algorithms(block) == {"warmth": 3}

    def test_unknown_keys_are_refused(self) -> None:
        with pytest.raises(ValidationError, match="Extra inputs"):
            Warmth.model_validate({"kelvin": 1})


def test_a_recipe_that_gives_no_sub_block_has_the_settings_it_always_had() -> None:
    """Whoever adds a field to the block without making it optional renames every feature set there is."""
    resolved = VolumeStage().resolve("weightfree", {}, cohort_of(ALL, [PROSTATE]), WeightsSource())
    settings = resolved.recipe.settings
    assert set(settings) == {
        "reference", "spacing_mm", "margin_mm", "sequences", "encoder", "algorithm", "prediction_day",
    }  # fmt: skip
    assert isinstance(settings["algorithm"], dict)
    assert set(settings["algorithm"]) == {
        "adc", "grid", "pooling", "preview", "quality", "radiomics", "reader", "resample",
    }  # fmt: skip
