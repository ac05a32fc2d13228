"""Slides through tiffslide: OME-TIFF, and other TIFF that openslide does not take.

Enters: a path that `formats.py` gave to this reader. Leaves: RGB on white. tiffslide cuts a level
position down to whole pixels; this reader rounds instead, so that it stays within half a level pixel. Its
decoder drops libjpeg's warnings: damage inside a JPEG tile that leaves the markers whole is not noticed.
"""

from __future__ import annotations

import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from extract.slides.reader import RgbImage
from extract.slides.region import ClosingReader, RegionError, check_region, composite_on_white
from extract.slides.scale import parse_mpp
from feature_cache.errors import SourceError

#: What tiffslide raises on headers and tiles that make no sense, subclasses included; imagecodecs' errors are
#: RuntimeErrors, and a tile that is not there is a KeyError of its store.
DECODING_ERRORS = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError)
_ICC = 34675


class TiffSlideReader(ClosingReader):
    """A slide opened by tiffslide (`SlideReader`)."""

    name = "tiffslide"

    def __init__(self, path: Path, warnings: tuple[str, ...] = ()) -> None:
        self._path = path
        self._slide = _open(path)
        try:
            properties = self._slide.properties
            self.size_px0 = self._slide.dimensions
            self.level_sizes_px = tuple(self._slide.level_dimensions)
            self.level_downsamples = tuple(float(value) for value in self._slide.level_downsamples)
        except DECODING_ERRORS as error:
            self._slide.close()
            raise _unreadable(path, error) from error
        self.version = version("tiffslide")
        self.mpp, doubts = parse_mpp(properties.get("tiffslide.mpp-x"), properties.get("tiffslide.mpp-y"))
        self.mpp_source = "file (TIFF metadata)"
        self.warnings = (*warnings, *doubts)

    @property
    def icc_profile(self) -> bytes | None:
        """The profile in the tag of the first page."""
        tag = self._slide.ts_tifffile.pages.first.tags.get(_ICC)
        return None if tag is None else bytes(tag.value)

    def read_region(self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]) -> RgbImage:
        """Read a region of a level (see `SlideReader`)."""
        check_region(self, xy_px0, level, size_px)
        downsample = self.level_downsamples[level]
        start_x, start_y = (
            math.ceil(min(round(start / downsample), whole - size) * downsample)
            for start, size, whole in zip(xy_px0, size_px, self.level_sizes_px[level], strict=True)
        )
        try:
            pixels = self._slide.read_region((start_x, start_y), level, size_px, as_array=True)
        except DECODING_ERRORS as error:
            raise RegionError(
                self._path.name,
                expected=f"pixels at {xy_px0} of level {level}",
                got=f"tiffslide cannot decode them ({type(error).__name__})",
                remedy="Copy the file again and compare its checksum.",
            ) from error
        return composite_on_white(np.asarray(pixels))


def _open(path: Path) -> Any:
    import tiffslide

    try:
        return tiffslide.TiffSlide(path)
    except DECODING_ERRORS as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> SourceError:
    return SourceError(
        path.name,
        expected="a slide that tiffslide opens: tiled or striped 8-bit RGB, axes y, x, colour",
        got=f"tiffslide says {type(error).__name__}",  # its text can hold paths, and paths names
        remedy="Copy the file again and compare its checksum, or convert it to a pyramidal TIFF.",
    )
