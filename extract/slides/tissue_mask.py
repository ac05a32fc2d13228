"""A tissue mask that came with the slide: read at a few um per pixel, and refused if it is another slide's.

Enters: a one-channel TIFF (any value above 0 is tissue) with a spacing of its own. Leaves: a mask and its
level-0 pixels per mask pixel. Mask and slide meet in um, never through a level index: their pyramids differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from extract.limits import MOST_MASK_BYTES
from extract.slides.tiff_pages import opened_tiff
from extract.slides.tissue import Shares
from feature_cache.errors import SourceError

#: Hand-bumped when the numbers change.
MASK_ALGORITHM = 2
#: Slide and mask may differ by this share of their width or height, and by one pixel of a coarse mask.
FIELD_TOLERANCE = 0.02
#: A resolution tag coarser than this (um per pixel) is a print resolution such as 72 dpi, no scale.
_COARSEST_MPP = 100.0
#: The mask is used at about this many um per pixel: fine against a tile, small against the slide.
_USED_UM = 8.0
_EXPECTED = "a mask as a TIFF file"
_UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0}


@dataclass(frozen=True, kw_only=True)
class TissueMask:
    """Where tissue is; `px0_per_px` are level-0 pixels of the slide per pixel of the mask, (x, y).

    `unread` is where nobody could see whether there is tissue; None where all was seen.
    """

    mask: Shares
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
    with opened_tiff(path, where, _EXPECTED) as file:
        warnings = _check_field(file.pages.first, where, slide_um)
        _choose_level(file, where, slide_um)
    return warnings


def read_mask(path: Path, where: str, size_px0: tuple[int, int], mpp: tuple[float, float]) -> TissueMask:
    """Read the mask of a slide of `size_px0` pixels of `mpp` um, both (x, y).

    Raises
    ------
    SourceError
        As `check_mask`, or the pixels cannot be decoded.
    """
    slide_um = (size_px0[0] * mpp[0], size_px0[1] * mpp[1])
    with opened_tiff(path, where, _EXPECTED) as file:
        warnings = _check_field(file.pages.first, where, slide_um)
        level, pixel_um = _choose_level(file, where, slide_um)
        values = _decode(level, where)
    step = max(1, int(_USED_UM / pixel_um[0]))
    return TissueMask(
        mask=_coarsen(values, step),
        px0_per_px=(pixel_um[0] / mpp[0] * step, pixel_um[1] / mpp[1] * step),
        warnings=warnings,
    )


def _choose_level(file: Any, where: str, slide_um: tuple[float, float]) -> tuple[Any, tuple[float, float]]:
    """Return the coarsest level that is fine enough and its pixel in um, (x, y); it will be read whole."""
    page, levels = file.pages.first, file.series[0].levels
    spacing_um = _spacing_um(page) or (slide_um[0] / page.imagewidth, slide_um[1] / page.imagelength)
    field_um = (spacing_um[0] * page.imagewidth, spacing_um[1] * page.imagelength)
    pixels_um = [(field_um[0] / level.shape[1], field_um[1] / level.shape[0]) for level in levels]
    fine = [number for number, pixel_um in enumerate(pixels_um) if pixel_um[0] <= _USED_UM]
    chosen = fine[-1] if fine else 0
    size = math.prod(levels[chosen].shape) * levels[chosen].dtype.itemsize
    if size > MOST_MASK_BYTES:
        shown = " x ".join(f"{side:,}" for side in levels[chosen].shape)
        raise SourceError(
            where,
            expected=f"a level of {_USED_UM:g} um per pixel or less with at most {MOST_MASK_BYTES:,} bytes",
            got=f"{size:,} ({shown})",
            remedy="Write the mask as a pyramid, or coarser.",
        )
    return levels[chosen], pixels_um[chosen]


def _decode(level: Any, where: str) -> Bool[np.ndarray[Any, Any], "height width"]:
    try:
        values = level.asarray()
    except (ValueError, RuntimeError, OSError) as error:  # imagecodecs' errors are RuntimeErrors
        raise SourceError(
            where, expected="a mask that decodes", got=f"{type(error).__name__}", remedy="Copy it again."
        ) from error
    return np.asarray(values.reshape(level.shape[:2]) > 0)


def _coarsen(tissue: Bool[np.ndarray[Any, Any], "height width"], step: int) -> Shares:
    """Average cells of step x step pixels; what lacks in the last row and column counts as no tissue."""
    if step == 1:
        return tissue
    rows = np.add.reduceat(tissue, np.arange(0, tissue.shape[0], step), axis=0, dtype=np.uint32)
    cells = np.add.reduceat(rows, np.arange(0, tissue.shape[1], step), axis=1, dtype=np.uint32)
    shares: Shares = (cells / step**2).astype(np.float32)
    return shares


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
        fits = abs(stretch - 1) <= FIELD_TOLERANCE + 1 / min(size_px)
        got = "another shape, and no resolution"
    else:
        mask_um = (size_px[0] * mpp[0], size_px[1] * mpp[1])
        fits = all(
            abs(of_mask - of_slide) <= FIELD_TOLERANCE * of_slide + pixel
            for of_mask, of_slide, pixel in zip(mask_um, slide_um, mpp, strict=True)
        )
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
