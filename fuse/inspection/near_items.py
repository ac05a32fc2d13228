"""Which two items of a feature set are much nearer to each other than items are: the geometry of duplicates.

Enters: one vector an item, and the tiles behind it. Leaves: near pairs, and whether their tiles are twins,
one by one. Everything is compared with what is usual in the same feature set, because no distance means the
same in two of them: an encoder answers to the strength of a JPEG where another does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: Two items are near when they are this much nearer than an item usually is to its nearest, or nearer yet
#: where so few directions are filled that chance brings two together; see `nearness`.
NEAR = 0.05
#: The chance, over all items of a cohort, that two different ones are called near.
CHANCE = 1e-6
#: With fewer directions than this, or fewer items, nothing is said.
FEWEST_DIRECTIONS, FEWEST_ITEMS = 3.0, 20
#: Items with tiles are looked at tile by tile from here on; at most so many pairs, the nearest first.
WORTH_A_LOOK, MOST_PAIRS = 0.5, 30
#: Tiles of the smaller of two items that are compared.
TILES = 64
#: A tile's nearest in its twin item, over its nearest in the three items that come next: at most so much by
#: the median over tiles. Of few tiles half may be near by chance: under MANY_TILES they must be nearer.
TWIN, TWIN_OF_FEW, REFERENCES = 0.5, 0.25, 3
FEWEST_TILES, MANY_TILES = 3, 8

Table = Float[np.ndarray, "item column"]
TilesOf = Callable[[int], Float[np.ndarray, "tile column"]]


@dataclass(frozen=True, kw_only=True)
class NearPair:
    """Two rows of a table that are near; `ratio` is their distance over the usual one to the nearest."""

    first: int
    second: int
    ratio: float


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """Items in standardised columns, all their distances, and what is usual among them.

    `spread` (column,) is what a column was divided by, infinite where it never varies.
    """

    distance: Float[np.ndarray, "item item"]
    spread: Float[np.ndarray, " column"]
    usual: float
    directions: float

    def pairs(self, bound: float) -> list[NearPair]:
        """Return the pairs within `bound` times the usual distance, the nearest first."""
        near = np.argwhere(np.triu(self.distance <= bound * self.usual, 1))
        found = [
            NearPair(first=int(one), second=int(other), ratio=float(self.distance[one, other] / self.usual))
            for one, other in near
        ]
        return sorted(found, key=lambda pair: (pair.ratio, pair.first, pair.second))

    def near(self) -> float:
        """Return the ratio to the usual distance under which two different items hardly ever are.

        The chance that the nearest item is within a ratio r of the median distance to the nearest is about
        r ** directions * log 2; over all items it stays under CHANCE.
        """
        return min(NEAR, float((CHANCE / len(self.distance) / math.log(2)) ** (1 / self.directions)))

    def twins(self, pair: NearPair, tiles_of: TilesOf) -> bool:
        """Return whether the tiles of a pair are the same ones.

        Their tiles are nearer to each other than half the way to the nearest tile of the items that come
        next, by the median. Slides of one stain and tissue have near tiles; those of the next are as near.
        """
        first, second = sorted((pair.first, pair.second), key=lambda item: len(tiles_of(item)))
        tiles = self._scaled(tiles_of(first))
        tiles = tiles[_spread(len(tiles))]
        order = np.argsort(self.distance[first], kind="stable")
        others = [int(item) for item in order if item not in (first, second)][:REFERENCES]
        if len(tiles) < FEWEST_TILES or not others:
            return False
        nearest = _nearest(tiles, self._scaled(tiles_of(second)))
        usual = _nearest(tiles, np.concatenate([self._scaled(tiles_of(item)) for item in others]))
        bound = TWIN if len(tiles) >= MANY_TILES else TWIN_OF_FEW
        return bool(np.median(nearest / np.maximum(usual, 1e-12)) <= bound)

    def _scaled(self, tiles: Float[np.ndarray, "tile column"]) -> Float[np.ndarray, "tile column"]:
        scaled: Float[np.ndarray, "tile column"] = np.asarray(tiles, dtype=np.float64) / self.spread
        return scaled


def neighbourhood(values: Table) -> Neighbourhood | None:
    """Return the distances of items; None where too few items or directions are there to judge by."""
    if len(values) < FEWEST_ITEMS:
        return None
    table, spread = _standardised(values)
    gram = table @ table.T
    total = float(np.trace(gram))
    directions = total**2 / float((gram**2).sum()) if total else 0.0
    if directions < FEWEST_DIRECTIONS:
        return None
    squares = np.diag(gram)
    distance = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * gram, 0))
    # the difference of large numbers is no 0: those that are near are taken apart
    for one, other in np.argwhere(np.triu(distance < 1e-3 * math.sqrt(total / len(table)), 1)):
        distance[one, other] = distance[other, one] = np.linalg.norm(table[one] - table[other])
    np.fill_diagonal(distance, np.inf)
    usual = float(np.median(distance.min(axis=1)))
    if usual == 0:
        return None
    return Neighbourhood(distance=distance, spread=spread, usual=usual, directions=directions)


def _nearest(
    tiles: Float[np.ndarray, "tile column"], others: Float[np.ndarray, "other column"]
) -> Float[np.ndarray, " tile"]:
    return np.array([np.linalg.norm(others - tile, axis=1).min() for tile in tiles])


def _spread(n: int) -> Int[np.ndarray, " row"]:
    return np.unique(np.linspace(0, max(n - 1, 0), min(n, TILES)).astype(np.int64))


def _standardised(values: Table) -> tuple[Table, Float[np.ndarray, " column"]]:
    """Return columns of mean 0 and variance 1, what is missing at the mean, and what they were divided by."""
    seen = np.isfinite(values)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, values, 0.0).sum(axis=0) / count
    centred = np.where(seen, values - mean, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / count)
    varies = spread > 1e-9 * np.maximum(np.abs(mean), 1e-300)
    spread = np.where(varies, spread, np.inf)
    table: Table = centred / spread
    return table, spread
