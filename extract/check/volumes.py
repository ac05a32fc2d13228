"""Whether every series and mask opens, and can be laid on one grid with its study.

Enters: series.csv, masks.csv and the root. Leaves: a problem for everything that stage 1 would refuse from
headers alone, with the same functions, and a warning for each oddity. No voxel is decoded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from extract.paths import find_file
from extract.volumes.array_file import Content
from extract.volumes.codebook import region_labels
from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_volume
from extract.volumes.manifest import sequence_of
from extract.volumes.mask_geometry import place_mask
from extract.volumes.reader import series_geometry
from extract.volumes.stored import StoredVolume
from extract.volumes.study_grid import refuse_sequences
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, SourceError
from feature_cache.tables import MaskRow, SeriesRow


def volume_problems(cohort: Cohort, root: Path) -> Iterator[Problem]:
    """Yield one row for every series, mask and study that cannot be used, and a warning for what is odd."""
    grids: dict[tuple[str, str], dict[str, VoxelGrid]] = defaultdict(dict)
    for series in cohort.series:
        try:
            stored = _open_series(series, root)
        except SourceError as error:
            yield error.as_problem()
            continue
        grids[series.case_id, series.study_id][series.series_id] = stored.grid
        yield from (_odd(_series_name(series), warning) for warning in stored.warnings)
        if not stored.spacing_known and series.spacing_mm is None:
            yield _odd(_series_name(series), "a spacing of 1 x 1 x 1 counts as unknown: nothing in mm")
    yield from _sequences(cohort)
    for mask in cohort.masks:
        try:
            doubts = _mask_doubts(mask, root, grids[mask.case_id, mask.study_id])
        except SourceError as error:
            yield error.as_problem()
            continue
        yield from (_odd(_mask_name(mask), doubt) for doubt in doubts)


def _open_series(row: SeriesRow, root: Path) -> StoredVolume:
    stored = _open(root, row.path, _series_name(row), "image")
    series_geometry(stored, _series_name(row), row.spacing_mm)
    return stored


def _mask_doubts(row: MaskRow, root: Path, grids: dict[str, VoxelGrid]) -> tuple[str, ...]:
    where = _mask_name(row)
    region_labels(row.region, row.codebook, where)
    stored = _open(root, row.path, where, "label")
    return (*stored.warnings, *place_mask(stored.grid, grids, f"{where}, {stored.path.name}").doubts())


def _open(root: Path, text: str, where: str, content: Content) -> StoredVolume:
    path = find_file(root, text, where)
    return open_volume(path, f"{where}, {path.name}", content)


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
