"""attention.json: the right slide of a case, its valid tiles, in thumbnail pixels."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from feature_cache.cohort import read_cohort
from feature_cache.store import FeatureCache
from fuse.explain.attention_view import write_attention
from fuse.features.feature_sets import choose_feature_sets
from fuse.fitting import Attention, FoldResult
from tests.fuse.tiny_cohort import TILES, Tiny


def test_the_slide_with_most_attention_is_shown(tiny: Tiny, tmp_path: Path) -> None:
    cache = FeatureCache.open(tiny.cache)
    chosen, _ = choose_feature_sets(cache, read_cohort(tiny.cohort), "auto")
    used = TILES - 1
    # case 0001 has two slides; all but a little of the attention lies on the second
    weights = np.concatenate([np.full(used, 0.01), np.arange(used) / 10])
    attention = Attention(arm="attention_mil__slides", case_id="0001", weights=weights)
    results = [
        FoldResult(repeat=1, fold=1, arms={}),
        FoldResult(repeat=1, fold=2, arms={}, attention=attention),
    ]
    write_attention(tmp_path / "attention.json", results, cache, chosen)
    view = json.loads((tmp_path / "attention.json").read_text())
    assert (view["case_id"], view["item_id"], view["repeat"], view["fold"]) == ("0001", "0001_1", 1, 2)
    # the first tile is not valid; the others start at 100, 200, … level-0 pixels, a thumbnail pixel is 10
    assert [(tile["x"], tile["y"], tile["w"]) for tile in view["tiles"]] == [
        (10.0 * number, 10.0 * number, 10.0) for number in range(1, TILES)
    ]
    assert [tile["weight"] for tile in view["tiles"]] == weights[used:].tolist()
    image = Image.open(io.BytesIO(base64.b64decode(view["thumbnail_png"])))
    assert image.size == (view["width"], view["height"]) == (60, 60)


def test_without_attention_the_reason_is_given(tiny: Tiny, tmp_path: Path) -> None:
    write_attention(
        tmp_path / "a.json", [FoldResult(repeat=1, fold=1, arms={})], FeatureCache.open(tiny.cache), {}
    )
    assert json.loads((tmp_path / "a.json").read_text())["reason"]
