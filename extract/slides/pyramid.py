"""Whether the levels of an open slide are the same picture at several sizes, and where their pixels lie.

Enters: sizes and downsamples as the reader gives them. Leaves: level-0 pixels per pixel of each level, along
x and y, or a `SourceError`. A level that has another shape, or is finer than level 0, would put every tile
into the wrong place without a word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from extract.limits import MOST_LEVELS, MOST_SLIDE_SIDE_PX
from feature_cache.errors import SourceError

#: A level whose shape differs by more is no picture of this slide; one that differs by less, but by more than
#: rounding to whole pixels explains (some scanners cut the last tiles off), is not read from.
_SHAPE_TOLERANCE = 0.1
#: A level is this share of a pixel from where its size says, at most, however its writer rounded.
MOST_DOUBT_PX = 0.5


@dataclass(frozen=True, kw_only=True)
class LevelScale:
    """Where the pixels of a level lie: pixel i of an axis covers [i, i + 1) * px0_per_px of level 0.

    `downsample` is the reader's own number, by which it turns positions into pixels; `doubt_px` is how many
    pixels of the level a place at the far edge may be off: writers round sizes, and do not say which way.
    """

    level: int
    size_px: tuple[int, int]
    downsample: float
    px0_per_px: tuple[float, float]
    doubt_px: float


@lru_cache(maxsize=64)
def level_scales(
    sizes_px: tuple[tuple[int, int], ...], downsamples: tuple[float, ...]
) -> tuple[LevelScale | None, ...]:
    """Return the scale of every level; None for one whose sides are not those of one factor.

    A level of 2401 px of a slide of 4801 px was either averaged by 2 and filled up, or resized by 1.9996.
    Its pixels are taken to lie halfway between, so that neither makes them wrong by more than half a pixel.

    Examples
    --------
    >>> first, second = level_scales(((4801, 4800), (2401, 2400)), (1.0, 1.9998))
    >>> second.px0_per_px[1], round(second.px0_per_px[0], 4), second.doubt_px
    (2.0, 1.9998, 0.25)
    """
    return tuple(
        _level_scale(level, sizes_px[0], size_px, downsample)
        for level, (size_px, downsample) in enumerate(zip(sizes_px, downsamples, strict=True))
    )


def _level_scale(
    level: int, whole_px: tuple[int, int], size_px: tuple[int, int], downsample: float
) -> LevelScale | None:
    least, most = _factors(whole_px, size_px)
    if least > most:
        return None
    ratios = (whole_px[0] / size_px[0], whole_px[1] / size_px[1])
    factor = _whole_factor(least, most, sum(ratios) / 2)
    counted = tuple(
        whole / factor if factor else float(size) for whole, size in zip(whole_px, size_px, strict=True)
    )
    width, height = ((size + exact) / 2 for size, exact in zip(size_px, counted, strict=True))
    return LevelScale(
        level=level,
        size_px=size_px,
        downsample=downsample,
        px0_per_px=(whole_px[0] / width, whole_px[1] / height),
        doubt_px=max(abs(size - exact) / 2 for size, exact in zip(size_px, counted, strict=True)),
    )


def _factors(whole_px: tuple[int, int], size_px: tuple[int, int]) -> tuple[float, float]:
    """Return the least and most of the factors that take both sides to these, each rounded up or down."""
    least = max(whole / (side + 1) for side, whole in zip(size_px, whole_px, strict=True))
    most = min(whole / max(side - 1, 0.5) for side, whole in zip(size_px, whole_px, strict=True))
    return least, most


def _whole_factor(least: float, most: float, ratio: float) -> int | None:
    """Return the whole number that a level was averaged by, if it was: a power of two before any other."""
    power = 2 ** max(0, round(math.log2(ratio)))
    for factor in (power, round(ratio)):
        if least < factor < most:
            return factor
    return None


def check_pyramid(
    where: str, sizes_px: tuple[tuple[int, int], ...], downsamples: tuple[float, ...]
) -> tuple[str, ...]:
    """Judge all levels, (width, height) in pixels each; return a warning for each that is not read from.

    Raises
    ------
    SourceError
        No level or too many; sides that no slide has; a level of another shape than level 0, or finer.
    """
    if not 1 <= len(sizes_px) <= MOST_LEVELS:
        _refuse(where, f"1 to {MOST_LEVELS} levels", f"{len(sizes_px)}")
    warnings = []
    for level, (size, downsample) in enumerate(zip(sizes_px, downsamples, strict=True)):
        shown = f"{size[0]:,} x {size[1]:,} px"
        if not 1 <= min(size) <= max(size) <= MOST_SLIDE_SIDE_PX:
            _refuse(where, f"sides of 1 to {MOST_SLIDE_SIDE_PX:,} px in level {level}", shown)
        if not (math.isfinite(downsample) and downsample > 1 - _SHAPE_TOLERANCE):
            _refuse(
                where, f"level {level} as fine as level 0 or coarser", f"a downsample of {downsample:.4g}"
            )
        least, most = _factors(sizes_px[0], size)
        whole = f"{sizes_px[0][0]:,} x {sizes_px[0][1]:,} px"
        if least > most * (1 + _SHAPE_TOLERANCE):
            _refuse(where, f"level {level} in the shape of level 0, {whole}", shown)
        if least > most:
            warnings.append(f"level {level} of {shown} is not read: no one factor makes it of {whole}")
    return tuple(warnings)


def _refuse(where: str, expected: str, got: str) -> None:
    raise SourceError(where, expected=expected, got=got, remedy="Convert it to a pyramidal TIFF again.")
