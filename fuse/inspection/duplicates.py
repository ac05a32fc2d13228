"""Two cases that are one: made from the same file, or with embeddings that are all but the same.

Enters: the records of the chosen feature sets, and their tables. Leaves: a problem for each pair (counted). A
slide under two ids puts one patient into the train part and into the test part, whatever the folds say.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from feature_cache.errors import Level, OutcomeError, Problem
from fuse.features.feature_sets import ChosenSet
from fuse.inspection.leaks import leak
from fuse.inspection.near_items import MOST_PAIRS, WORTH_A_LOOK, TilesOf, neighbourhood
from fuse.inspection.pooled_items import PooledItems
from fuse.inspection.shared_cases import DRAWN, FEWEST_TELLING_BYTES
from fuse.verdict.words import counted

#: Modalities of images: two patients never have the same. Two of them may have the same text or values.
IMAGES = ("slides", "volumes")
#: Equal rows of a table are sure to be one case where so many columns nearly never repeat a value.
FEWEST_MEASURED = 8

APART = "Are they one patient? Give both one case id, or take one out."


def same_sources(chosen: Mapping[str, ChosenSet], case_ids: Collection[str]) -> Iterator[Problem]:
    """Yield one problem a feature set whose cases share a source or the bytes of their embeddings.

    What more than half of the cases share is no sign of anything: a table, an atlas. Images are an error.
    Texts are a warning: two reports of nothing found may read the same.
    """
    used = set(case_ids)
    for feature_set in chosen.values():
        if feature_set.modality not in (*IMAGES, "notes"):
            continue
        cases_of: dict[str, set[str]] = defaultdict(set)
        for sha256, case in _contents(feature_set):
            if case in used:
                cases_of[sha256].add(case)
        shared = {tuple(sorted(cases)) for cases in cases_of.values() if 1 < len(cases) <= len(used) / 2}
        if shared:
            level: Level = "error" if feature_set.modality in IMAGES else "warning"
            first, second = min(shared)[:2]
            got = f"cases {first} and {second} are made from one file"
            if len(shared) > 1:
                got += f", and so are {counted(len(shared) - 1, 'other group')}"
            where = f"cache: {feature_set.modality}/{feature_set.name}"
            yield leak("duplicate-case", where, ("files of its own for each case", got, APART), level)


def _contents(feature_set: ChosenSet) -> Iterator[tuple[str, str]]:
    """Yield (sha256, case) of what an entry was made from, and of its embeddings."""
    for record in feature_set.records:
        for source in record.sources:
            # masks and manifest rows may be alike; a table is the source of all its cases
            told = not source.role.startswith(("table", "entry", "manifest", *DRAWN))
            if source.bytes >= FEWEST_TELLING_BYTES and told:
                yield source.sha256, record.case_id
        embeddings = record.arrays.get("embeddings")
        if embeddings is not None and math.prod(embeddings.shape) * 2 >= FEWEST_TELLING_BYTES:
            yield embeddings.sha256, record.case_id


def near_embeddings(items: PooledItems) -> Iterator[Problem]:
    """Yield a problem where two cases have embeddings that are all but the same.

    Clinical values and texts are not compared: two patients may have the same. Slides are an error where
    their tiles are twins, one by one; a study or a row of omics where it is equal to the last bit. All else
    is a warning, and only where it is nearer than chance brings two items together.
    """
    around = neighbourhood(items.values) if items.kind not in ("clinical", "notes") else None
    if around is None:
        return
    owners, tiles_of = items.owners, items.tiles_of
    bound = around.near() if tiles_of is None else WORTH_A_LOOK
    pairs = [pair for pair in around.pairs(bound) if owners[pair.first] != owners[pair.second]]
    if tiles_of is None:
        equal = _measured_columns(items.values) >= FEWEST_MEASURED
        sure = [pair for pair in pairs if equal and pair.ratio == 0]
    else:
        sure = pairs = [pair for pair in pairs[:MOST_PAIRS] if around.twins(pair, tiles_of)]
    if not pairs:
        return
    pair = min(sure or pairs, key=lambda one: one.ratio)
    first, second = owners[pair.first], owners[pair.second]
    got = f"embeddings of cases {first} and {second} are all but the same, their distance {pair.ratio:.1g} "
    got += "of what an item usually has to its nearest"
    if tiles_of is not None:
        got += ", tile by tile"
    if len(sure or pairs) > 1:
        got += f" ({counted(len(sure or pairs), 'such pair')})"
    where = f"cache: {items.label}/{items.feature_set}"
    words = ("embeddings of its own for each case", got, APART)
    yield leak("duplicate-case", where, words, "error" if sure else "warning")


def refuse_near_cases(inside: Sequence[PooledItems], outside: Sequence[PooledItems]) -> None:
    """Refuse a case of another cohort whose slides are, tile by tile, those of a case of the run.

    Raises
    ------
    OutcomeError
        Two cases are near in a feature set of both, and their tiles are twins.
    """
    theirs = {one.label: one for one in outside}
    for ours in inside:
        other = theirs.get(ours.label)
        if other is None or ours.tiles_of is None or other.tiles_of is None:
            continue
        around = neighbourhood(np.concatenate([ours.values, other.values]))
        n = len(ours.values)
        if around is None:
            continue
        across = [pair for pair in around.pairs(WORTH_A_LOOK) if pair.first < n <= pair.second]
        for pair in across[:MOST_PAIRS]:
            if around.twins(pair, _of_both(ours.tiles_of, other.tiles_of, n)):
                raise OutcomeError(
                    f"cache: {other.label}/{other.feature_set}: case {other.owners[pair.second - n]}",
                    expected="a cohort without a case of the run's",
                    got=f"duplicate-case: the tiles of case {ours.owners[pair.first]} of the run, or all but",
                    remedy="Take these cases out of the other cohort.",
                )


def _of_both(ours: TilesOf, theirs: TilesOf, n: int) -> TilesOf:
    return lambda item: ours(item) if item < n else theirs(item - n)


def _measured_columns(values: Float[np.ndarray, "item column"]) -> int:
    """Return how many columns have a value of their own in most items; flags may all be equal by chance."""
    rows = np.sort(values, axis=0)
    return int(((np.diff(rows, axis=0) > 0).sum(axis=0) >= len(rows) / 2).sum())
