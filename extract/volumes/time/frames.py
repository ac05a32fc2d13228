"""The frames of one series over time: a file of four axes, a folder of DICOM, or one file a frame.

Enters: the rows of series.csv of one sequence. Leaves: a `TimedSeries` with voxels, times and numbers of all
frames on the grid of the first. Frames on different grids are refused: nothing is moved between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32

from extract.volumes.dicom_points import DicomPoints
from extract.volumes.geometry import VoxelGrid, grid_difference
from extract.volumes.header import MOST_VOXELS, open_points, open_volume, unreadable
from extract.volumes.manifest import SeriesFile
from extract.volumes.reader import series_geometry
from extract.volumes.stored import DECODING_ERRORS, StoredVolume
from extract.volumes.time.frame_times import FrameTimes, frame_times, read_times, refuse_times
from extract.volumes.time.settings import Kind
from feature_cache.errors import SourceError

_ALONE = "Give all frames: one file of four axes, a folder of DICOM, or rows with `frame` in series.csv."


@dataclass(frozen=True, kw_only=True, eq=False)
class TimedSeries:
    """A series over time. `stored` is one file with all frames, or one a frame; `grid` that of each frame.

    `numbers` counts the frames from 1 as file or manifest does; frames that were left out leave gaps.
    """

    file: SeriesFile
    kind: Kind
    stored: tuple[StoredVolume, ...]
    grid: VoxelGrid
    spacing_known: bool
    numbers: Int32[np.ndarray[Any, Any], " time"]
    times: FrameTimes

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.numbers)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about files and times, once each."""
        return tuple(dict.fromkeys([*(w for one in self.stored for w in one.warnings), *self.times.warnings]))

    def read(self) -> Float32[np.ndarray[Any, Any], "time x y z"]:
        """Read all frames, NaN where a voxel is not finite.

        Raises
        ------
        SourceError
            A damaged file; a frame without a finite voxel.
        """
        voxels = np.empty((self.frames, *self.grid.size), dtype=np.float32)
        try:
            points = (point for one in self.stored for point in one.read_points())
            with np.errstate(over="ignore"):
                for number, point in enumerate(points):
                    voxels[number] = point
        except DECODING_ERRORS as error:
            raise unreadable(self.file.where, error) from error
        voxels[~np.isfinite(voxels)] = np.nan
        blank = np.flatnonzero(np.isnan(voxels).all(axis=(1, 2, 3)))
        if len(blank):
            raise SourceError(
                self.file.where,
                expected="numbers as voxels in every frame",
                got=f"none that is finite in frame {self.numbers[blank[0]]}",
                remedy="Convert the series again.",
            )
        return voxels


def open_frames(files: Sequence[SeriesFile], kind: Kind) -> TimedSeries:
    """Open the rows of one sequence as one series over time; no voxel is decoded.

    Raises
    ------
    SourceError
        Fewer than two frames; frames without a number, of one number, or on different grids; times that are
        not those of a scanner (`refuse_times`).
    """
    first = files[0]
    told: Sequence[float] | None
    header: tuple[Sequence[float] | None, str | None]
    if len(files) == 1 and first.frame is None:
        stored = [open_points(first.path, first.where, sequence=first.sequence)]
        _refuse_slice_by_slice(stored[0], kind, first)
        numbers = list(range(1, stored[0].points + 1))
        told = None if first.times is None else read_times(first.times, first.where)
        header = stored[0].times_s, stored[0].times_from
    else:
        files = _in_order(files)
        first = files[0]
        stored = [open_volume(one.path, one.where, sequence=one.sequence) for one in files]
        numbers = [one.frame for one in files if one.frame is not None]
        told = _told(files)
        header = None, None
    if len(numbers) < 2:
        got = "one" if len(stored) == 1 else "a single row"
        raise SourceError(first.where, expected="two frames or more", got=got, remedy=_ALONE)
    voxels = sum(int(np.prod(one.shape)) * one.points for one in stored)
    if voxels > MOST_VOXELS:
        expected, got = f"at most {MOST_VOXELS:,} voxels in all frames", f"{voxels:,}"
        raise SourceError(first.where, expected=expected, got=got, remedy="Give fewer frames.")
    affine, known, _ = series_geometry(stored[0], first.where, first.spacing_mm)
    for file, one in zip(files, stored, strict=False):
        _refuse_other_grid(file, one, stored[0])
    times = frame_times(told, header, len(numbers))
    refuse_times(times, len(numbers), kind, first.where)
    return TimedSeries(
        file=first,
        kind=kind,
        stored=tuple(stored),
        grid=VoxelGrid(size=stored[0].grid.size, affine=affine),
        spacing_known=known,
        numbers=np.array(numbers, dtype=np.int32),
        times=times,
    )


def _refuse_slice_by_slice(stored: StoredVolume, kind: Kind, file: SeriesFile) -> None:
    """Refuse slices of different breath-holds for a contrast agent: beats repeat, an agent arrives once."""
    if kind == "contrast" and isinstance(stored, DicomPoints) and stored.by_slice:
        raise SourceError(
            file.where,
            expected="all slices of a frame at one time, for a contrast agent",
            got=f"{stored.shape[2]} slices, each a series of its own",
            remedy="If it is a cine, name its sequence under `heart` of the recipe's block `time`.",
        )


def _in_order(files: Sequence[SeriesFile]) -> list[SeriesFile]:
    """Return rows of single frames by their numbers; refuse what does not number them."""
    numbers = [file.frame for file in files if file.frame is not None]
    lacking, doubled = len(files) - len(numbers), len(numbers) - len(set(numbers))
    if lacking or doubled:
        raise SourceError(
            files[0].where,
            expected=f"a number of its own for each of {len(files)} rows of {files[0].sequence}",
            got=f"{lacking} without one" if lacking else f"{doubled} with that of another",
            remedy="Give each row of series.csv its `frame` (from 1), or drop the rows that are not meant.",
        )
    if any(file.times is not None for file in files):
        raise SourceError(
            files[0].where,
            expected="time_s in the row of each frame",
            got="a times_path, which is for one file with all frames",
            remedy="Write the time of each frame into its row.",
        )
    return sorted(files, key=lambda file: file.frame or 0)


def _told(files: Sequence[SeriesFile]) -> list[float] | None:
    told = [file.time_s for file in files if file.time_s is not None]
    if told and len(told) < len(files):
        raise SourceError(
            files[0].where,
            expected="time_s in all rows of a series over time, or in none",
            got=f"in {len(told)} of {len(files)}",
            remedy="Complete the column time_s of series.csv.",
        )
    return told or None


def _refuse_other_grid(file: SeriesFile, stored: StoredVolume, first: StoredVolume) -> None:
    apart = grid_difference(stored.grid, first.grid)
    if apart is None or not apart.tolerated:
        sizes = [" x ".join(map(str, one.grid.size)) for one in (first, stored)]
        raise SourceError(
            file.where,
            expected=f"a frame on the grid of the first ({sizes[0]})",
            got=sizes[1] if apart is None else f"one that is {apart.corner_mm:.3g} mm away",
            remedy="Frames of one series share one grid: give others another sequence or study.",
        )
