"""Recipe files: shipped by name, own by path, mistakes refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract.recipe import RecipePart, read_recipe
from feature_cache.errors import RecipeError


def test_the_shipped_recipe_has_a_block_for_every_modality_of_stage_1() -> None:
    recipe = read_recipe("weightfree")
    assert recipe.name == "weightfree"
    assert {part.block for part in recipe.parts} == {"slides", "volumes", "notes", "clinical"}


def test_a_recipe_may_leave_modalities_out(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: own\nnotes: {encoder: hashed_ngrams}\n", encoding="utf-8")
    (part,) = read_recipe(str(path)).parts
    assert part == RecipePart(block="notes", name="own", settings={"encoder": "hashed_ngrams"})


def test_slides_can_be_encoded_in_several_ways_at_once_each_a_set_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "name: own\nslides:\n- {encoder: one}\n- {encoder: two, mpp: 0.5}\n- {encoder: two, mpp: 1.0}\n"
        "slide_vector:\n- {pooling: mean}\n- {pooling: other, tiles: one}\n",
        encoding="utf-8",
    )
    parts = read_recipe(str(path)).parts
    bags = [part for part in parts if part.block == "slides"]
    assert [(part.name, part.settings) for part in bags] == [
        ("own-one", {"encoder": "one"}),
        ("own-two-0.5", {"encoder": "two", "mpp": 0.5}),
        ("own-two-1.0", {"encoder": "two", "mpp": 1.0}),
    ]
    vectors = [part for part in parts if part.block == "slide_vector"]
    assert [(part.name, part.settings["pooling"]) for part in vectors] == [
        *((part.name, "mean") for part in bags),
        ("own-one", "other"),
    ]
    assert [part.settings["slides"] for part in vectors] == [part.settings for part in (*bags, bags[0])]
    assert all("tiles" not in part.settings for part in vectors)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: own\nslide: {}\n", "slide: expected keys among name, slides, .*; got a key that it does not"),
        ("notes: {}\n", "name: expected keys among .*; got none"),
        ("name: [\n", "expected YAML in UTF-8"),
        ("name: own\nnotes: {dim: 64}\nnotes: {dim: 512}\n", "the key notes is there twice"),
        ("name: own\nslides: []\n", "slides: expected .*; got an empty list, or the same mapping twice"),
        (
            "name: own\nslides: [{a: 1}, {a: 1}]\n",
            "slides: expected .*; got an empty list, or the same mapping twice",
        ),
        (
            "name: own\nslides: {encoder: one}\nslide_vector: {tiles: two}\n",
            "slide_vector: expected .*`tiles` names no encoder of the block slides",
        ),
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
