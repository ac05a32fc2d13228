"""An order of tiles that follows from what they are, not from how a bag happens to list them.

Enters: the tiles of one case. Leaves: their order by the bytes of their embeddings. Floating-point sums
depend on the order of their terms; taken in this one, permuting the tiles of a bag changes no bit.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def canonical_order(tiles: Float[np.ndarray, "tile dim"]) -> Int[np.ndarray, " tile"]:
    """Return the rows of `tiles` sorted by their bytes; equal tiles stay as they came.

    Examples
    --------
    >>> tiles = np.array([[3.0, 1.0], [2.0, 5.0], [2.0, 4.0]])
    >>> shuffled = tiles[[2, 0, 1]]
    >>> bool((tiles[canonical_order(tiles)] == shuffled[canonical_order(shuffled)]).all())
    True
    """
    width = tiles.shape[1] * tiles.dtype.itemsize
    if not len(tiles) or not width:
        return np.arange(len(tiles))
    whole = np.ascontiguousarray(tiles).view(np.dtype((np.void, width)))
    return np.argsort(whole[:, 0], kind="stable")
