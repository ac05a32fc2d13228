"""Whether every series and mask of a study opens, and can be laid on one grid with it.

Enters: the rows of one study and the root. Leaves: a problem for everything that stage 1 would refuse from
headers alone, with the same functions, and a warning for each oddity. No voxel is decoded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from extract.check.frames import first_frames, frame_problems, open_stored
from extract.paths import find_file
from extract.volumes.codebook import region_labels
from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_points
from extract.volumes.manifest import SeriesFile, sequence_of
from extract.volumes.mask_geometry import place_mask
from extract.volumes.mask_origin import MaskOrigin, read_origin
from extract.volumes.opened import OpenedSeries, open_series, refuse_unplaced
from extract.volumes.settings import VolumesBlock
from extract.volumes.study_grid import refuse_sequences
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, SourceError
from feature_cache.tables import MaskRow, SeriesRow


def volume_problems(cohort: Cohort, root: Path) -> Iterator[Problem]:
    """Yield one row for everything of one study that cannot be used, and a warning for what is odd."""
    study: dict[str, OpenedSeries] = {}
    drawn = _mask_grids(cohort, root)
    for series in cohort.series:
        try:
            opened = _open_series(series, root, drawn)
        except SourceError as error:
            yield error.as_problem()
            continue
        study[series.series_id] = opened
        yield from (_odd(_series_name(series), warning) for warning in opened.stored.warnings)
        if not opened.spacing_known:
            yield _odd(_series_name(series), "a spacing of 1 x 1 x 1 counts as unknown: nothing in mm")
    yield from _sequences(first_frames(cohort.series))
    yield from frame_problems(cohort.series, study, root)
    yield from _unplaced(list(study.values()))
    for mask in cohort.masks:
        try:
            doubts = _mask_doubts(mask, root, study)
        except SourceError as error:
            yield error.as_problem()
            continue
        yield from (_odd(_mask_name(mask), doubt) for doubt in doubts)


def _mask_grids(cohort: Cohort, root: Path) -> list[VoxelGrid]:
    """Return the grids of the masks that can be opened, where a folder of DICOM may hold a series twice.

    What is wrong with a mask is told where masks are checked.
    """
    grids: list[VoxelGrid] = []
    if any((root / row.path).is_dir() for row in cohort.series):
        for mask in cohort.masks:
            with contextlib.suppress(SourceError):
                path = find_file(root, mask.path, _mask_name(mask))
                grids.append(open_points(path, _mask_name(mask), "label").grid)
    return grids


def _open_series(row: SeriesRow, root: Path, drawn: list[VoxelGrid]) -> OpenedSeries:
    path = find_file(root, row.path, _series_name(row), folders=True)
    where = _series_name(row) if path.is_dir() else f"{_series_name(row)}, {path.name}"
    file = SeriesFile(sequence=sequence_of(row), path=path, where=where, spacing_mm=row.spacing_mm)
    return open_series(replace(file, stored=open_stored(row, path, where, drawn)))


def _unplaced(study: list[OpenedSeries]) -> Iterator[Problem]:
    """Refuse series that no header lays on the reference: the first in the order of the shipped recipe.

    Another recipe may choose another reference, but not make two series without a place meet.
    """
    order = VolumesBlock().reference
    rank = {sequence: place for place, sequence in enumerate(order)}
    ranked = sorted(study, key=lambda one: rank.get(one.file.sequence, len(order)))
    for other in ranked[1:]:
        try:
            refuse_unplaced(other, ranked[0])
        except SourceError as error:
            yield error.as_problem()


def _mask_doubts(row: MaskRow, root: Path, study: dict[str, OpenedSeries]) -> tuple[str, ...]:
    where = _mask_name(row)
    region_labels(row.region, row.codebook, where)
    path = find_file(root, row.path, where)
    where = f"{where}, {path.name}"
    stored = open_points(path, where, "label")
    grids = {series_id: one.stored.grid for series_id, one in study.items()}
    drawn_by = () if row.segmenter is None else _origin(row, root, where).doubts(row.case_id)
    return (*stored.warnings, *place_mask(stored.grid, grids, where).doubts(), *drawn_by)


def _origin(row: MaskRow, root: Path, where: str) -> MaskOrigin:
    assert row.segmenter is not None
    return read_origin(find_file(root, row.segmenter, f"{where}, segmenter"), f"{where}, segmenter")


def _sequences(rows: list[SeriesRow]) -> Iterator[Problem]:
    for row in rows[:1]:
        try:
            refuse_sequences(
                [sequence_of(each) for each in rows], f"series.csv: case {row.case_id}, study {row.study_id}"
            )
        except SourceError as error:
            yield error.as_problem()


def _series_name(row: SeriesRow) -> str:
    return f"series.csv: case {row.case_id}, {row.study_id}/{row.series_id}"


def _mask_name(row: MaskRow) -> str:
    return f"masks.csv: case {row.case_id}, {row.study_id}/{row.region}"


def _odd(where: str, warning: str) -> Problem:
    """Return a warning without its numbers, which stand in brackets, so that many can be summed up in one."""
    head, _, tail = warning.partition(" (")
    return Problem(
        level="warning",
        where=where,
        expected="nothing odd",
        got=head + tail.partition(")")[2],
        remedy="Look at one of them; the entries of a run name each with its numbers.",
    )
