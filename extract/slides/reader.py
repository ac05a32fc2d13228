"""One way to read any slide: the protocol behind which the readers stand, and the door `open_slide`.

Enters: a path. Leaves: an open reader, chosen by format and never by trying one decoder after another,
so that the same file gives the same pixels on every machine. Colours are RGB on white; positions are
level-0 pixels; downsamples are floats, because real pyramids are not round (1.9996, 4.016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from jaxtyping import Bool, UInt8

from extract.slides.fields import Boxes, FieldBatch, Resampler
from extract.slides.formats import find_format
from extract.slides.pyramid import check_pyramid
from extract.slides.region import RegionError
from feature_cache.errors import SourceError

__all__ = ["FieldBatch", "RegionError", "Resampler", "RgbImage", "SlideReader", "open_slide"]

RgbImage = UInt8[np.ndarray[Any, Any], "height width 3"]


class SlideReader(Protocol):
    """An open slide.

    `level_downsamples` are exact ratios to level 0; `mpp` is (x, y) in um per level-0 pixel, None where
    the file does not tell or tells nonsense (then `warnings` says so). `resamplers` are those it has.
    `between_pixels`: a region that starts between two level pixels is interpolated, not moved to the next.
    `bounds_px0` (left, top, right, bottom) is what was scanned, where that is not all; `has_gaps`: some of
    the canvas may be transparent, and `read_scanned` tells where.
    """

    name: str
    version: str
    size_px0: tuple[int, int]
    level_sizes_px: tuple[tuple[int, int], ...]
    level_downsamples: tuple[float, ...]
    mpp: tuple[float, float] | None
    mpp_source: str
    warnings: tuple[str, ...]
    resamplers: tuple[Resampler, ...]
    between_pixels: bool
    bounds_px0: tuple[int, int, int, int] | None
    has_gaps: bool

    @property
    def icc_profile(self) -> bytes | None:
        """The ICC profile that the file embeds for level 0; None where it has none."""

    def read_region(self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]) -> RgbImage:
        """Read `size_px` (width, height) pixels of a level from level-0 position `xy_px0`.

        Raises
        ------
        RegionError
            The pixels cannot be decoded.
        ValueError
            The region does not lie within the level: callers clip, readers never pad.
        """

    def read_scanned(
        self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]
    ) -> Bool[np.ndarray[Any, Any], "height width"]:
        """Read where a region was scanned; the arguments and errors of `read_region`."""

    def read_fields(
        self, boxes_px0: Boxes, level: int, size_px: tuple[int, int], resampler: Resampler, batch: int
    ) -> Iterator[FieldBatch]:
        """Read many fields (left, top, right, bottom; level-0 pixels) of a level at `size_px`.

        Every row comes exactly once, as pixels or as failed, in an order that the reader chooses; no batch
        has more than `batch` fields, and the last may hold failures alone. Memory does not grow with the
        number of boxes. What "jpeg" becomes in a reader without it: `fields.resampler_used`.

        Raises
        ------
        ValueError
            A box does not lie within the level.
        """

    def close(self) -> None:
        """Release the file."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_slide(path: Path) -> SlideReader:
    """Open a slide with the one reader that its format asks for (`formats.py` has the table).

    Raises
    ------
    SourceError
        There is no such file, its format is not read, its reader cannot open it, or its levels are no
        pyramid.
    """
    from extract.slides.direct_reader import DirectReader
    from extract.slides.openslide_reader import OpenSlideReader
    from extract.slides.tiffslide_reader import TiffSlideReader

    found = find_format(path)
    openers: dict[str, Callable[[Path, tuple[str, ...]], SlideReader]] = {
        "direct": DirectReader,
        "openslide": OpenSlideReader,
        "tiffslide": TiffSlideReader,
    }
    slide = openers[found.reader](path, found.warnings)
    try:
        doubts = check_pyramid(path.name, slide.level_sizes_px, slide.level_downsamples)
    except SourceError:
        slide.close()
        raise
    slide.warnings = (*slide.warnings, *doubts)
    slide.has_gaps = slide.has_gaps or found.has_gaps
    return slide
