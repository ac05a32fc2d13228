"""Tiles and scores as GeoJSON: squares where the tiles are, numbers that are there, and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.overlay.drawing import Drawn, OverlayRequest, draw_slides
from feature_cache.entry import EntryDraft, EntryKey
from feature_cache.errors import CacheError, SourceError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

RECIPE = ResolvedRecipe(name="own", modality="slides", settings={"tile_px": 224})
SET = f"own-{RECIPE.hash[:12]}"
XY_PX0 = [[0, 0], [448, 0], [0, 452]]
DOWNSAMPLE = [10.5, 10.25]


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    """Slides a and b of case 1 and one of a case with an odd id; the last tile of each is not valid."""
    cache = FeatureCache.create(tmp_path / "cache")
    for case_id, slide_id in (("1", "a"), ("1", "b"), ("2/x", "c")):
        commit(cache, case_id, slide_id, {"tile_px0": [448.5, 452.0]})
    return cache


def commit(cache: FeatureCache, case_id: str, slide_id: str, attrs: dict[str, Any]) -> None:
    draft = EntryDraft(
        key=EntryKey.of("one", RECIPE, case_id, slide_id),
        kind="bag",
        sources=(),
        settings=RECIPE.settings,
        arrays={
            "embeddings": np.ones((3, 2), dtype="<f4"),
            "xy_px0": np.array(XY_PX0, dtype="<i4"),
            "valid": np.array([True, True, False]),
            "quality": np.array([[1, 0.5], [0.25, np.nan], [np.nan, np.nan]], dtype="<f2"),
        },
        attrs={
            "quality_measures": ["tissue_fraction", "focus"],
            "thumbnail_downsample": DOWNSAMPLE,
            **attrs,
        },
    )
    assert cache.commit(draft) == "committed"


def draw(
    cache: FeatureCache, out: Path, scores: Path | None = None, cases: frozenset[str] | None = None
) -> Drawn:
    request = OverlayRequest(cohort="one", feature_set=SET, folder=out, scores=scores, case_ids=cases)
    return draw_slides(request, cache)


def features(path: Path) -> list[dict[str, Any]]:
    collection = json.loads(path.read_text(encoding="utf-8"))
    assert collection["type"] == "FeatureCollection"
    found: list[dict[str, Any]] = collection["features"]
    return found


def table(path: Path, *lines: str, header: str = "case_id,slide_id,x_px0,y_px0,risk,tumour") -> Path:
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def test_a_tile_is_a_square_in_level_0_pixels(cache: FeatureCache, tmp_path: Path) -> None:
    assert draw(cache, tmp_path / "out") == Drawn(slides=3, tiles=9, scored=0)
    paths = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert paths == ["1/a.geojson", "1/b.geojson", "2%2Fx/c.geojson"]
    first, second, third = features(tmp_path / "out" / "1" / "a.geojson")
    assert second == {
        "type": "Feature",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[448, 0], [896.5, 0], [896.5, 452], [448, 452], [448, 0]]],
        },
        "properties": {
            "objectType": "tile",
            "isLocked": True,
            "measurements": {"quality: tissue_fraction": 0.25},
        },
    }
    assert first["properties"]["measurements"] == {"quality: tissue_fraction": 1, "quality: focus": 0.5}
    assert third["properties"]["measurements"] == {}
    assert third["properties"]["classification"]["name"] == "invalid"


def test_scores_of_a_table_stand_at_their_tiles(cache: FeatureCache, tmp_path: Path) -> None:
    scores = table(tmp_path / "s.csv", "1,a,448,0,0.75,", "1,a,0,452,-2,1e-3", "2/x,c,0,0,1,0")
    assert draw(cache, tmp_path / "out", scores).scored == 2
    found = [one["properties"]["measurements"] for one in features(tmp_path / "out" / "1" / "a.geojson")]
    assert [(one.get("risk"), one.get("tumour")) for one in found] == [
        (None, None),
        (0.75, None),
        (-2.0, 0.001),
    ]
    assert "risk" not in features(tmp_path / "out" / "1" / "b.geojson")[0]["properties"]["measurements"]


def test_attention_of_a_run_stands_at_the_valid_tiles(cache: FeatureCache, tmp_path: Path) -> None:
    attention = tmp_path / "attention.json"
    attention.write_text(json.dumps(attention_of("b", XY_PX0[:2])), encoding="utf-8")
    assert draw(cache, tmp_path / "out", attention, frozenset(["1"])) == Drawn(slides=2, tiles=6, scored=1)
    found = [one["properties"]["measurements"] for one in features(tmp_path / "out" / "1" / "b.geojson")]
    assert [one.get("attention") for one in found] == [0.0, 0.5, None]


def attention_of(slide_id: str, corners: list[list[int]]) -> dict[str, Any]:
    """What a run writes: squares in pixels of the thumbnail."""
    tiles = [
        {"x": x / DOWNSAMPLE[0], "y": y / DOWNSAMPLE[1], "w": 42.7, "h": 44.1, "weight": number / 2}
        for number, (x, y) in enumerate(corners)
    ]
    return {"case_id": "1", "item_id": slide_id, "arm": "mil__slides", "tiles": tiles}


@pytest.mark.parametrize(
    ("corners", "got"),
    [(XY_PX0, "3 for 2 valid tiles"), ([[0, 0], [449, 0]], "weights of tiles that stand elsewhere")],
)
def test_attention_over_other_tiles_is_refused(
    corners: list[list[int]], got: str, cache: FeatureCache, tmp_path: Path
) -> None:
    attention = tmp_path / "attention.json"
    attention.write_text(json.dumps(attention_of("a", corners)), encoding="utf-8")
    with pytest.raises(SourceError) as refused:
        draw(cache, tmp_path / "out", attention)
    assert refused.value.got == got


@pytest.mark.parametrize(
    ("content", "got"),
    [
        ('{"reason": "No arm with attention over tiles was run."}', "none: No arm with attention"),
        ('{"case_id": "1"}', "something else (KeyError)"),
        ("[]", "something else (TypeError)"),
        ("{", "something else (JSONDecodeError)"),
    ],
)
def test_a_file_without_attention_is_refused(
    content: str, got: str, cache: FeatureCache, tmp_path: Path
) -> None:
    (tmp_path / "attention.json").write_text(content, encoding="utf-8")
    with pytest.raises(SourceError) as refused:
        draw(cache, tmp_path / "out", tmp_path / "attention.json")
    assert refused.value.got.startswith(got)


@pytest.mark.parametrize(
    ("line", "got"),
    [
        ("1,a,448,1,1,1", "one at 448, 1"),
        ("1,z,448,0,1,1", "1 that it does not have"),
        ("1,a,448,0,high,1", "something else (case 1, slide a)"),
        ("1,a,448.5,0,1,1", "something else (case 1, slide a)"),
        ("1,a,448,0,inf,1", "something else (case 1, slide a)"),
        ("1,a,448,0,1", "5 fields"),
    ],
)
def test_a_score_of_no_tile_is_refused(line: str, got: str, cache: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refused:
        draw(cache, tmp_path / "out", table(tmp_path / "s.csv", line))
    assert refused.value.got == got


def test_two_scores_of_one_tile_are_not_chosen_from(cache: FeatureCache, tmp_path: Path) -> None:
    scores = table(tmp_path / "s.csv", "1,a,448,0,1,", "1,a,448,0,,2")
    assert draw(cache, tmp_path / "out", scores).scored == 1  # a row for each score is as good
    with pytest.raises(SourceError, match=r"two of the tile at 448, 0\. Leave one row a tile"):
        draw(cache, tmp_path / "out", table(tmp_path / "s.csv", "1,a,448,0,1,", "1,a,448,0,2,"))


@pytest.mark.parametrize("header", ["case_id,slide_id,x_px0,y_px0", "slide_id,x_px0,y_px0,risk"])
def test_a_table_of_other_columns_is_refused(header: str, cache: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="columns case_id, slide_id, x_px0, y_px0 and a score"):
        draw(cache, tmp_path / "out", table(tmp_path / "s.csv", header=header))


def test_an_entry_without_the_side_of_its_tiles_cannot_be_drawn(tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    commit(cache, "1", "a", {"tile_px0": None})
    with pytest.raises(SourceError, match="not known at the import"):
        draw(cache, tmp_path / "out")


def test_a_set_that_is_not_there(cache: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="no entry"):
        draw(cache, tmp_path / "out", cases=frozenset(["3"]))
