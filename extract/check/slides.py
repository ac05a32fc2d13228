"""Whether every slide opens at a known scale, and every tissue mask covers the same piece of glass.

Enters: slides.csv and the root. Leaves: a problem for every slide or mask that stage 1 would refuse.
Headers only: no pixel is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from extract.paths import find_file
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, SourceError, table_error
from feature_cache.tables import SlideRow


def slide_problems(cohort: Cohort, root: Path) -> Iterator[Problem]:
    """Yield one row for every slide and mask that cannot be used, and a warning for what is odd."""
    for row in cohort.slides:
        where = f"slides.csv: case {row.case_id}, slide {row.slide_id}"
        try:
            path = find_file(root, row.path, where)
        except SourceError as error:
            yield error.as_problem()
            continue
        try:
            yield from _slide(row, path, root, where)
        except SourceError as error:
            yield table_error(f"{where}, {path.name}", error.expected, error.got, error.remedy)


def _slide(row: SlideRow, path: Path, root: Path, where: str) -> Iterator[Problem]:
    from extract.slides.reader import open_slide
    from extract.slides.scale import decide_scale

    with open_slide(path) as slide:
        size_px0, bounds_px0 = slide.size_px0, slide.bounds_px0
        named = f"{where}, {path.name}"
        scale = decide_scale(named, slide.mpp, slide.mpp_source, row.mpp, slide.warnings)
        warnings = (*slide.warnings, *scale.warnings)
    for warning in warnings:
        yield Problem(
            level="warning", where=where, expected="nothing odd", got=warning, remedy="Look at the slide."
        )
    if row.roi_path is not None:
        yield from _roi(row.roi_path, root, (size_px0, bounds_px0), f"{where}, roi")
    if row.mask_path is not None:
        try:
            mask_path = find_file(root, row.mask_path, f"{where}, mask")
        except SourceError as error:
            yield error.as_problem()
            return
        field_um = (size_px0[0] * scale.mpp[0], size_px0[1] * scale.mpp[1])
        yield from _mask(mask_path, field_um, f"{where}, mask {mask_path.name}")


def _roi(
    path: str, root: Path, canvas: tuple[tuple[int, int], tuple[int, int, int, int] | None], where: str
) -> Iterator[Problem]:
    from extract.slides.roi import read_roi

    try:
        read_roi(find_file(root, path, where), where, *canvas)
    except SourceError as error:
        yield error.as_problem()


def _mask(path: Path, slide_um: tuple[float, float], where: str) -> Iterator[Problem]:
    from extract.slides.tissue_mask import check_mask

    try:
        doubts = check_mask(path, where, slide_um)
    except SourceError as error:
        yield error.as_problem()
        return
    for doubt in doubts:
        yield Problem(
            level="warning", where=where, expected="a resolution", got=doubt, remedy="Look at the mask."
        )
