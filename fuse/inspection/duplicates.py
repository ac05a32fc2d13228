"""Two cases that are one: made from the same file, or with embeddings that are all but the same.

Enters: the records of the chosen feature sets, and their tables. Leaves: a problem for each pair (counted). A
slide under two ids puts one patient into the train part and into the test part, whatever the folds say.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from feature_cache.errors import Level, Problem
from fuse.features.feature_sets import ChosenSet
from fuse.inspection.leaks import leak
from fuse.inspection.pooled_items import PooledItems
from fuse.inspection.shared_cases import FEWEST_TELLING_BYTES
from fuse.verdict.words import counted

#: Modalities of images: two patients never have the same. Two of them may have the same text or values.
IMAGES = ("slides", "volumes")
#: Two cases are near when they are this much nearer than a case usually is to its nearest, or nearer yet
#: where so few directions are filled that chance brings two together; see `nearness`.
NEAR = 0.05
#: The chance, over all cases of a cohort, that two different ones are called near.
CHANCE = 1e-6
#: With fewer directions than this, or fewer cases, nothing is said.
FEWEST_DIRECTIONS, FEWEST_CASES = 3.0, 20
#: Equal rows of a table are sure to be one case where so many columns nearly never repeat a value.
FEWEST_MEASURED = 8
#: Tiles of each of two near cases that are compared one by one.
TILES = 64
#: Share of the tiles compared that must have their twin in the other case.
TWINS = 0.5

APART = "Are they one patient? Give both one case id, or take one out."


@dataclass(frozen=True, kw_only=True)
class NearPair:
    """Two rows of a table that are near; `ratio` is their distance over the usual one to the nearest."""

    first: int
    second: int
    ratio: float


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
            told = not source.role.startswith(("table", "entry", "manifest", "mask", "tissue"))
            if source.bytes >= FEWEST_TELLING_BYTES and told:
                yield source.sha256, record.case_id
        embeddings = record.arrays.get("embeddings")
        if embeddings is not None and math.prod(embeddings.shape) * 2 >= FEWEST_TELLING_BYTES:
            yield embeddings.sha256, record.case_id


def near_embeddings(items: PooledItems) -> Iterator[Problem]:
    """Yield a problem where two cases have embeddings that are all but the same.

    Clinical values are not compared: two patients may have the same. Near slides are compared tile by tile
    before they are an error; a study or a row of omics is one where it is equal to the last bit. All else
    that is near is a warning.
    """
    if items.kind == "clinical":
        return
    owners = items.owners
    pairs = [pair for pair in near_pairs(items.values) if owners[pair.first] != owners[pair.second]]
    sure = [pair for pair in pairs if _is_sure(items, pair)]
    if not pairs:
        return
    pair = min(sure or pairs, key=lambda one: one.ratio)
    first, second = owners[pair.first], owners[pair.second]
    got = f"embeddings of cases {first} and {second} are all but the same, their distance {pair.ratio:.1g} "
    got += "of what an item usually has to its nearest"
    if len(sure or pairs) > 1:
        got += f" ({counted(len(sure or pairs), 'such pair')})"
    where = f"cache: {items.label}/{items.feature_set}"
    words = ("embeddings of its own for each case", got, APART)
    yield leak("duplicate-case", where, words, "error" if sure else "warning")


def _is_sure(items: PooledItems, pair: NearPair) -> bool:
    if items.kind == "notes":
        return False
    if items.tiles_of is None:
        return pair.ratio == 0 and _measured_columns(items.values) >= FEWEST_MEASURED
    return share_tiles(items.tiles_of(pair.first), items.tiles_of(pair.second))


def _measured_columns(values: Float[np.ndarray, "item column"]) -> int:
    """Return how many columns have a value of their own in most items; flags may all be equal by chance."""
    rows = np.sort(values, axis=0)
    return int(((np.diff(rows, axis=0) > 0).sum(axis=0) >= len(rows) / 2).sum())


def near_pairs(values: Float[np.ndarray, "item column"]) -> list[NearPair]:
    """Return pairs of rows that are much nearer to each other than a row usually is to its nearest.

    Distances are taken over standardised columns, in as many directions as the cohort fills (Gaussian with
    the same covariance would; participation ratio of the eigenvalues).
    """
    if len(values) < FEWEST_CASES:
        return []
    table = _standardised(values)
    directions = _directions(table)
    if directions < FEWEST_DIRECTIONS:
        return []
    squares = (table**2).sum(axis=1)
    distance = squares[:, None] + squares[None, :] - 2 * table @ table.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.sqrt(np.maximum(distance.min(axis=1), 0))
    usual = float(np.median(nearest))
    if usual == 0:
        return []
    bound = usual * nearness(directions, len(table))
    near = np.argwhere(np.triu(distance < (2 * bound) ** 2, 1))
    found = []
    for one, other in near:
        exact = float(np.linalg.norm(table[one] - table[other]))
        if exact <= bound:
            found.append(NearPair(first=int(one), second=int(other), ratio=exact / usual))
    return found


def nearness(directions: float, n: int) -> float:
    """Return the ratio to the usual distance under which two of n cases are near.

    The chance that the nearest case is within a ratio r of the median distance to the nearest is about
    r ** directions * log 2; over n cases it stays under CHANCE.
    """
    return min(NEAR, float((CHANCE / n / math.log(2)) ** (1 / directions)))


def share_tiles(first: Float[np.ndarray, "tile dim"], second: Float[np.ndarray, "tile dim"]) -> bool:
    """Return whether at least half of the tiles of one bag have a twin in the other.

    A twin is nearer than a twentieth of the median distance between different tiles of the first bag.
    """
    few, many = sorted((first, second), key=len)
    taken = np.asarray(few[_spread(len(few))], dtype=np.float64)
    others = np.asarray(many, dtype=np.float64)
    between = np.linalg.norm(taken - np.roll(taken, 1, axis=0), axis=1)
    scale = float(np.median(between)) if len(taken) > 1 else float(np.linalg.norm(taken))
    nearest = np.array([np.linalg.norm(others - tile, axis=1).min() for tile in taken])
    return bool((nearest <= NEAR * scale).mean() >= TWINS)


def _spread(n: int) -> Int[np.ndarray, " row"]:
    return np.unique(np.linspace(0, n - 1, min(n, TILES)).astype(np.int64))


def _standardised(values: Float[np.ndarray, "case column"]) -> Float[np.ndarray, "case column"]:
    """Return columns of mean 0 and variance 1 without those that never vary, what is missing at the mean."""
    seen = np.isfinite(values)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, values, 0.0).sum(axis=0) / count
    centred = np.where(seen, values - mean, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / count)
    varies = spread > 1e-12 * np.maximum(np.abs(mean), 1e-300)
    table: Float[np.ndarray, "case column"] = centred[:, varies] / spread[varies]
    return table


def _directions(table: Float[np.ndarray, "case column"]) -> float:
    """Return the participation ratio: how many directions of equal variance would spread the cases alike."""
    gram = table @ table.T
    total = float(np.trace(gram))
    return total**2 / float((gram**2).sum()) if total else 0.0
