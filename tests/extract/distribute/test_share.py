"""Shards of a plan: together they are all of it, apart they share nothing, at whatever time they start."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract import cost
from extract.distribute.shard import Shard
from extract.plan import Folders, Plan, Selection, make_plan
from extract.recipe import RecipeFile
from extract.run import extract_items
from feature_cache.cohort import read_cohort
from feature_cache.errors import CacheError
from feature_cache.store import FeatureCache
from tests.trials.small_cohort import SmallCohort, write_small

RECIPE = RecipeFile(name="numbers", notes={"algorithm": 1})
CASES = {"001", "002", "003", "004"}


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache.create(tmp_path / "cache")


def plan(
    cohort: tuple[Path, Path], cache: FeatureCache, number: int, count: int = 2, limit: int | None = None
) -> Plan:
    manifest, root = cohort
    selection = Selection(shard=Shard(number, count), limit=limit)
    return make_plan(read_cohort(manifest), Folders(root=root), cache, RECIPE, selection)


def cases(planned: Plan) -> set[str]:
    return {item.key.case_id for item in planned.todo}


def test_shards_are_disjoint_and_together_all(number_cohort: tuple[Path, Path], cache: FeatureCache) -> None:
    parts = [cases(plan(number_cohort, cache, number, 3)) for number in (1, 2, 3)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 4
    assert set().union(*parts) == CASES


def test_the_heaviest_item_has_a_shard_of_its_own(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    (number_cohort[1] / "b.txt").write_text("2" + " " * 1000, encoding="utf-8")
    parts = [cases(plan(number_cohort, cache, number)) for number in (1, 2)]
    assert parts == [{"002"}, CASES - {"002"}]


def test_a_shard_that_starts_later_finds_the_same_cut(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    second = plan(number_cohort, cache, 2)
    (receipt,) = extract_items(second.passes[0][1], cache)
    assert (receipt.key.case_id, receipt.outcome) == ("002", "committed")
    # What is done already moves nothing, nor does a header.
    (number_cohort[1] / "a.txt").write_text("1" + " " * 5000, encoding="utf-8")
    (number_cohort[1] / "c.txt").unlink()
    assert cases(plan(number_cohort, cache, 1)) == CASES - cases(second) == {"004"}
    assert cases(plan(number_cohort, cache, 2)) == {"001", "003"}


def test_a_plan_without_a_cache_cuts_alike_and_writes_nothing(
    number_cohort: tuple[Path, Path], cache: FeatureCache, tmp_path: Path
) -> None:
    nowhere = FeatureCache(root=tmp_path / "none")
    assert cases(plan(number_cohort, nowhere, 2)) == cases(plan(number_cohort, cache, 2))
    assert not nowhere.root.exists()


def test_the_limit_counts_inside_the_shard(number_cohort: tuple[Path, Path], cache: FeatureCache) -> None:
    parts = [cases(plan(number_cohort, cache, number, limit=1)) for number in (1, 2)]
    assert [len(part) for part in parts] == [1, 1]
    assert parts[0] != parts[1]


def test_the_cut_holds_no_id_and_is_refused_when_it_is_none(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    plan(number_cohort, cache, 1)
    (path,) = cache.runs_folder.glob("shards-*/shards.json")
    assert path.read_text(encoding="utf-8") == "[2, 2, 2, 1]\n"  # 1, 1, 6 and 18 bytes
    for spoiled in ("[1, 2, 3, 1]", "[1, 2]", '{"1": 2}', "[1, 2, "):
        path.write_text(spoiled, encoding="utf-8")
        with pytest.raises(CacheError, match=r"_runs/shards-.*expected 4 numbers from 1 to 2"):
            plan(number_cohort, cache, 1)


def test_the_loser_of_a_race_follows_the_winner(
    number_cohort: tuple[Path, Path], cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cases(plan(number_cohort, cache, 1))
    (winner,) = cache.runs_folder.glob("shards-*")
    aside = winner.rename(winner.with_name("aside"))

    def meanwhile(items: object, workers: int) -> list[object]:
        aside.rename(winner)
        return [(item, 1 + 10 * position) for position, item in enumerate(items)]  # type: ignore[arg-type]

    monkeypatch.setattr("extract.distribute.share.weigh_items", meanwhile)
    assert cases(plan(number_cohort, cache, 2)) == CASES - first
    assert [path.name for path in cache.runs_folder.iterdir()] == [winner.name]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallCohort:
    return write_small(tmp_path_factory.mktemp("small"), 3, 0)


def test_a_slide_and_its_vector_are_in_one_shard_by_tiles(
    small: SmallCohort, cache: FeatureCache, in_this_process: None
) -> None:
    recipe = RecipeFile(
        name="r", slides={"encoder": "stain_texture_nuclei"}, slide_vector={"pooling": "mean"}
    )
    seen = []
    for number in (1, 2):
        planned = make_plan(
            read_cohort(small.manifest),
            Folders(root=small.raw),
            cache,
            recipe,
            Selection(shard=Shard(number, 2)),
        )
        slides, vectors = ({item.key.case_id for item in part.todo} for part in planned.sets)
        assert slides == vectors
        seen.append(slides)
    assert sorted(map(len, seen)) == [1, 2]
    assert not seen[0] & seen[1]


def test_slides_weigh_their_tiles(small: SmallCohort, cache: FeatureCache, in_this_process: None) -> None:
    recipe = RecipeFile(name="r", slides={"encoder": "stain_texture_nuclei"})
    planned = make_plan(read_cohort(small.manifest), Folders(root=small.raw), cache, recipe, Selection())
    assert {weight for _, weight in cost.weigh_items(planned.todo, 1)} == {4}  # 512 px in tiles of 256
