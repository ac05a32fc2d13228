"""A recipe's `slides` block: what is hashed, what is refused."""

from __future__ import annotations

import pytest

from extract.encoders.weights import WeightsSource
from extract.slides import settings
from extract.slides.settings import resolve_slides
from feature_cache.canonical import Json
from feature_cache.errors import RecipeError

BLOCK: dict[str, Json] = {"encoder": "stain_texture_nuclei"}


def test_defaults_are_written_out_and_written_defaults_change_nothing() -> None:
    resolved = resolve_slides("r", BLOCK, WeightsSource())
    assert resolved.recipe.settings["mpp"] == 0.5
    assert resolved.recipe.settings["tile_px"] == 256
    assert resolved.recipe.settings["resampler"] == "area"
    written = resolve_slides("r", {**BLOCK, "mpp": 0.5, "tile_px": 256, "min_tissue": 0.1}, WeightsSource())
    assert written.recipe.hash == resolved.recipe.hash


def test_a_setting_makes_another_feature_set() -> None:
    assert (
        resolve_slides("r", {**BLOCK, "min_tissue": 0.25}, WeightsSource()).recipe.hash
        != resolve_slides("r", BLOCK, WeightsSource()).recipe.hash
    )


@pytest.mark.parametrize(
    "number", ["GRID_ALGORITHM", "QUALITY_ALGORITHM", "RESAMPLE_ALGORITHM", "TISSUE_ALGORITHM"]
)
def test_a_bumped_algorithm_makes_another_feature_set(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    before = resolve_slides("r", BLOCK, WeightsSource()).recipe.hash
    monkeypatch.setattr(settings, number, 99)
    assert resolve_slides("r", BLOCK, WeightsSource()).recipe.hash != before


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"patch_size": 256}, "recipe r: slides.patch_size"),
        ({"tile_px": "large"}, "recipe r: slides.tile_px"),
        ({"tile_px": 8}, "recipe r: slides.tile_px"),
        ({"mpp": 0}, "recipe r: slides.mpp"),
        ({"min_tissue": 0}, "recipe r: slides.min_tissue"),
        ({"overlap_px": -1}, "recipe r: slides.overlap_px"),
        ({"overlap_px": 256}, "recipe r: slides: overlap_px"),
        ({"min_tissue": 1.1}, "recipe r: slides.min_tissue"),
        ({"encoder": "uni2"}, "encoder uni2"),
    ],
)
def test_mistakes_are_refused_where_they_are(change: dict[str, Json], where: str) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve_slides("r", {**BLOCK, **change}, WeightsSource())
    assert caught.value.where == where


def test_a_block_without_an_encoder_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"recipe r: slides\.encoder: .*got none"):
        resolve_slides("r", {"mpp": 0.5}, WeightsSource())


@pytest.mark.parametrize("change", [{"tile_px": 224}, {"mpp": 2.0}])
def test_an_encoder_is_used_at_its_own_scale(change: dict[str, Json]) -> None:
    with pytest.raises(
        RecipeError, match=r"tiles of 256 px at 0\.5 or 0\.25 or 1\.0 um for stain_texture_nuclei"
    ):
        resolve_slides("r", {**BLOCK, **change}, WeightsSource())
