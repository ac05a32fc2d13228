"""What one training step sees of some bags: all tiles of small ones, a random sample of large ones.

Enters: bags in canonical order, the cases of a step, a generator. Leaves: their tiles in one array and the
number of tiles of each. A fresh sample each step is also what keeps a network from learning tiles by heart.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from fuse.cases import Bags

#: Tiles that a step holds in memory, about; full bags are trained fewer at a time.
TILES_PER_STEP = 65_536
#: Cases of a step: at most so many (on 300 planted cases, two tiles in a hundred informative, steps of 64 get
#: as far in 20 to 40 epochs as one step of all 300 in 80), at least as many as a risk set can do with.
MOST_CASES, FEWEST_CASES = 64, 16


def cases_per_step(bags: Bags, tiles_per_case: int) -> int:
    """Return how many cases a training step takes."""
    sizes = bags.stop - bags.start
    seen = np.minimum(sizes, tiles_per_case) if tiles_per_case else sizes
    return int(np.clip(TILES_PER_STEP // max(1.0, float(seen.mean())), FEWEST_CASES, MOST_CASES))


def draw_tiles(
    bags: Bags, rows: Int[np.ndarray, " k"], tiles_per_case: int, generator: np.random.Generator
) -> tuple[Float[np.ndarray, "tile dim"], tuple[int, ...]]:
    """Return tiles of some cases, one case after the other, and how many are of each.

    Parameters
    ----------
    bags
        With `order`, so that what is drawn does not depend on how a bag lists its tiles.
    rows
        Cases, each with a tile at least.
    tiles_per_case
        More tiles than that are sampled without replacement; 0 takes them all.
    """
    picked = []
    for row in rows:
        tiles = bags.canonical(int(row))
        if tiles_per_case and len(tiles) > tiles_per_case:
            tiles = tiles[np.sort(generator.choice(len(tiles), tiles_per_case, replace=False))]
        picked.append(tiles)
    return bags.tiles[np.concatenate(picked)], tuple(len(tiles) for tiles in picked)
