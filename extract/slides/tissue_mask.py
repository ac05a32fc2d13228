"""A tissue mask that came with the slide: read at a few um per pixel, and refused if it is another slide's.

Enters: a one-channel TIFF (any value above 0 is tissue) with a spacing of its own. Leaves: a mask and its
level-0 pixels per mask pixel. Mask and slide meet in um, never through a level index: their pyramids differ.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from feature_cache.errors import SourceError

#: Slide and mask may differ by this share of their width or height: pyramids round, masks are coarse.
FIELD_TOLERANCE = 0.05
#: A resolution tag coarser than this (um per pixel) is a print resolution such as 72 dpi, no scale.
_COARSEST_MPP = 100.0
#: A level of about this many um per pixel is read: fine against a tile, small against the slide.
_READ_UM = 8.0
_UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0}


@dataclass(frozen=True, kw_only=True)
class TissueMask:
    """Where tissue is; `px0_per_px` are level-0 pixels of the slide per pixel of the mask, (x, y).

    `unread` is where nobody could see whether there is tissue; None where all was seen.
    """

    mask: Bool[np.ndarray[Any, Any], "height width"]
    px0_per_px: tuple[float, float]
    unread: Bool[np.ndarray[Any, Any], "height width"] | None = None
    warnings: tuple[str, ...] = ()


def check_mask(path: Path, where: str, slide_um: tuple[float, float]) -> tuple[str, ...]:
    """Compare a mask's header with the slide's field (width, height in um) and return warnings.

    Raises
    ------
    SourceError
        No TIFF, not one channel, or a field that is not the slide's.
    """
    with _open(path, where) as file:
        return _check_field(file.pages.first, where, slide_um)


def read_mask(path: Path, where: str, size_px0: tuple[int, int], mpp: tuple[float, float]) -> TissueMask:
    """Read the mask of a slide of `size_px0` pixels of `mpp` um, both (x, y).

    Raises
    ------
    SourceError
        As `check_mask`, or the pixels cannot be decoded.
    """
    slide_um = (size_px0[0] * mpp[0], size_px0[1] * mpp[1])
    with _open(path, where) as file:
        warnings = _check_field(file.pages.first, where, slide_um)
        levels = file.series[0].levels
        fine = [level for level in levels if slide_um[0] / level.shape[1] <= _READ_UM]
        try:
            values = (fine[-1] if fine else levels[0]).asarray()
        except (ValueError, RuntimeError, OSError) as error:
            raise SourceError(
                where, expected="a mask that decodes", got=f"{type(error).__name__}", remedy="Copy it again."
            ) from error
    height, width = values.shape[:2]
    mask = np.asarray(values.reshape(height, width) > 0)
    return TissueMask(mask=mask, px0_per_px=(size_px0[0] / width, size_px0[1] / height), warnings=warnings)


def _open(path: Path, where: str) -> Any:
    import tifffile

    try:
        return tifffile.TiffFile(path)
    except (tifffile.TiffFileError, IndexError, ValueError, OSError, struct.error) as error:
        raise SourceError(
            where,
            expected="a mask as a TIFF file",
            got=f"bytes that are none ({type(error).__name__})",
            remedy="Copy it again.",
        ) from error


def _check_field(page: Any, where: str, slide_um: tuple[float, float]) -> tuple[str, ...]:
    size_px = (page.imagewidth, page.imagelength)
    if page.samplesperpixel != 1 or min(size_px) < 1:
        raise SourceError(
            where,
            expected="one channel, 0 outside tissue",
            got=f"{page.samplesperpixel} channels of {size_px[0]} x {size_px[1]} px",
            remedy="Mend mask_path.",
        )
    mpp = _spacing_um(page)
    if mpp is None:
        stretch = (size_px[0] / slide_um[0]) / (size_px[1] / slide_um[1])
        fits, got = abs(stretch - 1) <= FIELD_TOLERANCE, "another shape, and no resolution"
    else:
        mask_um = (size_px[0] * mpp[0], size_px[1] * mpp[1])
        fits = all(abs(m / s - 1) <= FIELD_TOLERANCE for m, s in zip(mask_um, slide_um, strict=True))
        got = f"one of {mask_um[0]:.0f} x {mask_um[1]:.0f} um"
    if not fits:
        raise SourceError(
            where,
            expected=f"a mask of the slide's field, {slide_um[0]:.0f} x {slide_um[1]:.0f} um",
            got=got,
            remedy="It may be another slide's: mend mask_path; blank, tissue is found in the image.",
        )
    return () if mpp else ("the mask has no resolution: it is laid over the whole slide",)


def _spacing_um(page: Any) -> tuple[float, float] | None:
    unit = page.tags.get(296)
    um = _UM_PER_UNIT.get(0 if unit is None else int(unit.value))
    if um is None:
        return None
    per_unit = page.get_resolution()
    if min(per_unit) <= 0:
        return None
    mpp = (um / per_unit[0], um / per_unit[1])
    return mpp if max(mpp) <= _COARSEST_MPP else None
