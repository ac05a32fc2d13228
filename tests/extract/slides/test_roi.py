"""Regions that a person drew: shares are areas, forms of GeoJSON are one, other slides' are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.slides.roi import Roi, read_roi, restrict, roi_shares
from extract.slides.tissue_mask import TissueMask
from feature_cache.errors import SourceError
from tests.extract.slides.pyramids import paint_tissue, write_pyramid

SIZE_PX0 = (1000, 800)


def square(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": "x", "geometry": geometry, "properties": {"objectType": "annotation"}}


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


A, B = square(0, 0, 300, 400), square(600, 0, 700, 100)


@pytest.mark.parametrize(
    "content",
    [
        {"type": "FeatureCollection", "features": [feature(polygon(A)), feature(polygon(B))]},
        [feature(polygon(A)), feature(polygon(B))],  # an array, as QuPath exports objects
        feature({"type": "MultiPolygon", "coordinates": [[A], [B]]}),
        {"type": "MultiPolygon", "coordinates": [[A], [B]]},
        [feature({"type": "MultiPolygon", "coordinates": [[A]]}), feature(polygon(B))],
    ],
)
def test_all_forms_of_geojson_are_one(tmp_path: Path, content: object) -> None:
    roi = read_roi(write(tmp_path / "r.geojson", content), "r", SIZE_PX0)
    shares = roi_shares(roi, (10, 8), (100.0, 100.0))
    truth = np.zeros((8, 10))
    truth[:4, :3] = truth[0, 6] = 1
    np.testing.assert_allclose(shares, truth)


def test_holes_are_outside_and_overlaps_count_once() -> None:
    outer, hole = square(0, 0, 400, 400), square(100, 100, 200, 300)
    roi = Roi(
        polygons=(
            (np.array(outer), np.array(hole)),
            (np.array(square(300, 0, 500, 400)),),  # over the first one's right quarter
        )
    )
    truth = np.zeros((8, 10))
    truth[:4, :5] = 1
    truth[1:3, 1] = 0
    np.testing.assert_allclose(roi_shares(roi, (10, 8), (100.0, 100.0)), truth)


@given(
    st.lists(st.tuples(st.floats(-40, 140), st.floats(-40, 140)), min_size=3, max_size=3),
    st.sampled_from([(10.0, 10.0), (7.3, 12.9)]),
)
def test_a_triangle_has_its_area(corners: list[tuple[float, float]], step: tuple[float, float]) -> None:
    """Against points: a cell differs by what a quarter of its height can hide."""
    ring = np.array(corners)
    size = (10, 9)
    shares = roi_shares(Roi(polygons=((ring,),)), size, step)
    fine = 8
    y, x = (np.mgrid[: size[1] * fine, : size[0] * fine] + 0.5) / fine
    inside = np.ones(x.shape, dtype=bool)
    turn = np.sign(_cross(ring[1] - ring[0], ring[2] - ring[0]))
    for start, end in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        side = end - start
        inside &= turn * (side[0] * (y * step[1] - start[1]) - side[1] * (x * step[0] - start[0])) > 0
    truth = inside.reshape(size[1], fine, size[0], fine).mean(axis=(1, 3))
    assert np.abs(shares - truth).max() <= 0.5
    assert abs(float(shares.sum()) - truth.sum()) <= 0.04 * truth.sum() + 1.5


def _cross(a: np.ndarray, b: np.ndarray) -> float:
    return float(a[0] * b[1] - a[1] * b[0])


def test_tissue_is_kept_inside_alone() -> None:
    mask = np.ones((8, 10), dtype=bool)
    mask[:, 5] = False
    unread = np.zeros((8, 10), dtype=bool)
    unread[:, 9] = unread[0, 5] = True
    tissue = TissueMask(mask=mask, px0_per_px=(100.0, 100.0), unread=unread, warnings=("w",))
    inside = restrict(tissue, Roi(polygons=((np.array(square(250, 0, 600, 800)),),)))
    truth = np.zeros((8, 10))
    truth[:, 2], truth[:, 3:5] = 0.5, 1
    np.testing.assert_allclose(inside.mask, truth)
    assert inside.unread is not None
    assert np.argwhere(inside.unread).tolist() == [[0, 5]]
    assert inside.warnings == ("w",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"type": "Point", "coordinates": [1, 2]}, "expected Polygon or MultiPolygon; got Point"),
        ({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}, "got LineString"),
        ({"type": "Secret", "coordinates": []}, "got something else"),
        (feature(None), "got NoneType"),
        ([], "polygons with 1 to 2,000,000 corners; got 0"),
        (7, "expected GeoJSON features; got int"),
        ([[[[]]]], "expected GeoJSON features; got list"),
        ({"type": "FeatureCollection"}, "a list of coordinates or features; got NoneType"),
        (polygon(), "polygons with an outline; got an empty one"),
        ([polygon(), polygon(A)], "polygons with an outline; got an empty one"),
        (polygon([[0, 0], [1, 1]]), "rings of three or more pairs"),
        (polygon([[0, 0], [1, "a"], [2, 2]]), "rings of three or more pairs"),
        (polygon([[0, 0], [1, float("nan")], [2, 2]]), "rings of three or more pairs"),
        (polygon([[0, 0], [1, 10**400], [2, 2]]), "rings of three or more pairs"),
        (
            polygon(square(0, 0, 1051, 100)),
            "corners on the slide of 1,000 x 800 level-0 pixels; got x 0 to 1051",
        ),
        (polygon(square(0, -41, 10, 100)), "y -41 to 100"),
    ],
)
def test_what_is_no_region_of_this_slide_is_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_roi(write(tmp_path / "r.geojson", content), "case 1, roi", SIZE_PX0)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_geojson_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.geojson"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="case 1, roi: expected GeoJSON; got"):
        read_roi(path, "case 1, roi", SIZE_PX0)


def test_regions_of_a_slide_scanned_in_part_are_refused(tmp_path: Path) -> None:
    """QuPath counts from the corner of what was scanned, others from the canvas's: nobody could tell."""
    path = write(tmp_path / "r.geojson", polygon(A))
    with pytest.raises(SourceError, match=r"got one whose scan begins at 1,100, 20\. .* in mask_path"):
        read_roi(path, "r", SIZE_PX0, (1100, 20, 1900, 700))


def test_a_file_too_large_to_be_one_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extract.slides.roi.LARGEST_ROI", 10)
    with pytest.raises(SourceError, match="expected at most 10 bytes"):
        read_roi(write(tmp_path / "r.geojson", feature(polygon(A))), "r", SIZE_PX0)


def test_a_slide_is_tiled_inside_its_regions(one_slide: Any, tmp_path: Path) -> None:
    """Eosin from 0 to 768, 0 to 512; the region holds its right third, and glass."""
    path = write_pyramid(tmp_path / "slide.tif", paint_tissue(640, 900, (0, 0, 768, 512)))
    roi = write(tmp_path / "r.geojson", [feature(polygon(square(512, 0, 900, 640)))])
    whole, part = one_slide(path).build(), one_slide(path, roi=roi)
    assert len(whole.arrays["xy_px0"]) == 6
    draft = part.build()
    assert draft.arrays["xy_px0"].tolist() == [[512, 0], [512, 256]]
    assert set(part.sources()) == {"slide", "roi"}
