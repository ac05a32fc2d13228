"""What one training step sees of some bags: all tiles of small ones, a random sample of large ones.

Enters: bags in canonical order, the cases of a step, a generator. Leaves: which tiles of each are seen, and
which bags go through the network together. A fresh sample each step is also what keeps a network from
learning tiles by heart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from fuse.cases import Bags

#: Tiles that a step holds in memory, about; full bags are trained fewer at a time.
TILES_PER_STEP = 65_536
#: Tiles that go through the network at once: few enough for what the layers say of them to lie in memory that
#: is used again. Packs of 100,000 took half as long again.
TILES_AT_ONCE = 8192
#: A step takes at least as many cases as a risk set can do with.
FEWEST_CASES = 16


def cases_per_step(bags: Bags, tiles_per_case: int, most: int) -> int:
    """Return how many cases a training step takes, `most` at most."""
    sizes = bags.stop - bags.start
    seen = np.minimum(sizes, tiles_per_case) if tiles_per_case else sizes
    room = int(TILES_PER_STEP // max(1.0, float(seen.mean())))
    return min(most, max(FEWEST_CASES, room))


def draw_tiles(
    bags: Bags, rows: Int[np.ndarray, " k"], tiles_per_case: int, generator: np.random.Generator
) -> list[Int[np.ndarray, " tile"]]:
    """Return the rows of the tiles that a step sees of each case, in canonical order.

    Parameters
    ----------
    bags
        With `order`, so that what is drawn does not depend on how a bag lists its tiles.
    rows
        Cases, each with a tile at least.
    tiles_per_case
        More tiles than that are sampled without replacement; 0 takes them all.
    """
    drawn = []
    for row in rows:
        tiles = bags.canonical(int(row))
        if tiles_per_case and len(tiles) > tiles_per_case:
            tiles = tiles[np.sort(generator.choice(len(tiles), tiles_per_case, replace=False))]
        drawn.append(tiles)
    return drawn


def pack_bags_together(sizes: Sequence[int]) -> list[slice]:
    """Return bags that go through the network together: neighbours of `TILES_AT_ONCE` tiles at most.

    A larger bag goes alone.
    """
    packs, start, held = [], 0, 0
    for number, size in enumerate(sizes):
        if held and held + size > TILES_AT_ONCE:
            packs.append(slice(start, number))
            start, held = number, 0
        held += size
    return [*packs, slice(start, len(sizes))]
