"""Scores of masks by hand, and what is not defined for masks that are empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.segment.detection import Detection, detect
from extract.segment.scores import StructureScore, score_case, score_structure
from extract.segment.surface_distance import hausdorff_95

NAMES = {1: "rv", 2: "myo", 3: "lv"}
SPACING = (1.25, 1.25, 8.0)


def _blobs(seed: int, shape: tuple[int, int, int] = (24, 20, 6)) -> np.ndarray[Any, Any]:
    """Three balls of labels at random places."""
    chance = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    labels = np.zeros(shape, dtype=np.uint8)
    for label in NAMES:
        centre = chance.uniform(0.3, 0.7, 3) * shape
        labels[(((grid - centre) / (6, 5, 2)) ** 2).sum(axis=-1) < 1] = label
    return labels


def _one(predicted: np.ndarray[Any, Any], drawn: np.ndarray[Any, Any], mm: Any = SPACING) -> StructureScore:
    return score_structure("rv", predicted, drawn, mm)


def test_a_moved_box_by_hand() -> None:
    drawn = np.zeros((10, 10, 4), dtype=bool)
    drawn[2:6, 2:6, 1:3] = True
    predicted = np.roll(drawn, 1, axis=2)  # 2 of 4 slices shared half: one slice of two overlaps
    score = _one(predicted, drawn)
    assert score.dice == 0.5 and score.presence == "found"
    assert score.hd95_mm == 8.0 and score.hd95_voxels is None
    assert score.volume_error_ml == 0.0 and score.volume_error_relative == 0.0
    smaller = drawn.copy()
    smaller[:, :, 2] = False
    score = _one(smaller, drawn)
    assert score.volume_error_voxels == -16 and score.volume_error_relative == -0.5
    assert score.volume_error_ml == pytest.approx(-16 * 1.25 * 1.25 * 8 / 1000)


def test_without_a_spacing_there_are_no_millimetres_and_no_millilitres() -> None:
    score = score_case(_blobs(0), _blobs(1), NAMES, None)[0]
    assert score.hd95_mm is None and score.volume_error_ml is None
    assert score.hd95_voxels is not None and score.hd95_voxels > 0


def test_empty_masks_are_not_applicable_or_a_miss_and_never_perfect() -> None:
    some, none = np.ones((3, 3, 2), dtype=bool), np.zeros((3, 3, 2), dtype=bool)
    neither, missed, invented = _one(none, none), _one(none, some), _one(some, none)
    assert neither.presence == "absent"
    assert (neither.dice, neither.hd95_mm, neither.volume_error_relative) == (None, None, None)
    assert missed.presence == "missed" and missed.dice == 0 and missed.hd95_mm is None
    assert missed.volume_error_relative == -1
    assert invented.presence == "invented" and invented.dice == 0 and invented.hd95_mm is None
    assert invented.volume_error_relative is None and invented.volume_error_voxels == 18


def test_voxels_that_are_not_counted_belong_to_nothing() -> None:
    predicted, drawn = _blobs(0), _blobs(1)
    counted = np.zeros(drawn.shape, dtype=bool)
    counted[:12] = True
    scores = score_case(predicted, drawn, NAMES, SPACING, counted)
    assert scores == score_case(np.where(counted, predicted, 0), np.where(counted, drawn, 0), NAMES, SPACING)


def test_grids_of_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="predicted for"):
        score_case(_blobs(0), _blobs(0)[:-1], NAMES, SPACING)


def test_hd95_of_one_voxel_and_of_an_empty_mask() -> None:
    voxel = np.ones((1, 1, 1), dtype=bool)
    assert hausdorff_95(voxel, voxel, SPACING) == 0
    with pytest.raises(ValueError, match="empty mask"):
        hausdorff_95(voxel, ~voxel, SPACING)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_scores_hold_for_both_directions(one: int, other: int) -> None:
    first, second = _blobs(one) == 1, _blobs(other) == 1
    there, back = _one(first, second), _one(second, first)
    assert (there.dice, there.hd95_mm) == (back.dice, back.hd95_mm)
    assert there.volume_error_voxels == -back.volume_error_voxels
    assert _one(first, first).dice == 1 and _one(first, first).hd95_mm == 0


def test_cases_are_counted_by_where_the_structure_is() -> None:
    some, none = np.ones((3, 3, 2), dtype=bool), np.zeros((3, 3, 2), dtype=bool)
    pairs = [(some, some), (none, some), (some, none), (none, none), (none, none)]
    said = detect([_one(predicted, drawn) for predicted, drawn in pairs])
    assert said == Detection(found=1, missed=1, invented=1, absent=2)


def test_structures_are_not_counted_as_one() -> None:
    some = np.ones((3, 3, 2), dtype=bool)
    with pytest.raises(ValueError, match="lv, rv"):
        detect([_one(some, some), score_structure("lv", some, some, None)])
