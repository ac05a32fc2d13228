"""Regions of interest that a person drew: GeoJSON polygons in level-0 pixels, as QuPath writes them.

Enters: a file and the slide's size. Leaves: the share of each cell of a grid that lies inside, to a quarter
of a cell. Overlapping polygons count once, holes are outside. Anything but polygons is refused, because a
point or a line has no inside.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float32, Float64

from extract.slides.bounds import Bounds
from extract.slides.tissue_mask import TissueMask
from feature_cache.errors import SourceError

#: Bytes of a file, which is read whole, and corners of all its polygons.
LARGEST_ROI, MOST_CORNERS = 2**26, 2_000_000
#: Lines looked along in each row of cells; along a line shares are exact.
_LINES = 4
#: A corner may lie this share of the slide outside: annotations are drawn past the edge.
_OVERHANG = 0.05

#: A closed line, (x, y) in level-0 pixels.
Ring = Float64[np.ndarray[Any, Any], "corner 2"]


@dataclass(frozen=True, kw_only=True)
class Roi:
    """Polygons, each its outline and its holes."""

    polygons: tuple[tuple[Ring, ...], ...]


def read_roi(path: Path, where: str, size_px0: tuple[int, int], bounds_px0: Bounds | None = None) -> Roi:
    """Read the polygons of a GeoJSON file; `bounds_px0` is what was scanned of the canvas, None if all of it.

    Where only a part was scanned, QuPath counts from that part's corner unless it is told not to crop
    (qupath/qupath issue 820), other programs from the canvas's, and the file does not say.

    Raises
    ------
    SourceError
        No GeoJSON, too large, a geometry without an inside, no polygon, corners that are not on the slide, or
        a slide with bounds.
    """
    if bounds_px0 is not None:
        got = f"one whose scan begins at {bounds_px0[0]:,}, {bounds_px0[1]:,}"
        remedy = "Programs count from either corner: give the regions as a mask of the canvas in mask_path."
        _refuse(where, "a slide that was scanned from its canvas's corner", got, remedy)
    if (size := path.stat().st_size) > LARGEST_ROI:
        _refuse(where, f"at most {LARGEST_ROI:,} bytes", f"{size:,}", "Take out what is no polygon.")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # bad JSON and bad UTF-8 are ValueErrors
        raise _error(where, "GeoJSON", f"{type(error).__name__}", "Export it again.") from error
    polygons = tuple(
        _outlines(polygon, where)
        for geometry in _geometries(content, where)
        for polygon in _polygons(geometry, where)
    )
    corners = sum(len(ring) for polygon in polygons for ring in polygon)
    if not corners or corners > MOST_CORNERS:
        _refuse(where, f"polygons with 1 to {MOST_CORNERS:,} corners", f"{corners:,}", "Draw a region.")
    _check_place(polygons, where, size_px0)
    return Roi(polygons=polygons)


def restrict(tissue: TissueMask, roi: Roi) -> TissueMask:
    """Return the tissue that lies inside the regions; what was unread stays so inside them only."""
    inside = roi_shares(roi, (tissue.mask.shape[1], tissue.mask.shape[0]), tissue.px0_per_px)
    return TissueMask(
        mask=(tissue.mask * inside).astype(np.float32),
        px0_per_px=tissue.px0_per_px,
        unread=None if tissue.unread is None else tissue.unread & (inside > 0),
        warnings=tissue.warnings,
    )


def roi_shares(
    roi: Roi, size_px: tuple[int, int], px0_per_px: tuple[float, float]
) -> Float32[np.ndarray[Any, Any], "height width"]:
    """Return the share of each cell (`px0_per_px` level-0 pixels, x and y) that lies inside a polygon."""
    width, height = size_px
    shares = np.zeros((height, width), dtype=np.float32)
    edges = [_edges(polygon, px0_per_px) for polygon in roi.polygons]
    reach = [(float(edge[:, 1].min()), float(edge[:, 3].max())) for edge in edges]
    for row in range(height):
        near = [
            edge for edge, (top, bottom) in zip(edges, reach, strict=True) if top < row + 1 and bottom > row
        ]
        for line in range(_LINES) if near else ():
            y = row + (line + 0.5) / _LINES
            spans = np.concatenate([_crossings(edge, y) for edge in near])
            for left, right in _joined(np.clip(spans, 0, width)):
                _add_span(shares[row], left, right)
    return np.minimum(shares / _LINES, np.float32(1))


def _edges(
    polygon: tuple[Ring, ...], px0_per_px: tuple[float, float]
) -> Float64[np.ndarray[Any, Any], "edge 4"]:
    """Return the edges of all rings in cells, (x, y, x, y), from top to bottom."""
    found = []
    for ring in polygon:
        corners = ring / px0_per_px
        ends = np.concatenate([corners, np.roll(corners, -1, axis=0)], axis=1)
        upwards = ends[:, 1] > ends[:, 3]
        ends[upwards] = ends[upwards][:, [2, 3, 0, 1]]
        found.append(ends)
    return np.concatenate(found)


def _crossings(
    edges: Float64[np.ndarray[Any, Any], "edge 4"], y: float
) -> Float64[np.ndarray[Any, Any], "span 2"]:
    """Return where a line across one polygon is inside, from left to right (even-odd rule)."""
    x0, y0, x1, y1 = edges[(edges[:, 1] <= y) & (edges[:, 3] > y)].T
    crossed = np.sort(x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return crossed.reshape(-1, 2)


def _joined(spans: Float64[np.ndarray[Any, Any], "span 2"]) -> list[tuple[float, float]]:
    """Join spans of several polygons that overlap."""
    joined: list[tuple[float, float]] = []
    for left, right in sorted(map(tuple, spans.tolist())):
        if joined and left <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], right))
        else:
            joined.append((left, right))
    return joined


def _add_span(row: Float32[np.ndarray[Any, Any], " width"], left: float, right: float) -> None:
    first, last = math.floor(left), math.floor(right)
    if first == last:
        if first < len(row):
            row[first] += right - left
        return
    row[first] += first + 1 - left
    row[first + 1 : last] += 1
    if last < len(row):
        row[last] += right - last


def _geometries(content: Any, where: str) -> list[dict[str, Any]]:
    """Return the geometries of a collection, a list of features, one feature, or a bare geometry."""
    if isinstance(content, dict) and content.get("type") == "FeatureCollection":
        content = _list(content.get("features"), where)
    return [_geometry(feature, where) for feature in (content if isinstance(content, list) else [content])]


def _geometry(feature: Any, where: str) -> dict[str, Any]:
    geometry = feature
    if isinstance(feature, dict) and feature.get("type") == "Feature":
        geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        _refuse(where, "GeoJSON features", f"{type(geometry).__name__}", "Export it again.")
    return geometry


def _polygons(geometry: dict[str, Any], where: str) -> list[Any]:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Polygon":
        return [coordinates]
    if kind == "MultiPolygon":
        return _list(coordinates, where)
    known = kind if kind in ("Point", "MultiPoint", "LineString", "MultiLineString") else "something else"
    return _refuse(where, "Polygon or MultiPolygon", known, "Draw regions as closed areas.")


def _outlines(polygon: Any, where: str) -> tuple[Ring, ...]:
    rings = tuple(_ring(ring, where) for ring in _list(polygon, where))
    if not rings:
        _refuse(where, "polygons with an outline", "an empty one", "Take it out, or draw it again.")
    return rings


def _ring(ring: Any, where: str) -> Ring:
    try:
        corners = np.array([point[:2] for point in _list(ring, where)], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        corners = np.empty((0, 2))
    if corners.ndim != 2 or corners.shape[1:] != (2,) or len(corners) < 3 or not np.isfinite(corners).all():
        _refuse(where, "rings of three or more pairs of numbers", "another ring", "Export it again.")
    return corners


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        _refuse(where, "a list of coordinates or features", f"{type(value).__name__}", "Export it again.")
    return value


def _check_place(polygons: tuple[tuple[Ring, ...], ...], where: str, size_px0: tuple[int, int]) -> None:
    corners = np.concatenate([ring for polygon in polygons for ring in polygon])
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = np.array(size_px0)
    if (low < -_OVERHANG * size).any() or (high > (1 + _OVERHANG) * size).any():
        got = f"x {low[0]:.0f} to {high[0]:.0f}, y {low[1]:.0f} to {high[1]:.0f}"
        expected = f"corners on the slide of {size_px0[0]:,} x {size_px0[1]:,} level-0 pixels"
        _refuse(where, expected, got, "It may be another slide's, or in um: mend roi_path.")


def _refuse(where: str, expected: str, got: str, remedy: str) -> NoReturn:
    raise _error(where, expected, got, remedy)


def _error(where: str, expected: str, got: str, remedy: str) -> SourceError:
    return SourceError(where, expected=expected, got=got, remedy=remedy)
