"""One slide's tile features on their way in or out, in the terms that all neighbours share.

Enters: what a neighbour's file holds, or an entry of the cache. Leaves: frozen values. What a file does not
tell is None: it is asked of the user or stays unknown, and is never filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Real


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the files say of their making, None where they are silent.

    `encoder` is the neighbour's own word for it, and `maker` its own mark of its code. `mpp` is that of a
    tile's pixels; it may be off by the share `mpp_slack` without being a contradiction.
    """

    encoder: str | None = None
    maker: str | None = None
    tile_px: int | None = None
    mpp: float | None = None
    mpp_slack: float = 0.01


@dataclass(frozen=True, kw_only=True)
class IncomingBag:
    """The tiles of one slide as a neighbour's files have them.

    `embeddings` are in the files' own precision. `xy_px0` are top-left corners in level-0 pixels, not
    rounded. `tile_px0` is a tile's side in level-0 pixels, `slide_mpp` the um of a level-0 pixel.
    """

    embeddings: Float[np.ndarray[Any, Any], "tile dim"]
    xy_px0: Real[np.ndarray[Any, Any], "tile 2"]
    tile_px0: float | None
    slide_mpp: float | None
    told: Told


@dataclass(frozen=True, kw_only=True)
class OutgoingBag:
    """The valid tiles of one entry, on their way out. Lengths are level-0 pixels where the name says so.

    `level` is the level that was read and `downsample` its factor, 0 and 1 where nobody knows. `tissue` is
    the share of tissue in each tile, None where it was not measured; `overlap_px` is what a tile shares with
    the next, in its own pixels, None where nobody knows.
    """

    stem: str
    encoder: str
    embeddings: Float[np.ndarray[Any, Any], "tile dim"]
    xy_px0: Int[np.ndarray[Any, Any], "tile 2"]
    tile_px: int
    tile_px0: float
    mpp: float
    slide_mpp: float | None
    size_px0: tuple[int, int] | None
    level: int
    downsample: float
    overlap_px: int | None
    tissue: Float[np.ndarray[Any, Any], " tile"] | None
