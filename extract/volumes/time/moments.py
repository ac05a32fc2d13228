"""Series over time of a study, each with the moment that stands for it where time is no axis.

Enters: series and masks of a study, the recipe's block `time`. Leaves: the same files with one moment in the
place of each series over time (end diastole of a heart, the mean before contrast of DCE), which a study is
read from as always; and the series over time themselves, read once. A mask without a frame holds always.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from extract.volumes.header import open_points
from extract.volumes.manifest import MaskFile, SeriesFile
from extract.volumes.opened import OpenedSeries, open_series
from extract.volumes.region_names import Meaning, names_by_meaning
from extract.volumes.regions import lay_masks
from extract.volumes.time.enhancement import find_onset
from extract.volumes.time.frames import TimedSeries, open_frames
from extract.volumes.time.masks_in_time import sort_masks
from extract.volumes.time.moment import Moment, moment_of
from extract.volumes.time.phases import Phases, phases_of_images, phases_of_volumes
from extract.volumes.time.settings import TimeBlock
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

Mask = Bool[np.ndarray[Any, Any], "x y z"]
Frames = Float32[np.ndarray[Any, Any], "time x y z"]
#: Frames from which on images are asked whether drawn frames are the phases, and the share of the beat that
#: both may lie apart.
_JUDGED_FROM, _APART = 10, 0.15
#: Cavities that are measured.
_CAVITIES: tuple[Meaning, ...] = ("lv_cavity", "rv_cavity")
#: What the recipe says about names of regions (`region_names.names_by_meaning`).
Said = Mapping[Meaning, Collection[str]]


@dataclass(frozen=True, kw_only=True, eq=False)
class TimedMoments:
    """A series over time, read. `drawn`: frame (from 0) -> region -> mask on the series' own grid.

    `ventricles` are the regions that are the cavities (lv_cavity, rv_cavity), by meaning. `told` is what the
    entry keeps of how moments were found.
    """

    series: TimedSeries
    voxels: Frames
    phases: Phases | None
    drawn: dict[int, dict[str, Mask]]
    ventricles: dict[str, str]
    told: dict[str, Json]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Files to read a study from, and its series over time."""

    series: list[SeriesFile]
    masks: list[MaskFile]
    timed: tuple[TimedMoments, ...] = ()


def find_moments(
    series: Sequence[SeriesFile], masks: Sequence[MaskFile], time: TimeBlock | None, said: Said, where: str
) -> Moments:
    """Read the series over time of a study and put one moment in the place of each.

    Parameters
    ----------
    series, masks
        All of the study, as the manifest has them.
    time, said
        Of the recipe; without `time` nothing is read here, and rows of single frames are refused.

    Raises
    ------
    SourceError
        See `open_frames`, `sort_masks` and `TimedSeries.read`.
    """
    if time is None:
        single = [one.where for one in series if one.frame is not None]
        single += [one.where for one in masks if one.frame is not None]
        if single:
            raise SourceError(
                single[0],
                expected="a recipe whose volumes have a block `time`, for rows of single frames",
                got="one without",
                remedy="Add `time: {}` to the volumes block, or take these rows out.",
            )
        return Moments(series=[*series], masks=[*masks])
    rows: dict[str, list[SeriesFile]] = {}
    for file in series:
        if file.encoded and time.kind_of(file.sequence) is not None:
            rows.setdefault(file.sequence, []).append(file)
    opened = [open_frames(files, _kind(time, name)) for name, files in rows.items()]
    sorted_masks = sort_masks(masks, opened)
    timed: list[TimedMoments] = []
    stills = [_still_carrier(file) for file in series if file.sequence not in rows]
    drawn_still = list(sorted_masks.always)
    for one in opened:
        moments, moment, frame = _read(one, sorted_masks.of_frame.get(one.file.sequence, {}), said, where)
        stills.append(replace(one.file, stored=moment))
        drawn_still += sorted_masks.of_frame.get(one.file.sequence, {}).get(frame, [])
        timed.append(moments)
    if timed:
        timed[0] = replace(timed[0], warnings=(*timed[0].warnings, *sorted_masks.warnings))
    return Moments(series=stills, masks=drawn_still, timed=tuple(timed))


def _kind(time: TimeBlock, sequence: str) -> Any:
    return time.kind_of(sequence)


def _still_carrier(file: SeriesFile) -> SeriesFile:
    """Return a series that is not encoded and may carry masks: of one over time its grid is enough."""
    if file.encoded or file.path.is_dir() or file.stored is not None:
        return file
    return replace(file, stored=open_points(file.path, file.where, sequence=file.sequence, masks=()))


def _read(
    series: TimedSeries, masks: Mapping[int, Sequence[MaskFile]], said: Said, where: str
) -> tuple[TimedMoments, Moment, int]:
    """Read a series; return it with its moment and the frame whose masks hold for that."""
    voxels, odd = series.read(), []
    drawn = _draw(series, masks)
    names = list(dict.fromkeys(name for regions in drawn.values() for name in regions))
    ventricles: dict[str, str] = {}
    if series.kind == "heart":
        meant = names_by_meaning(names, said, where)
        ventricles = {part: meant[part][0] for part in _CAVITIES if part in meant}
        phases = _phases(voxels, drawn, ventricles.get("lv_cavity"))
        frame, shown = _shown_of_heart(series, phases, sorted(drawn))
        still = voxels[frame]
        if phases is None:
            odd.append("nothing moves in it: end diastole and end systole are not known")
        else:
            odd += _doubts(phases, voxels, series, len(drawn))
    else:
        phases, (still, shown, frame) = None, _shown_of_contrast(series, voxels)
    told: dict[str, Json] = {"shown": shown}
    moment = moment_of(series.stored[0], still, {"over_time": {**told, "frames": series.frames}})
    found = TimedMoments(
        series=series,
        voxels=voxels,
        phases=phases,
        drawn=drawn,
        ventricles=ventricles,
        told=told,
        warnings=(*series.times.warnings, *odd),
    )
    return found, moment, frame


def _draw(series: TimedSeries, masks: Mapping[int, Sequence[MaskFile]]) -> dict[int, dict[str, Mask]]:
    """Lay the masks of every frame on the grid of the series."""
    if not masks:
        return {}
    blank = moment_of(series.stored[0], np.zeros(series.grid.size, dtype=np.float32), {})
    carrier: OpenedSeries = open_series(replace(series.file, stored=blank))
    return {
        frame: lay_masks(files, {series.file.sequence: carrier}, carrier, carrier.grid).masks
        for frame, files in sorted(masks.items())
    }


def _phases(voxels: Frames, drawn: Mapping[int, Mapping[str, Mask]], cavity: str | None) -> Phases | None:
    """Return end diastole and end systole, by the cavity's volume where it was drawn in two frames."""
    if cavity is not None:
        volumes = np.full(len(voxels), np.nan)
        for frame, regions in drawn.items():
            if cavity in regions and regions[cavity].any():  # an empty one was left out: none empties wholly
                volumes[frame] = int(regions[cavity].sum())
        by_volume = phases_of_volumes(volumes)
        if by_volume is not None:
            return by_volume
    return phases_of_images(voxels)


def _doubts(phases: Phases, voxels: Frames, series: TimedSeries, drawn: int) -> list[str]:
    """Hold phases of a few drawn frames against the images: other frames give a smaller ejection fraction."""
    by_images = None
    if phases.found_by != "images" and drawn < series.frames and series.frames >= _JUDGED_FROM:
        by_images = phases_of_images(voxels)
    if by_images is None:
        return []
    return [
        f"of {drawn} frames with masks {name} is frame {series.numbers[own]}, of the images frame "
        f"{series.numbers[other]}: look at the ejection fraction"
        for name, own, other in (
            ("end diastole", phases.end_diastole, by_images.end_diastole),
            ("end systole", phases.end_systole, by_images.end_systole),
        )
        if _beats_apart(own, other, series.frames) > max(1, _APART * series.frames)
    ]


def _shown_of_heart(series: TimedSeries, phases: Phases | None, drawn: Sequence[int]) -> tuple[int, str]:
    """Return the frame that stands for a heart, and what it is: one with masks where there are any."""
    wanted = 0 if phases is None else phases.end_diastole
    if drawn and wanted not in drawn:
        frame = min(drawn, key=lambda one: (_beats_apart(one, wanted, series.frames), one))
        return frame, f"frame {series.numbers[frame]}, the nearest to end diastole that has masks"
    what = "the first" if phases is None else "end diastole"
    return wanted, f"frame {series.numbers[wanted]}, {what}"


def _beats_apart(frame: int, other: int, frames: int) -> int:
    return min((frame - other) % frames, (other - frame) % frames)


def _shown_of_contrast(
    series: TimedSeries, voxels: Frames
) -> tuple[Float32[np.ndarray[Any, Any], "x y z"], str, int]:
    """Return the mean before contrast, by the mean signal of the whole volume; else the first frame."""
    seen = np.isfinite(voxels).all(axis=0)
    onset = None
    if seen.any():
        signal = np.array([frame[seen].mean(dtype=np.float64) for frame in voxels])
        onset = find_onset(signal, series.times.time_s)
    if onset is None:
        return voxels[0], "the first frame: no contrast arrives in it", 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # outside the field of view every frame is NaN
        before = np.nanmean(voxels[: onset + 1], axis=0, dtype=np.float64)
    return np.asarray(before, dtype=np.float32), f"the mean of the {onset + 1} frames before contrast", 0
