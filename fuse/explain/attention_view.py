"""One slide with the attention that its tiles were given, for the report.

Enters: the attention of one test case, and the cache. Leaves: attention.json: the slide's thumbnail as PNG
and a square with a weight for every tile, in thumbnail pixels; or the reason why there is none. The case
was in the test part of the fold that scored it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from feature_cache.store import Entry, FeatureCache
from fuse.explain.pictures import png_text
from fuse.features.bags import valid_rows
from fuse.features.feature_sets import ChosenSet
from fuse.files import write_json
from fuse.fitting import Attention, FoldResult


def write_attention(
    path: Path, results: Sequence[FoldResult], cache: FeatureCache, chosen: Mapping[str, ChosenSet]
) -> None:
    """Write attention.json for the first fold that scored a slide."""
    for result in results:
        if result.attention is not None:
            label = result.attention.arm.partition("__")[2]
            view = _view(result.attention, cache, chosen[label])
            write_json(path, {"repeat": result.repeat, "fold": result.fold, **view})
            return
    write_json(path, {"reason": "No arm with attention over tiles was run on a case with slides."})


def _view(attention: Attention, cache: FeatureCache, chosen: ChosenSet) -> dict[str, Any]:
    """Show the slide of the case that was given the most attention."""
    best: tuple[float, Entry, Float[np.ndarray, " tile"]] | None = None
    start = 0
    for record in chosen.records:
        if record.case_id != attention.case_id:
            continue
        entry = cache.read(record.key)
        stop = start + int(valid_rows(entry).sum())
        weights = attention.weights[start:stop]
        start = stop
        if best is None or weights.sum() > best[0]:
            best = float(weights.sum()), entry, weights
    if best is None or "thumbnail" not in best[1].arrays:
        return {"reason": "The slide's entry holds no thumbnail."}
    _, entry, weights = best
    thumbnail = entry.arrays["thumbnail"]
    return {
        "case_id": attention.case_id,
        "item_id": entry.record.item_id,
        "arm": attention.arm,
        "thumbnail_png": png_text(thumbnail),
        "width": int(thumbnail.shape[1]),
        "height": int(thumbnail.shape[0]),
        "tiles": _squares(entry, weights),
    }


def _squares(entry: Entry, weights: Float[np.ndarray, " tile"]) -> list[dict[str, float]]:
    downsample = np.broadcast_to(np.asarray(entry.record.attrs["thumbnail_downsample"], dtype=float), 2)
    corners = entry.arrays["xy_px0"][valid_rows(entry)] / downsample
    size = np.broadcast_to(np.asarray(entry.record.attrs["tile_px0"], dtype=float), 2) / downsample
    return [
        {"x": float(x), "y": float(y), "w": float(size[0]), "h": float(size[1]), "weight": float(weight)}
        for (x, y), weight in zip(corners, weights, strict=True)
    ]
