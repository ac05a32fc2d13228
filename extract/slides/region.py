"""What every reader does around its decoder: refuse regions outside the level, put alpha on white.

Enters: a region's position, or pixels as a decoder gives them. Leaves: an error, or plain RGB.
Readers never pad: white pixels that nobody scanned would pass for glass.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Bool, UInt8

from feature_cache.errors import SourceError

if TYPE_CHECKING:
    from extract.slides.fields import Boxes, FieldBatch, Resampler
    from extract.slides.reader import SlideReader


class RegionError(SourceError):
    """One region of a slide cannot be decoded; the rest of the slide may be fine."""


class ClosingReader:
    """A reader that closes its decoder at the end of a `with` block, and reads field by field."""

    _slide: Any
    resamplers: tuple[Resampler, ...] = ("area",)
    between_pixels = False
    bounds_px0: tuple[int, int, int, int] | None = None
    has_gaps = False

    @property
    def icc_profile(self) -> bytes | None:
        """The ICC profile that the file embeds for level 0."""
        return None

    def read_fields(
        self: SlideReader,
        boxes_px0: Boxes,
        level: int,
        size_px: tuple[int, int],
        resampler: Resampler,
        batch: int,
    ) -> Iterator[FieldBatch]:
        """Read many fields (see `SlideReader`), each by itself and by exact area."""
        from extract.slides.fields import read_one_by_one

        return read_one_by_one(self, boxes_px0, level, size_px, batch)

    def read_scanned(
        self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]
    ) -> Bool[np.ndarray[Any, Any], "height width"]:
        """Return where a region was scanned: everywhere, for files without transparency."""
        return np.ones((size_px[1], size_px[0]), dtype=bool)

    def close(self) -> None:
        """Release the file."""
        self._slide.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def check_region(reader: SlideReader, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]) -> None:
    """Raise `ValueError` unless the region lies within the level (a part of one pixel may stick out)."""
    downsample = reader.level_downsamples[level]
    for start, size, whole in zip(xy_px0, size_px, reader.level_sizes_px[level], strict=True):
        if start < 0 or size < 1 or start / downsample + size >= whole + 1:
            raise ValueError(
                f"region at {xy_px0} of {size_px} px is not within level {level} "
                f"({reader.level_sizes_px[level]} px, downsample {downsample})"
            )


def composite_on_white(
    pixels: UInt8[np.ndarray[Any, Any], "height width channel"],
) -> UInt8[np.ndarray[Any, Any], "height width 3"]:
    """Return RGB: alpha, where there is one, composited on white (MIRAX has transparent gaps).

    Examples
    --------
    >>> composite_on_white(np.array([[[10, 20, 30, 0]]], dtype=np.uint8)).tolist()
    [[[255, 255, 255]]]
    """
    rgb = pixels[..., :3]
    if pixels.shape[-1] == 3 or pixels[..., 3].min() == 255:
        return np.ascontiguousarray(rgb)
    alpha = pixels[..., 3:].astype(np.uint32)
    mixed = (rgb * alpha + 255 * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)
