"""Whether every series and mask opens, and can be laid on one grid with its study.

Enters: series.csv, masks.csv and the root. Leaves: a problem for everything that stage 1 would refuse from
headers alone, with the same functions, and a warning for each oddity. No voxel is decoded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from extract.paths import find_file
from extract.volumes.codebook import region_labels
from extract.volumes.header import open_volume
from extract.volumes.manifest import SeriesFile, sequence_of
from extract.volumes.mask_geometry import place_mask
from extract.volumes.opened import OpenedSeries, open_series, refuse_unplaced
from extract.volumes.settings import VolumesBlock
from extract.volumes.study_grid import refuse_sequences
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, SourceError
from feature_cache.tables import MaskRow, SeriesRow


def volume_problems(cohort: Cohort, root: Path) -> Iterator[Problem]:
    """Yield one row for every series, mask and study that cannot be used, and a warning for what is odd."""
    studies: dict[tuple[str, str], dict[str, OpenedSeries]] = defaultdict(dict)
    for series in cohort.series:
        try:
            opened = _open_series(series, root)
        except SourceError as error:
            yield error.as_problem()
            continue
        studies[series.case_id, series.study_id][series.series_id] = opened
        yield from (_odd(_series_name(series), warning) for warning in opened.stored.warnings)
        if not opened.spacing_known:
            yield _odd(_series_name(series), "a spacing of 1 x 1 x 1 counts as unknown: nothing in mm")
    yield from _sequences(cohort)
    for study in studies.values():
        yield from _unplaced(list(study.values()))
    for mask in cohort.masks:
        try:
            doubts = _mask_doubts(mask, root, studies[mask.case_id, mask.study_id])
        except SourceError as error:
            yield error.as_problem()
            continue
        yield from (_odd(_mask_name(mask), doubt) for doubt in doubts)


def _open_series(row: SeriesRow, root: Path) -> OpenedSeries:
    path = find_file(root, row.path, _series_name(row))
    where = f"{_series_name(row)}, {path.name}"
    return open_series(
        SeriesFile(sequence=sequence_of(row), path=path, where=where, spacing_mm=row.spacing_mm)
    )


def _unplaced(study: list[OpenedSeries]) -> Iterator[Problem]:
    """Refuse series that no header lays on the reference: the first in the order of the shipped recipe.

    Another recipe may choose another reference, but not make two series without a place meet.
    """
    order = VolumesBlock().reference
    rank = {sequence: place for place, sequence in enumerate(order)}
    reference, *others = sorted(study, key=lambda one: rank.get(one.file.sequence, len(order)))
    for other in others:
        try:
            refuse_unplaced(other, reference)
        except SourceError as error:
            yield error.as_problem()


def _mask_doubts(row: MaskRow, root: Path, study: dict[str, OpenedSeries]) -> tuple[str, ...]:
    where = _mask_name(row)
    region_labels(row.region, row.codebook, where)
    path = find_file(root, row.path, where)
    where = f"{where}, {path.name}"
    stored = open_volume(path, where, "label")
    grids = {series_id: one.stored.grid for series_id, one in study.items()}
    return (*stored.warnings, *place_mask(stored.grid, grids, where).doubts())


def _sequences(cohort: Cohort) -> Iterator[Problem]:
    studies: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in cohort.series:
        studies[row.case_id, row.study_id].append(sequence_of(row))
    for (case_id, study_id), sequences in studies.items():
        try:
            refuse_sequences(sequences, f"series.csv: case {case_id}, study {study_id}")
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
