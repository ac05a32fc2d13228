"""Slides under two ids are found by their embeddings; slides that are merely alike are not."""

from __future__ import annotations

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.inspection.duplicates import near_embeddings, refuse_near_cases
from fuse.inspection.leaks import leak_of
from fuse.inspection.near_items import neighbourhood
from fuse.inspection.pooled_items import PooledItems

TILES, DIM = 24, 12


def bags(seed: int, n: int = 60) -> list[np.ndarray]:
    """Draw tiles around a centre of each case, of tissue types that all cases share."""
    rng = np.random.default_rng(seed)
    types = rng.normal(size=(4, DIM)) * 2
    drawn = []
    for _ in range(n):
        centre, kind = 0.7 * rng.normal(size=DIM), rng.integers(4, size=TILES)
        drawn.append(types[kind] + centre + 0.5 * rng.normal(size=(TILES, DIM)))
    return drawn


def items_of(tiles: list[np.ndarray], kind: str = "slides", first: int = 0) -> PooledItems:
    return PooledItems(
        label=kind,
        feature_set="made",
        kind=kind,
        owners=tuple(f"case{number + first:03d}" for number in range(len(tiles))),
        values=np.array([bag.mean(axis=0) for bag in tiles]),
        tiles_of=lambda item: tiles[item],
    )


def test_fifty_cohorts_of_slides_that_are_alike_raise_nothing() -> None:
    for seed in range(50):
        assert list(near_embeddings(items_of(bags(seed)))) == []


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_a_slide_scanned_again_is_found_by_its_tiles(noise: float) -> None:
    tiles = bags(1)
    rng = np.random.default_rng(9)
    again = tiles[7][rng.permutation(TILES)[: TILES - 3]]
    tiles[31] = again + noise * rng.normal(size=again.shape)
    (problem,) = near_embeddings(items_of(tiles))
    assert (leak_of(problem), problem.level) == ("duplicate-case", "error")
    assert "case007" in problem.got and "case031" in problem.got


def test_two_slides_of_one_case_may_be_alike() -> None:
    tiles = bags(1)
    tiles[31] = tiles[7] + 0.01
    items = items_of(tiles)
    owners = list(items.owners)
    owners[31] = owners[7]
    one = PooledItems(**{**vars(items), "owners": tuple(owners)})
    assert list(near_embeddings(one)) == []


def test_equal_rows_of_omics_are_an_error_and_equal_flags_or_values_none() -> None:
    values = np.random.default_rng(2).normal(size=(60, 30))
    values[5] = values[9]
    tables = {
        kind: PooledItems(
            label=kind,
            feature_set="made",
            kind=kind,
            owners=tuple(map(str, range(60))),
            values=values if kind != "flags" else (values > 2.5).astype(float),
        )
        for kind in ("omics", "clinical", "notes", "flags")
    }
    assert [problem.level for problem in near_embeddings(tables["omics"])] == ["error"]
    assert not [*near_embeddings(tables["clinical"]), *near_embeddings(tables["notes"])]
    assert all(problem.level == "warning" for problem in near_embeddings(tables["flags"]))


def test_a_slide_of_another_cohort_is_refused() -> None:
    inside, outside = bags(3), bags(4)
    refuse_near_cases([items_of(inside)], [items_of(outside, first=100)])
    outside[10] = inside[20] + 0.01
    with pytest.raises(OutcomeError, match=r"case110: .* duplicate-case: the tiles of case case020"):
        refuse_near_cases([items_of(inside)], [items_of(outside, first=100)])


def test_where_few_directions_are_filled_nothing_is_said() -> None:
    """A scale and an offset in all columns: chance brings two of sixty cases as near as that."""
    rng = np.random.default_rng(5)
    two = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 30))
    assert neighbourhood(two) is None
    assert neighbourhood(rng.normal(size=(19, 30))) is None
