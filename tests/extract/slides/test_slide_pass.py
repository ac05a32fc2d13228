"""Several encoders and scales in one pass: each entry as if it were made alone, each failure its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders import registry
from extract.encoders.weights import WeightsSource
from extract.item import Task, WorkItem
from extract.plan import Folders, Plan, Selection, make_plan
from extract.recipe import RecipeFile
from extract.run import extract_items
from extract.slides import reader, slide_pass
from extract.slides.direct_reader import DirectReader
from feature_cache.entry import EntryDraft
from feature_cache.errors import RecipeError, SourceError
from feature_cache.store import FeatureCache
from tests.extract.slides.conftest import STAGE, OneSlide, hash_file
from tests.extract.slides.pyramids import JPEG_YCBCR, paint_tissue, write_pyramid

Write = Callable[..., OneSlide]
BLOCKS: list[dict[str, Any]] = [
    {"encoder": "stain_texture_nuclei"},
    {"encoder": "null", "mpp": 0.5},
    {"encoder": "stain_texture_nuclei", "mpp": 1.0},
]


@pytest.fixture
def slide(one_slide: Write, tmp_path: Path) -> OneSlide:
    image = paint_tissue(512, 1024, (0, 0, 768, 512))
    return one_slide(write_pyramid(tmp_path / "slide.tif", image, steps=(1, 2), codec=JPEG_YCBCR))


def items_of(slide: OneSlide, blocks: list[dict[str, Any]]) -> Task:
    made: list[WorkItem] = []
    for number, block in enumerate(blocks):
        resolved = STAGE.resolve(f"r{number}", block, slide.cohort, WeightsSource())
        made += STAGE.items(slide.cohort, slide.item.root, resolved)
    return tuple(made)


def build(task: Task) -> list[EntryDraft | Exception]:
    return list(STAGE.build_together(task, tuple(STAGE.sources(item, hash_file) for item in task)))


def test_every_entry_of_a_pass_is_as_if_it_were_made_alone(slide: OneSlide) -> None:
    task = items_of(slide, BLOCKS)
    for item, together in zip(task, build(task), strict=True):
        assert isinstance(together, EntryDraft)
        alone = STAGE.build(item, STAGE.sources(item, hash_file))
        assert {name: array.tobytes() for name, array in together.arrays.items()} == {
            name: array.tobytes() for name, array in alone.arrays.items()
        }
        assert replace(together, arrays={}) == replace(alone, arrays={})


def test_a_slide_is_opened_once_and_its_tiles_read_once_a_scale(
    slide: OneSlide, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    read: list[int] = []
    open_slide, read_fields = reader.open_slide, DirectReader.read_fields

    def counted_open(path: Path) -> Any:
        opened.append(path)
        return open_slide(path)

    def counted_read(self: DirectReader, boxes_px0: np.ndarray, *how: Any) -> Any:
        read.append(len(boxes_px0))
        return read_fields(self, boxes_px0, *how)

    monkeypatch.setattr(slide_pass, "open_slide", counted_open)
    monkeypatch.setattr(DirectReader, "read_fields", counted_read)
    build(items_of(slide, BLOCKS))
    assert len(opened) == 1
    assert read == [6, 2]  # the second of 512 px is half tissue


def test_what_one_recipe_asks_in_vain_or_its_encoder_lacks_concerns_it_alone(
    slide: OneSlide, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = RecipeError("encoder null", expected="weights", got="none", remedy="Get them.")
    load_encoder = registry.load_encoder
    monkeypatch.setattr(
        slide_pass,
        "load_encoder",
        lambda card, weights: raise_it(refused) if card.name == "null" else load_encoder(card, weights),
    )
    first, second, third = build(items_of(slide, [*BLOCKS[:2], {"encoder": "null", "mpp": 0.25}]))
    assert isinstance(first, EntryDraft)
    assert second is refused
    assert isinstance(third, SourceError)
    assert "2 times as large" in third.got


def raise_it(error: RecipeError) -> None:
    raise error


def test_a_list_of_slides_is_one_task_a_slide_and_a_set_for_each(slide: OneSlide, tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path / "cache")

    def plan(blocks: list[dict[str, Any]]) -> Plan:
        recipe = RecipeFile(name="own", slides=blocks)
        return make_plan(dated(slide), Folders(root=slide.item.root), cache, recipe, Selection())

    ((task,),) = plan(BLOCKS).passes
    receipts = extract_items(task, cache)
    assert [receipt.outcome for receipt in receipts] == ["committed"] * 3
    assert [bool(receipt.seconds) for receipt in receipts] == [True, False, False]
    names = {record.key.feature_set.rpartition("-")[0] for record in cache.records()}
    assert names == {"own-stain_texture_nuclei", "own-null-0.5", "own-stain_texture_nuclei-1.0"}
    assert plan(BLOCKS).passes == ((),)
    ((more,),) = plan([*BLOCKS, {"encoder": "null", "mpp": 1.0}]).passes
    assert [item.recipe.name for item in more] == ["own-null-1.0"]
    assert [receipt.outcome for receipt in extract_items((*task, *more), cache)] == [
        *["already_there"] * 3,
        "committed",
    ]


def dated(slide: OneSlide) -> Any:
    return replace(slide.cohort, card=slide.cohort.card.model_copy(update={"undated": {"slides": 0}}))
