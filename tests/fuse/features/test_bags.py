"""Slide entries as bags: only valid tiles, all slides of a case, in a file that is mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.errors import CacheError
from feature_cache.store import FeatureCache
from feature_cache.tables import CaseRow, SlideRow
from fuse.features.bags import pack_bags
from fuse.features.feature_sets import ChosenSet, choose_feature_sets
from tests.fuse.tiny_cohort import CARD, SLIDES, draft

IDS = ("0000", "0001", "0002")


def commit(cache: FeatureCache, case: str, item: str, tiles: np.ndarray, valid: list[bool]) -> None:
    corners = np.zeros((len(tiles), 2), np.int32)
    arrays = {"embeddings": tiles.astype(np.float16), "xy_px0": corners, "valid": np.array(valid)}
    cache.commit(draft(SLIDES, case, item, "bag", arrays=arrays))


def chosen_of(cache: FeatureCache) -> ChosenSet:
    cases = tuple(CaseRow(case_id=case) for case in IDS)
    slides = tuple(SlideRow(case_id=case, slide_id=slide, path="x") for case in IDS for slide in "ab")
    card = CohortCard.model_validate(CARD)
    cohort = Cohort(folder=cache.root, card=card, cases=cases, slides=slides, clinical={})
    return choose_feature_sets(cache, cohort, "auto")[0]["slides"]


def test_valid_tiles_of_all_slides_of_a_case(tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    commit(cache, "0000", "b", np.array([[5.0, 6.0]]), [True])
    commit(cache, "0000", "a", np.array([[1.0, 2.0], [9.0, 9.0], [3.0, 4.0]]), [True, False, True])
    commit(cache, "0002", "a", np.array([[7.0, 8.0]]), [False])
    bags, means = pack_bags(cache, chosen_of(cache), IDS, tmp_path / "tiles.npy")
    assert bags.tiles.dtype == np.float16
    np.testing.assert_array_equal(bags.tiles[bags.start[0] : bags.stop[0]], [[1, 2], [3, 4], [5, 6]])
    assert (bags.stop - bags.start).tolist() == [3, 0, 0]
    np.testing.assert_array_equal(means[0], [3.0, 4.0])
    assert np.isnan(means[1:]).all()


def test_the_order_of_cases_is_the_caller_s(tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    for number, case in enumerate(IDS):
        commit(cache, case, "a", np.array([[number, 0.0]]), [True])
    bags, means = pack_bags(cache, chosen_of(cache), ("0002", "0000"), tmp_path / "tiles.npy")
    assert means[:, 0].tolist() == [2.0, 0.0]
    assert bags.tiles[bags.start[1], 0] == 0.0


def test_slides_of_another_encoder_length_are_refused(tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    commit(cache, "0000", "a", np.ones((1, 2)), [True])
    commit(cache, "0001", "a", np.ones((1, 3)), [True])
    with pytest.raises(CacheError, match=r"0001/a: expected embeddings of length 2.*got length 3"):
        pack_bags(cache, chosen_of(cache), IDS, tmp_path / "tiles.npy")


def test_the_precision_is_the_entries_and_the_order_is_of_the_tiles_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tiles, packed = rng.normal(size=(2, 30, 3)), {}
    for name, rows in (("as_listed", np.arange(30)), ("otherwise", rng.permutation(30))):
        cache = FeatureCache.create(tmp_path / name)
        commit(cache, "0000", "a", tiles[0][rows], [True] * 30)
        commit(cache, "0001", "a", tiles[1][rows], [True] * 30)
        packed[name], _ = pack_bags(cache, chosen_of(cache), IDS, tmp_path / f"{name}.npy")
    for bags in packed.values():
        assert bags.tiles.dtype == np.float16
        assert sorted(bags.canonical(1)) == list(range(30, 60))
        assert bags.canonical(2).tolist() == []
    first, second = (bags.tiles[bags.order] for bags in packed.values())
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != packed["as_listed"].tiles.tobytes()


def test_full_precision_stays(tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    commit(cache, "0000", "a", np.ones((1, 2)), [True])
    exact = np.array([[1.0 + 2.0**-20, 2.0]], dtype=np.float32)
    corners = np.zeros((1, 2), np.int32)
    arrays = {"embeddings": exact, "xy_px0": corners, "valid": np.array([True])}
    cache.commit(draft(SLIDES, "0001", "a", "bag", arrays=arrays))
    bags, _ = pack_bags(cache, chosen_of(cache), IDS, tmp_path / "tiles.npy")
    assert bags.tiles.dtype == np.float32
    np.testing.assert_array_equal(bags.of(1), exact)
