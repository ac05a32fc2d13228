"""Recipe files: shipped by name, own by path, mistakes refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract.recipe import read_recipe
from feature_cache.errors import RecipeError


def test_the_shipped_recipe_has_a_block_for_every_modality_of_stage_1() -> None:
    recipe = read_recipe("weightfree")
    assert recipe.name == "weightfree"
    assert set(recipe.blocks) == {"slides", "volumes", "notes", "clinical"}


def test_a_recipe_may_leave_modalities_out(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: own\nnotes: {encoder: hashed_ngrams}\n", encoding="utf-8")
    assert read_recipe(str(path)).blocks == {"notes": {"encoder": "hashed_ngrams"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: own\nslide: {}\n", "slide: expected keys among name, slides, .*; got a key that it does not"),
        ("notes: {}\n", "name: expected keys among .*; got none"),
        ("name: [\n", "expected YAML in UTF-8"),
        ("name: own\nnotes: {dim: 64}\nnotes: {dim: 512}\n", "the key notes is there twice"),
        ("!!python/object/apply:os.system ['true']\n", "expected YAML in UTF-8"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        read_recipe(str(path))


def test_an_unknown_name_lists_the_shipped_recipes() -> None:
    with pytest.raises(RecipeError, match="weightfree, or a YAML file"):
        read_recipe("no-such-recipe")
