"""Slides through openslide: Aperio, MIRAX, Hamamatsu, Leica, Ventana and tiled TIFF.

Enters: a path that `formats.py` gave to this reader. Leaves: RGB on white, exactly openslide's pixels.
An openslide handle that failed once refuses every later read, so a bad region costs a new handle and
not the rest of the slide.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from extract.slides.bounds import parse_bounds
from extract.slides.reader import RgbImage
from extract.slides.region import ClosingReader, RegionError, check_region, composite_on_white
from extract.slides.scale import parse_mpp
from feature_cache.errors import SourceError


class OpenSlideReader(ClosingReader):
    """A slide opened by openslide (`SlideReader`)."""

    name = "openslide"
    between_pixels = True

    def __init__(self, path: Path, warnings: tuple[str, ...] = ()) -> None:
        import openslide

        self._path = path
        self._slide = _open(path)
        properties = self._slide.properties
        self.version = f"{openslide.__version__}, library {openslide.__library_version__}"
        self.size_px0 = self._slide.dimensions
        self.level_sizes_px = tuple(self._slide.level_dimensions)
        self.level_downsamples = tuple(float(value) for value in self._slide.level_downsamples)
        self.mpp, doubts = parse_mpp(properties.get("openslide.mpp-x"), properties.get("openslide.mpp-y"))
        self.mpp_source = f"file ({properties.get('openslide.vendor', 'unknown')} metadata)"
        self.bounds_px0, further = parse_bounds(properties, self.size_px0)
        self.has_gaps = "openslide.bounds-x" in properties  # formats that scan islands of a canvas
        self.warnings = (*warnings, *doubts, *further)

    @property
    def icc_profile(self) -> bytes | None:
        """The ICC profile that openslide gives."""
        profile = self._slide.color_profile
        return None if profile is None else bytes(profile.tobytes())

    def read_region(self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]) -> RgbImage:
        """Read a region of a level (see `SlideReader`)."""
        return composite_on_white(self._read(xy_px0, level, size_px))

    def read_scanned(
        self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]
    ) -> Bool[np.ndarray[Any, Any], "height width"]:
        """Read where a region of a level was scanned: where it is not wholly transparent."""
        return np.asarray(self._read(xy_px0, level, size_px)[..., 3] > 0)

    def _read(
        self, xy_px0: tuple[int, int], level: int, size_px: tuple[int, int]
    ) -> UInt8[np.ndarray[Any, Any], "height width 4"]:
        import openslide

        check_region(self, xy_px0, level, size_px)
        try:
            return np.asarray(self._slide.read_region(xy_px0, level, size_px))
        except openslide.OpenSlideError as error:
            self._slide.close()
            self._slide = _open(self._path)
            raise RegionError(
                self._path.name,
                expected=f"pixels at {xy_px0} of level {level}",
                got=f"openslide cannot decode them ({type(error).__name__})",
                remedy="Copy the file again and compare its checksum.",
            ) from error


def _open(path: Path) -> Any:
    import openslide

    try:
        return openslide.OpenSlide(path)
    except openslide.OpenSlideError as error:
        raise SourceError(
            path.name,
            expected="a slide that openslide opens",
            got=f"openslide says {type(error).__name__}",  # its text can hold paths, and paths names
            remedy="Copy the file again and compare its checksum; open it in the scanner's viewer.",
        ) from error
