"""A slide's bag becomes one vector, in a pass of its own, made again whenever the bag is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from extract.item import WorkItem
from extract.plan import Folders, Plan, Selection, make_plan
from extract.recipe import RecipeFile, read_recipe
from extract.run import Receipt, extract_items
from feature_cache.cohort import read_cohort
from feature_cache.entry import OBSERVED, EntryRecord
from feature_cache.errors import DamagedEntryError, RecipeError
from feature_cache.store import FeatureCache
from tests.extract.slides.pyramids import JPEG_YCBCR, paint_tissue, write_pyramid

SIZE = (768, 512)
TISSUE = (0, 0, 512, 512)
RECIPE = RecipeFile(
    name="pooled", slides={"encoder": "stain_texture_nuclei"}, slide_vector={"pooling": "mean"}
)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Case 1 with two slides, the second of which is no slide."""
    folder = tmp_path / "manifest"
    folder.mkdir()
    (folder / "cohort.yaml").write_text(
        "{schema_version: 1, name: one, title: t, citation: c, licence: l, sites: [s],"
        " modalities: [slides], index_event: surgery, prediction_day: 0, undated: {slides: 0}}\n",
        encoding="utf-8",
    )
    (folder / "cases.csv").write_text("case_id,site\n1,s\n", encoding="utf-8")
    (folder / "slides.csv").write_text(
        "case_id,slide_id,path,mask_path,mpp\n1,a,a.tif,,\n1,b,b.tif,,\n", encoding="utf-8"
    )
    write_slide(tmp_path, TISSUE)
    (tmp_path / "b.tif").write_bytes(b"II*\0 this is no slide")
    return folder


def write_slide(root: Path, tissue: tuple[int, int, int, int]) -> None:
    image = paint_tissue(SIZE[1], SIZE[0], tissue)
    write_pyramid(root / "a.tif", image, steps=(1, 4), codec=JPEG_YCBCR)


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache.create(tmp_path / "cache")


def plan(manifest: Path, cache: FeatureCache, recipe: RecipeFile = RECIPE) -> Plan:
    folders = Folders(root=manifest.parent)
    return make_plan(read_cohort(manifest), folders, cache, recipe, Selection())


def run(manifest: Path, cache: FeatureCache) -> list[Receipt]:
    passes = plan(manifest, cache).passes
    return [receipt for tasks in passes for task in tasks for receipt in extract_items(task, cache)]


def record(cache: FeatureCache, kind: str) -> EntryRecord:
    return next(found for found in cache.records() if found.kind == kind)


def vector_item(manifest: Path, cache: FeatureCache) -> WorkItem:
    return next(item for item in plan(manifest, cache).todo if item.block == "slide_vector")


def test_the_vector_is_the_mean_of_the_valid_tiles(manifest: Path, cache: FeatureCache) -> None:
    assert [receipt.outcome for receipt in run(manifest, cache)] == [
        "committed", "failed", "committed", "failed",
    ]  # fmt: skip
    bag, vector = (cache.read(record(cache, kind).key) for kind in ("bag", "vector"))
    expected = np.mean([row.astype(float) for row in bag.arrays["embeddings"]], axis=0)
    np.testing.assert_allclose(vector.arrays["values"], expected, rtol=1e-12)
    assert set(vector.arrays["state"]) == {OBSERVED}
    names = bag.record.attrs["feature_names"]
    assert vector.record.attrs["feature_names"] == names
    assert [variable["name"] for variable in vector.record.attrs["variables"]] == names
    assert [(source.role, source.sha256) for source in vector.record.sources] == [
        ("entry", bag.record.entry_sha256)
    ]
    assert vector.record.modality == bag.record.modality == "slides"
    assert vector.record.key.feature_set.startswith("pooled_vector-")
    assert vector.record.used["encoder"] == "stain_texture_nuclei"


def test_a_tile_that_is_not_valid_is_not_in_the_mean(manifest: Path, cache: FeatureCache) -> None:
    from dataclasses import replace

    from extract.stages import STAGES

    first = plan(manifest, cache).todo[0]
    stage = STAGES["slides"]
    draft = stage.build(first, stage.sources(first, cache.hash_file))
    embeddings, valid = draft.arrays["embeddings"].copy(), draft.arrays["valid"].copy()
    embeddings[0], valid[0] = np.nan, False
    cache.commit(replace(draft, arrays={**draft.arrays, "embeddings": embeddings, "valid": valid}))
    item = vector_item(manifest, cache)
    second = STAGES["slide_vector"]
    values = second.build(item, second.sources(item, cache.hash_file)).arrays["values"]
    np.testing.assert_allclose(values, embeddings[1:].astype(float).mean(axis=0), rtol=1e-12)


def test_vectors_come_after_the_bags_and_a_second_run_makes_nothing(
    manifest: Path, cache: FeatureCache
) -> None:
    passes = plan(manifest, cache).passes
    assert [[item.block for (item,) in tasks] for tasks in passes] == [["slides"] * 2, ["slide_vector"] * 2]
    run(manifest, cache)
    again = plan(manifest, cache)
    assert [(item.block, item.key.item_id) for item in again.todo] == [("slides", "b"), ("slide_vector", "b")]


def test_a_slide_that_changed_is_pooled_again_in_the_same_run(manifest: Path, cache: FeatureCache) -> None:
    run(manifest, cache)
    before = cache.read(record(cache, "vector").key).arrays["values"]
    write_slide(manifest.parent, (0, 0, 768, 512))
    assert [receipt.outcome for receipt in run(manifest, cache)] == [
        "replaced", "failed", "replaced", "failed",
    ]  # fmt: skip
    assert not np.array_equal(cache.read(record(cache, "vector").key).arrays["values"], before)


def test_a_slide_without_an_entry_is_named(manifest: Path, cache: FeatureCache) -> None:
    failed = run(manifest, cache)[3].problem
    assert failed is not None
    assert failed.where == "case 1, vector of slide b"
    assert failed.expected.startswith("an entry of the slide in pooled-")
    assert failed.got == "none"


def test_a_damaged_bag_is_not_pooled(manifest: Path, cache: FeatureCache) -> None:
    from extract.stages import STAGES

    extract_items(plan(manifest, cache).todo[:1], cache)
    item = vector_item(manifest, cache)
    folder = next(path for path in cache.root.rglob("entry.json")).parent
    victim = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    stage = STAGES["slide_vector"]
    with pytest.raises(DamagedEntryError):
        stage.build(item, stage.sources(item, cache.hash_file))


def test_another_encoding_of_the_slides_is_another_set_of_vectors(
    manifest: Path, cache: FeatureCache
) -> None:
    other = RECIPE.model_copy(update={"slides": {"encoder": "stain_texture_nuclei", "min_tissue": 0.3}})
    renamed = RECIPE.model_copy(update={"name": "other"})
    hashes = [plan(manifest, cache, recipe).sets[1].recipe.hash for recipe in (RECIPE, other, renamed)]
    assert hashes[0] != hashes[1]
    assert hashes[0] == hashes[2]  # the name is for people


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"slide_vector": {}}, "the recipe has no block slides"),
        ({"slide_vector": {"slides": {}}, "slides": {}}, "belongs beside it"),
    ],
)
def test_there_is_nothing_to_pool_without_slides(
    tmp_path: Path, blocks: dict[str, object], message: str
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(json.dumps({"name": "own", **blocks}), encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"recipe own\.yaml: slide_vector: .*{message}"):
        read_recipe(str(path))


def test_only_what_is_known_is_pooled_by(manifest: Path, cache: FeatureCache) -> None:
    recipe = RECIPE.model_copy(update={"slide_vector": {"pooling": "median"}})
    with pytest.raises(RecipeError, match=r"recipe pooled: slide_vector\.pooling"):
        plan(manifest, cache, recipe)
