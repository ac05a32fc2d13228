"""Whether the levels of an open slide are the same picture at several sizes.

Enters: sizes and downsamples as the reader gives them. Leaves: nothing, or a `SourceError`. A level that has
another shape, or is finer than level 0, would put every tile into the wrong place without a word.
"""

from __future__ import annotations

import math

from extract.limits import MOST_LEVELS, MOST_SLIDE_SIDE_PX
from feature_cache.errors import SourceError

#: Levels are rounded to whole pixels, and some scanners cut the last row of tiles: this share is let pass.
_SHAPE_TOLERANCE = 0.1


def check_pyramid(where: str, sizes_px: tuple[tuple[int, int], ...], downsamples: tuple[float, ...]) -> None:
    """Judge all levels, (width, height) in pixels each.

    Raises
    ------
    SourceError
        No level or too many; sides that no slide has; a level of another shape than level 0, or finer.
    """
    if not 1 <= len(sizes_px) <= MOST_LEVELS:
        _refuse(where, f"1 to {MOST_LEVELS} levels", f"{len(sizes_px)}")
    for level, (size, downsample) in enumerate(zip(sizes_px, downsamples, strict=True)):
        shown = f"{size[0]:,} x {size[1]:,} px"
        if not 1 <= min(size) <= max(size) <= MOST_SLIDE_SIDE_PX:
            _refuse(where, f"sides of 1 to {MOST_SLIDE_SIDE_PX:,} px in level {level}", shown)
        if not (math.isfinite(downsample) and downsample > 1 - _SHAPE_TOLERANCE):
            _refuse(
                where, f"level {level} as fine as level 0 or coarser", f"a downsample of {downsample:.4g}"
            )
        if not _has_shape(size, sizes_px[0]):
            whole = f"{sizes_px[0][0]:,} x {sizes_px[0][1]:,} px"
            _refuse(where, f"level {level} in the shape of level 0, {whole}", shown)


def _has_shape(size_px: tuple[int, int], whole_px: tuple[int, int]) -> bool:
    """Whether one factor takes both sides of the whole to those of a level, each rounded up or down."""
    least = max(whole / (side + 1) for side, whole in zip(size_px, whole_px, strict=True))
    most = min(whole / max(side - 1, 0.5) for side, whole in zip(size_px, whole_px, strict=True))
    return least <= most * (1 + _SHAPE_TOLERANCE)


def _refuse(where: str, expected: str, got: str) -> None:
    raise SourceError(where, expected=expected, got=got, remedy="Convert it to a pyramidal TIFF again.")
