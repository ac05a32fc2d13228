"""Tiles as GeoJSON that QuPath opens: a square a tile, its measurements beside it.

Enters: an entry and scores. Leaves: a FeatureCollection. Positions are level-0 pixels from the corner of
the whole canvas. QuPath counts so too, but for slides that were scanned in part (MIRAX): those it crops to
their bounds unless it is told `--no-crop` (qupath/qupath issue 1278). A feature is a QuPath object of type
`tile` with a mapping of measurements (QuPath 0.4 and later); what was not measured is left out, as JSON has
no NaN. Tiles that are not valid are classed `invalid`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from feature_cache.canonical import Json
from feature_cache.store import Entry

_INVALID: dict[str, Json] = {"name": "invalid", "color": [160, 160, 160]}


def tile_features(
    entry: Entry, side_px0: tuple[float, float], scores: Mapping[str, Float[np.ndarray[Any, Any], " tile"]]
) -> Iterator[dict[str, Json]]:
    """Yield a GeoJSON feature a tile, in the entry's order.

    Parameters
    ----------
    side_px0
        Width and height of a tile in level-0 pixels.
    scores
        Scores by name, one a tile, NaN where there is none; they stand before the quality measures.
    """
    measures = entry.record.attrs.get("quality_measures") or []
    columns: dict[str, np.ndarray[Any, Any]] = dict(scores)
    if "quality" in entry.arrays:
        columns |= {f"quality: {name}": entry.arrays["quality"][:, i] for i, name in enumerate(measures)}
    width, height = side_px0
    for row, (x, y) in enumerate(entry.arrays["xy_px0"].tolist()):
        ring: list[Json] = [
            [x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y],
        ]  # fmt: skip
        named = {name: float(column[row]) for name, column in columns.items()}
        properties: dict[str, Json] = {
            "objectType": "tile",
            "isLocked": True,
            "measurements": {name: value for name, value in named.items() if np.isfinite(value)},
        }
        if not entry.arrays["valid"][row]:
            properties["classification"] = _INVALID
        yield {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": properties,
        }


def write_collection(path: Path, features: Iterator[dict[str, Json]]) -> int:
    """Write a FeatureCollection, one feature a line; return how many there are."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write('{"type": "FeatureCollection", "features": [')
        for feature in features:
            stream.write(f"{',' if count else ''}\n{json.dumps(feature, allow_nan=False)}")
            count += 1
        stream.write("\n]}\n")
    return count
