"""Whether every slide opens at a known scale, and every tissue mask covers the same piece of glass.

Enters: slides.csv and the root. Leaves: a problem for every slide or mask that stage 1 would refuse.
Headers only: no pixel is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from extract.check.path import find_file
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, SourceError, table_error
from feature_cache.tables import SlideRow

#: Slide and mask may differ by this share of their width or height: pyramids round, masks are coarse.
_TOLERATED_SHARE = 0.05
#: A resolution tag coarser than this (um per pixel) is a print resolution such as 72 dpi, no scale.
_COARSEST_MASK_MPP = 100.0


def slide_problems(cohort: Cohort, root: Path) -> Iterator[Problem]:
    """Yield one row for every slide and mask that cannot be used, and a warning for what is odd."""
    for row in cohort.slides:
        where = f"slides.csv: case {row.case_id}, slide {row.slide_id}"
        path = find_file(root, row.path, where)
        if isinstance(path, Problem):
            yield path
            continue
        try:
            yield from _slide(row, path, root, where)
        except SourceError as error:
            yield table_error(f"{where}, {path.name}", error.expected, error.got, error.remedy)


def _slide(row: SlideRow, path: Path, root: Path, where: str) -> Iterator[Problem]:
    from extract.slides.reader import open_slide
    from extract.slides.scale import decide_scale

    with open_slide(path) as slide:
        size_px0 = slide.size_px0
        scale = decide_scale(f"{where}, {path.name}", slide.mpp, slide.mpp_source, row.mpp)
        warnings = (*slide.warnings, *scale.warnings)
    for warning in warnings:
        yield Problem(
            level="warning", where=where, expected="nothing odd", got=warning, remedy="Look at the slide."
        )
    if row.mask_path is not None:
        mask_path = find_file(root, row.mask_path, f"{where}, mask")
        if isinstance(mask_path, Problem):
            yield mask_path
        else:
            field_um = (size_px0[0] * scale.mpp[0], size_px0[1] * scale.mpp[1])
            yield from _mask(mask_path, field_um, f"{where}, mask {mask_path.name}")


def _mask(path: Path, slide_um: tuple[float, float], where: str) -> Iterator[Problem]:
    size_px, mpp = _mask_header(path, where)
    if mpp is None:
        stretch = (size_px[0] / slide_um[0]) / (size_px[1] / slide_um[1])
        fits, got = abs(stretch - 1) <= _TOLERATED_SHARE, "another shape, and no resolution"
    else:
        mask_um = (size_px[0] * mpp[0], size_px[1] * mpp[1])
        fits = all(abs(m / s - 1) <= _TOLERATED_SHARE for m, s in zip(mask_um, slide_um, strict=True))
        got = f"one of {mask_um[0]:.0f} x {mask_um[1]:.0f} um"
    if not fits:
        yield table_error(
            where,
            f"a mask of the slide's field, {slide_um[0]:.0f} x {slide_um[1]:.0f} um",
            got,
            "It may be another slide's: mend mask_path, or leave it blank to find tissue in the image.",
        )


def _mask_header(path: Path, where: str) -> tuple[tuple[int, int], tuple[float, float] | None]:
    """Return size and um per pixel of a one-channel TIFF."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            channels, unit = page.samplesperpixel, page.tags.get(296)
            size_px = (page.imagewidth, page.imagelength)
            um = {2: 25_400.0, 3: 10_000.0}.get(0 if unit is None else int(unit.value))
            per_unit = page.get_resolution() if um is not None else (0.0, 0.0)
    except (tifffile.TiffFileError, IndexError, ValueError, OSError) as error:
        raise SourceError(
            where,
            expected="a TIFF",
            got=f"bytes that are none ({type(error).__name__})",
            remedy="Copy it again.",
        ) from error
    if channels != 1 or min(size_px) < 1:
        raise SourceError(
            where,
            expected="one channel, 0 outside tissue",
            got=f"{channels} channels",
            remedy="Mend mask_path.",
        )
    if um is None or min(per_unit) <= 0:
        return size_px, None
    mpp = (um / per_unit[0], um / per_unit[1])
    return size_px, mpp if max(mpp) <= _COARSEST_MASK_MPP else None
