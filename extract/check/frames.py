"""Whether the frames of a series over time go together, and whether its times can be a scanner's.

Enters: rows of series.csv of one study, and how each opened. Leaves: a problem for every series over time
that stage 1 would refuse from headers alone, with the same functions, and a warning for each oddity of its
times. No recipe is known here: sequences are those that a block `time` names unless told otherwise, and a
warning says that a recipe without the block refuses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from extract.paths import find_file
from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_points
from extract.volumes.manifest import SeriesFile, sequence_of
from extract.volumes.opened import OpenedSeries
from extract.volumes.stored import StoredVolume
from extract.volumes.time.frames import open_frames
from extract.volumes.time.settings import TimeBlock
from feature_cache.errors import Problem, SourceError
from feature_cache.tables import SeriesRow

_BLOCK = TimeBlock()


def open_stored(row: SeriesRow, path: Path, where: str, masks: Sequence[VoxelGrid]) -> StoredVolume:
    """Open a series of one or several time points; which recipe will read it is not known here."""
    over_time = row.frame is None and _BLOCK.kind_of(sequence_of(row)) is not None
    return open_points(path, where, sequence=sequence_of(row), masks=None if over_time else masks)


def frame_problems(
    rows: Sequence[SeriesRow], opened: Mapping[str, OpenedSeries], root: Path
) -> Iterator[Problem]:
    """Yield what is wrong or odd about the series over time of a study; `opened` is by series id."""
    yield from _asking_for_the_block(rows, opened)
    by_sequence: dict[str, list[SeriesRow]] = {}
    for row in rows:
        if _BLOCK.kind_of(sequence_of(row)) is not None:
            by_sequence.setdefault(sequence_of(row), []).append(row)
    for sequence, own in by_sequence.items():
        kind = _BLOCK.kind_of(sequence)
        if kind is None or any(row.series_id not in opened for row in own):
            continue  # what cannot be opened was told already
        try:
            series = open_frames([_file(row, opened[row.series_id], root) for row in own], kind)
        except SourceError as error:
            yield error.as_problem()
            continue
        for warning in series.times.warnings:
            remedy = "Look at one of them; the entries of a run name each with its numbers."
            where = series.file.where
            yield Problem(level="warning", where=where, expected="nothing odd", got=warning, remedy=remedy)


def _asking_for_the_block(rows: Sequence[SeriesRow], opened: Mapping[str, OpenedSeries]) -> Iterator[Problem]:
    """Yield a warning for each sequence over time: many recipes, the default among them, refuse it."""
    told: set[str] = set()
    for row in rows:
        sequence, one = sequence_of(row), opened.get(row.series_id)
        if one is None or sequence in told or (row.frame is None and one.stored.points == 1):
            continue
        told.add(sequence)
        named = "{}" if _BLOCK.kind_of(sequence) else f"{{contrast: [{sequence}]}}, or heart"
        yield Problem(
            level="warning",
            where=one.file.where,
            expected="a series that any recipe reads",
            got=f"{sequence} as a series over time: recipes without a block `time` refuse it",
            remedy=f"Give the recipe's volumes `time: {named}` (as --recipe over_time), or take the row out.",
        )


def first_frames(rows: Sequence[SeriesRow]) -> list[SeriesRow]:
    """Return the rows with one frame of each sequence that is given frame by frame."""
    seen: set[str] = set()
    kept = []
    for row in rows:
        if row.frame is None or sequence_of(row) not in seen:
            kept.append(row)
        if row.frame is not None:
            seen.add(sequence_of(row))
    return kept


def _file(row: SeriesRow, opened: OpenedSeries, root: Path) -> SeriesFile:
    times = None
    if row.times_path is not None:
        times = find_file(root, row.times_path, f"{opened.file.where}, times")
    return replace(opened.file, frame=row.frame, time_s=row.time_s, times=times, stored=None)
