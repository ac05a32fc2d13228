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
#: rounding to whole pixels explains (some writers cut the last tiles off, or fill them up), is not read from.
_SHAPE_TOLERANCE = 0.1
#: Factors other than powers of two are believed where the sizes tell them to this much.
_CLEAR = 0.1


@dataclass(frozen=True, kw_only=True)
class LevelScale:
    """Where the pixels of a level lie: pixel i of an axis covers [i, i + 1) * px0_per_px of level 0.

    `downsample` is the reader's own number, by which it turns positions into pixels; `doubt_px` is how many
    pixels of the level a place at the far edge may be off, half a pixel at most: writers round sizes, and do
    not say which way.
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
    """Return the scale of every level; None for one whose sides are not those of one whole factor.

    A level of 2401 px of a slide of 4801 px was either averaged by 2 and filled up, or resized by 1.9996.
    Its pixels are taken to lie halfway between, so that neither makes them wrong by more than half a pixel.
    One that is 4.17 times smaller may be a level of 4 whose last tiles were cut off: nothing but its pixels
    could tell, so a finer level is read instead.

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
    factor = _whole_factor(whole_px, size_px)
    if factor is None:
        return None
    exact = (whole_px[0] / factor, whole_px[1] / factor)
    width, height = ((size + side) / 2 for size, side in zip(size_px, exact, strict=True))
    return LevelScale(
        level=level,
        size_px=size_px,
        downsample=downsample,
        px0_per_px=(whole_px[0] / width, whole_px[1] / height),
        doubt_px=max(abs(size - side) / 2 for size, side in zip(size_px, exact, strict=True)),
    )


def _factors(whole_px: tuple[int, int], size_px: tuple[int, int]) -> tuple[float, float]:
    """Return the least and most of the factors that take both sides to these, each rounded up or down."""
    least = max(whole / (side + 1) for side, whole in zip(size_px, whole_px, strict=True))
    most = min(whole / max(side - 1, 0.5) for side, whole in zip(size_px, whole_px, strict=True))
    return least, most


def _whole_factor(whole_px: tuple[int, int], size_px: tuple[int, int]) -> int | None:
    """Return the whole number that a level was made smaller by: a power of two before any other.

    Where rounding leaves room for many numbers, others than powers of two prove nothing, unless they divide
    both sides.
    """
    least, most = _factors(whole_px, size_px)
    if least > most:
        return None
    middle = (least + most) / 2
    power, other = 2 ** max(0, round(math.log2(middle))), round(whole_px[0] / size_px[0])
    divides = (other * size_px[0], other * size_px[1]) == whole_px
    factors = (power, other) if divides or most - least < _CLEAR else (power,)
    return next((factor for factor in factors if least <= factor <= most), None)


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
        if _whole_factor(sizes_px[0], size) is None:
            warnings.append(f"level {level} of {shown} is not read: no whole factor makes it of {whole}")
    return tuple(warnings)


def _refuse(where: str, expected: str, got: str) -> None:
    raise SourceError(where, expected=expected, got=got, remedy="Convert it to a pyramidal TIFF again.")
