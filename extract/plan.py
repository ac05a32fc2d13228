"""What a run would do: manifest x recipe - cache = work items.

Enters: a cohort, its root, a recipe file, a cache. Leaves: a `Plan`, one part a feature set. No slide is
opened; a file is hashed only where an entry is there already and may be out of date.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from extract.check import refusals
from extract.distribute.shard import Shard
from extract.distribute.share import Share
from extract.encoders.weights import WeightsSource
from extract.item import Stage, Task, WorkItem
from extract.limits import MOST_CASE_LIST_BYTES, refuse_large_file
from extract.recipe import RecipeFile, RecipePart
from extract.stages import SECOND_PASS, SHARED_PASS, STAGES
from feature_cache.canonical import sha256_of_file
from feature_cache.cohort import Cohort
from feature_cache.errors import CacheError, ManifestError, SourceError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache


@dataclass(frozen=True, kw_only=True)
class PlannedSet:
    """One feature set: its items, and how many of them are done."""

    block: str
    recipe: ResolvedRecipe
    todo: tuple[WorkItem, ...]
    done: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All feature sets of a run, in the order of the recipe."""

    sets: tuple[PlannedSet, ...]

    @property
    def todo(self) -> tuple[WorkItem, ...]:
        """Every item that is to be made, those first that others are made of."""
        return tuple(item for tasks in self.passes for task in tasks for item in task)

    @property
    def passes(self) -> tuple[tuple[Task, ...], ...]:
        """The tasks to do; a pass begins when the one before it is over, because it reads its entries.

        A task is one item, or the items of several feature sets that share one pass over a slide.
        """
        first = _tasks(part for part in self.sets if part.block not in SECOND_PASS)
        second = _tasks(part for part in self.sets if part.block in SECOND_PASS)
        return (first, second) if second else (first,)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which items of a cohort a run is about: all, some cases, one shard, the first `limit` to do."""

    case_ids: frozenset[str] | None = None
    shard: Shard | None = None
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Where a run reads: the root of the manifest's paths, the folder of weights, whose code may be run."""

    root: Path
    weights: Path | None = None
    trusted: frozenset[str] = frozenset()


def read_selection(path: Path | None, limit: int | None, cohort: Cohort) -> Selection:
    """Read a list of case ids, one a line (a header `case_id` and further columns are let pass).

    Raises
    ------
    ManifestError
        The file cannot be read, is empty, or names an id that the cohort does not have.
    SourceError
        It is larger than a list of ids can be.
    """
    if path is None:
        return Selection(limit=limit)
    try:
        refuse_large_file(path, f"--cases {path.name}", MOST_CASE_LIST_BYTES)
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"--cases {path.name}",
            expected="a UTF-8 text file of case ids",
            got=f"one that cannot be read ({type(error).__name__})",
            remedy="Write one id a line.",
        ) from error
    wanted = [line.split(",")[0].strip() for line in lines if line.strip()]
    wanted = wanted[1:] if wanted[:1] == ["case_id"] else wanted
    if not wanted:
        raise ManifestError(
            f"--cases {path.name}", expected="case ids", got="none", remedy="Write one id a line."
        )
    unknown = sorted(set(wanted) - set(cohort.case_ids))
    if unknown:
        raise ManifestError(
            f"{path.name}: case {unknown[0]}",
            expected="cases of cases.csv",
            got=f"{len(unknown)} unknown id(s)",
            remedy="Write ids exactly as cases.csv has them.",
        )
    return Selection(case_ids=frozenset(wanted), limit=limit)


def make_plan(
    cohort: Cohort, folders: Folders, cache: FeatureCache, recipe: RecipeFile, selection: Selection
) -> Plan:
    """Resolve a recipe against a cohort and find what the cache lacks.

    Raises
    ------
    RecipeError
        A block that its modality refuses.
    ManifestError
        The card lets something later than the prediction day, or an outcome, among the features.
    """
    for problem in refusals(cohort):
        raise ManifestError(problem.where, expected=problem.expected, got=problem.got, remedy=problem.remedy)
    sets: list[PlannedSet] = []
    left = selection.limit
    share = None if selection.shard is None else Share(selection.shard, cache)
    # hashes are remembered in the cache, and a plan makes none
    hash_file = cache.hash_file if cache.root.is_dir() else sha256_of_file
    source = WeightsSource(root=folders.weights, hash_file=hash_file, trusted=folders.trusted)
    for part in recipe.parts:
        stage = STAGES[part.block]
        resolved = stage.resolve(part.name, part.settings, cohort, source)
        root = cache.root if part.block in SECOND_PASS else folders.root
        items = [
            item
            for item in stage.items(cohort, root, resolved)
            if selection.case_ids is None or item.key.case_id in selection.case_ids
        ]
        if share is not None:  # cut before it is asked what is done: every shard must see the same items
            items = share.of(items, SECOND_PASS.get(part.block, (part.block,))[0])
        stale = _stale(part, sets, items)
        todo = [item for item in items if _of(item) in stale or not _is_done(item, stage, cache)]
        done = len(items) - len(todo)
        if left is not None:
            todo = todo[:left]
            left -= len(todo)
        sets.append(PlannedSet(block=part.block, recipe=resolved.recipe, todo=tuple(todo), done=done))
    return Plan(sets=tuple(sets))


def _stale(part: RecipePart, sets: list[PlannedSet], items: list[WorkItem]) -> set[tuple[str, str]]:
    """Return what is made of an entry that will be another one: not done, whatever the cache says now."""
    same, *of_case = SECOND_PASS.get(part.block, ("",))
    todo = [(old.block, item) for old in sets if old.recipe.name == part.name for item in old.todo]
    cases = {item.key.case_id for block, item in todo if block in of_case}
    stale = {_of(item) for block, item in todo if block == same}
    return stale | {_of(item) for item in items if item.key.case_id in cases}


def _tasks(sets: Iterable[PlannedSet]) -> tuple[Task, ...]:
    """Put items together that share a pass over one file, in the order of the first of each."""
    tasks: dict[tuple[str, ...], list[WorkItem]] = {}
    for part in sets:
        apart = () if part.block in SHARED_PASS else (part.recipe.hash,)
        for item in part.todo:
            tasks.setdefault((part.block, *_of(item), *apart), []).append(item)
    return tuple(tuple(items) for items in tasks.values())


def _of(item: WorkItem) -> tuple[str, str]:
    return item.key.case_id, item.key.item_id


def _is_done(item: WorkItem, stage: Stage, cache: FeatureCache) -> bool:
    """Whether the entry is there and up to date; an absent source is `run`'s to report, so not done."""
    try:
        cache.record(item.key)
        return cache.is_done(item.key, stage.sources(item, cache.hash_file))
    except (CacheError, SourceError):
        return False
