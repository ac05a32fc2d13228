"""A stack whose every slice is a DICOM series over time of its own, put together frame by frame.

Enters: the slices of one stack. Leaves: time points as those of one series, their times, and what the entry
is told; or a refusal that names the slice. The k-th frame of every slice makes the k-th time point.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from extract.volumes.dicom_groups import DicomGroup
from extract.volumes.dicom_slice_times import SliceTimes, slice_times
from extract.volumes.dicom_slices_in_time import SliceInTime, doubled
from extract.volumes.dicom_stack import stack as stack_slices
from extract.volumes.stored import VolumeFormatError
from feature_cache.canonical import Json

#: Told in entries; whoever changes a rule bumps TIME_ALGORITHM as well, which names the feature set.
SLICES_ALGORITHM = 1
RULE = "one series a slice: the stack of parallel series of one place"
_TRIGGER = "TriggerTime"
_FOLDER = "Take the files of the breath-hold that is not wanted out of the folder."


@dataclass(frozen=True, kw_only=True, eq=False)
class StackInTime:
    """`points` as of one series over time; `times` are None where TriggerTime does not tell them."""

    slices: tuple[SliceInTime, ...]
    points: tuple[DicomGroup, ...]
    times: SliceTimes | None

    @property
    def times_s(self) -> tuple[float, ...] | None:
        """When each point was taken; None where unknown."""
        return None if self.times is None else self.times.time_s

    @property
    def times_from(self) -> str | None:
        """What tells the times."""
        return None if self.times is None else f"{_TRIGGER}, the median over slices"

    @property
    def told(self) -> dict[str, Json]:
        """What an entry keeps: no id or name of a header."""
        apart = None if self.times is None else self.times.as_json()
        return {
            "rule": RULE,
            "rules_of_slices": SLICES_ALGORITHM,
            "slices": len(self.slices),
            "slices_apart": apart,
        }


def stack_in_time(slices: Sequence[SliceInTime]) -> StackInTime:
    """Put the slices of one stack, in the order of their places, together.

    Raises
    ------
    VolumeFormatError
        Another number of frames or another tag that orders them in one slice; two series at one place; a gap,
        uneven places, or slices off a straight line (`stack`); times that do not agree (`slice_times`).
    """
    _refuse_frames(slices)
    _refuse_doubled(slices)
    stack_slices([one.image for one in slices])
    count = len(slices[0].frames)
    points = tuple(
        replace(
            slices[0].group,
            images=tuple(one.frames[number] for one in slices),
            points=count,
            point=number,
            timed_by=slices[0].told_apart_by,
        )
        for number in range(count)
    )
    return StackInTime(slices=tuple(slices), points=points, times=_times(slices))


def _named(slices: Sequence[SliceInTime], number: int) -> str:
    return f"slice {number + 1} of {len(slices)} ({slices[number].image.path.name})"


def _refuse_frames(slices: Sequence[SliceInTime]) -> None:
    counts = Counter(len(one.frames) for one in slices)
    ((usual, _), *others) = counts.most_common()
    if others:
        number = next(place for place, one in enumerate(slices) if len(one.frames) != usual)
        got = f"{len(slices[number].frames)} in {_named(slices, number)} where others have {usual}"
        remedy = (
            "Fetch that series again; if it was a breath-hold that failed, take its files out of the folder."
        )
        raise VolumeFormatError(got, "as many frames in every slice", remedy)
    tags = Counter(one.told_apart_by for one in slices)
    if len(tags) > 1:
        (usual_tag, _), (other, _) = tags.most_common()[:2]
        number = next(place for place, one in enumerate(slices) if one.told_apart_by == other)
        got = f"{_named(slices, number)} in the order of {other}, others of {usual_tag}"
        raise VolumeFormatError(got, "slices whose frames one tag orders", "Export the series again.")


def _refuse_doubled(slices: Sequence[SliceInTime]) -> None:
    pairs = doubled(slices)
    if pairs:
        names = " and ".join(one.image.path.name for one in pairs[0])
        got = f"{len(pairs)} of {len(slices)} series at the place of another (such as {names})"
        raise VolumeFormatError(
            got, "one series at each place; nothing chooses between breath-holds", _FOLDER
        )


def _times(slices: Sequence[SliceInTime]) -> SliceTimes | None:
    """Return the times by TriggerTime; None where it increases in no slice.

    A clock tells when a breath was held and when images were computed, not where in the beat they are.
    """
    told = [[image.tags.number(_TRIGGER) for image in one.frames] for one in slices]
    rows = [np.array([np.nan if time is None else time for time in row]) / 1000 for row in told]
    known = [bool((np.diff(row) > 0).all()) for row in rows]
    if not any(known):
        return None
    if not all(known):
        got = f"times that do not go forward in {_named(slices, known.index(False))}"
        remedy = "Export that series again, or all without TriggerTime: their times are unknown then."
        raise VolumeFormatError(got, f"{_TRIGGER} that increases from frame to frame in every slice", remedy)
    return slice_times(np.stack(rows), [_named(slices, number) for number in range(len(slices))])
