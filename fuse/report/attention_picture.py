"""The attention of one slide's tiles over its thumbnail.

Enters: attention.json. Leaves: the thumbnail as a data URI that no viewer has to fetch, and the tiles with
the opacity of their weight. The scale starts at 0, not at the smallest weight: flat attention must look flat.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fuse.report.documents import Attention
from fuse.report.embedded_png import REMEDY, embed_png
from fuse.report.run_folder import RunFolderError

#: Less, and the overlay would hide the tissue that it is about.
MOST_OPAQUE = 0.45
OUTLINED_TILES = 5
#: A larger PNG is written again as JPEG, so that the page stays small enough to be mailed.
LARGEST_PNG_BYTES = 600_000


@dataclass(frozen=True, kw_only=True)
class TileMark:
    """One tile in thumbnail pixels."""

    x: float
    y: float
    w: float
    h: float
    opacity: float
    outlined: bool


@dataclass(frozen=True, kw_only=True)
class AttentionPicture:
    """The picture placed; `effective_tiles` is exp(entropy) of the weights, from 1 to the number of tiles."""

    attention: Attention
    image: str
    tiles: tuple[TileMark, ...]
    largest: float
    uniform: float
    uniform_opacity: float
    effective_tiles: float
    most_opaque: float = MOST_OPAQUE


def place_attention(attention: Attention) -> AttentionPicture | None:
    """Return the picture, or `None` where the run has no attention.

    Raises
    ------
    RunFolderError
        The thumbnail is no PNG of the stated size, or there is no tile with a weight.
    """
    if not attention.thumbnail_png:
        return None
    weights = [tile.weight for tile in attention.tiles if tile.weight is not None]
    total = sum(weights)
    if not weights or min(weights) < 0 or total <= 0:
        raise RunFolderError(
            "attention.json: tiles",
            expected="weights of at least 0, one of them above",
            got=f"{len(weights)} weights, sum {total:g}",
            remedy=REMEDY,
        )
    shares = [weight / total for weight in weights]
    largest = max(shares)
    bound = sorted(shares, reverse=True)[min(OUTLINED_TILES, len(shares)) - 1]
    tiles = [tile for tile in attention.tiles if tile.weight is not None]
    return AttentionPicture(
        attention=attention,
        image=read_thumbnail(attention),
        tiles=tuple(
            TileMark(
                x=tile.x,
                y=tile.y,
                w=tile.w,
                h=tile.h,
                opacity=MOST_OPAQUE * share / largest,
                outlined=share >= bound and share > 1 / len(shares),
            )
            for tile, share in zip(tiles, shares, strict=True)
        ),
        largest=largest,
        uniform=1 / len(shares),
        uniform_opacity=MOST_OPAQUE / len(shares) / largest,
        effective_tiles=count_effective(shares),
    )


def count_effective(shares: Sequence[float]) -> float:
    """Return exp(entropy): over how many tiles the attention is spread, as if it were equal on them.

    >>> count_effective([0.25, 0.25, 0.25, 0.25])
    4.0
    """
    return math.exp(-sum(share * math.log(share) for share in shares if share > 0))


def read_thumbnail(attention: Attention) -> str:
    """Return the thumbnail as a data URI; see `embed_png`."""
    return embed_png(
        attention.thumbnail_png,
        (attention.width, attention.height),
        "attention.json: thumbnail_png",
        LARGEST_PNG_BYTES,
    )
