"""Which series over time a folder of DICOM stands for: the only one, or the only stack of single slices.

Enters: the groups of a folder, or those and a file. Leaves: the time points that are meant and what an entry
is told of the choice. Series of one place are no volume: beside one that is they are left out, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from extract.volumes.dicom_groups import DicomGroup
from extract.volumes.dicom_image import DicomImage, UnusableImage
from extract.volumes.dicom_slice_stack import StackInTime, stack_in_time
from extract.volumes.dicom_slices_in_time import (
    LEAST_PLACES,
    SAME_COSINE,
    SliceInTime,
    along,
    places_mm,
    series_over_time,
    slices_in_time,
    stacks_of,
)
from extract.volumes.stored import VolumeFormatError
from feature_cache.canonical import Json

_ONE = "one series over time (cine, DCE)"
_NAME_IT = "Give the path of a file of the one that is meant."
_OWN_FOLDER = "Give the stack that is meant a folder of its own, and the path of that folder."
_ITS_FOLDER = "Where each slice is a series of its own give the folder that holds all of them."
_OTHER = "another size, spacing, image type or echo"


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesInTime:
    """The time points that are meant. `stack` where each slice is a series; `left_out` counts series."""

    points: Sequence[DicomGroup]
    stack: StackInTime | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def told(self) -> dict[str, Json]:
        """What an entry keeps of the choice; nothing where there was none."""
        told: dict[str, Json] = {} if self.stack is None else self.stack.told
        return told | ({"left_out": dict(self.left_out)} if self.left_out else {})


def of_file(groups: Sequence[DicomGroup], path: Path, unusable: Sequence[UnusableImage]) -> SeriesInTime:
    """Return the series over time that a file belongs to; see `of_folder`."""
    for points in series_over_time(groups):
        if any(image.path == path for point in points for image in point.images):
            _refuse_unusable(unusable, points[0].images)
            if len(points[0].images) == 1:
                got = f"a file of a series of one place, {path.name}: nothing says how thick it is"
                raise VolumeFormatError(got, f"{_ONE}, or a stack of slices", _ITS_FOLDER)
            return SeriesInTime(points=points)
    if unusable:
        raise unusable[0].error
    raise VolumeFormatError("a file of no such series", _ONE, _NAME_IT)


def of_folder(groups: Sequence[DicomGroup], unusable: Sequence[UnusableImage]) -> SeriesInTime:
    """Return the series over time that a folder stands for.

    Raises
    ------
    VolumeFormatError
        None, or several; single slices that are no stack, or one that cannot be put together
        (`stack_in_time`); an image of it that Braid does not read.
    """
    every = series_over_time(groups)
    whole = [points for points in every if len(points[0].images) > 1]
    slices = slices_in_time(groups)
    # beside a series of several places what no tag of time tells apart is no rival: images taken again
    stacks = stacks_of(one for one in slices if not whole or one.group.points > 1)
    if len(whole) + len(stacks) > 1:
        raise _several(whole, stacks)
    if stacks:
        return _stack(groups, slices, stacks[0], unusable)
    if whole or len(every) == len(slices) == 1:  # a slice alone is refused as any single image
        points = (whole or every)[0]
        _refuse_unusable(unusable, points[0].images)
        return SeriesInTime(points=points, left_out=_left_out(groups, slices, ()) if whole else {})
    if unusable:
        raise unusable[0].error
    if slices:
        raise _no_stack(slices)
    raise VolumeFormatError(f"none in {len(groups)} series by their content", _ONE, _NAME_IT)


def _stack(
    groups: Sequence[DicomGroup],
    slices: Sequence[SliceInTime],
    own: Sequence[SliceInTime],
    unusable: Sequence[UnusableImage],
) -> SeriesInTime:
    _refuse_unusable(unusable, [one.image for one in own], parallel=True)
    others = _others(slices, own)
    try:
        stack = stack_in_time(own)
    except VolumeFormatError as error:
        if not others:
            raise
        got = f"{error}; beside them {len(others)} series of this orientation with {_OTHER}"
        raise VolumeFormatError(got, error.expected, error.remedy) from error
    odd = () if stack.times is None else stack.times.warnings
    return SeriesInTime(
        points=stack.points,
        stack=stack,
        left_out=_left_out(groups, slices, own),
        warnings=(*odd, *_beyond(own, others)),
    )


def _refuse_unusable(
    unusable: Sequence[UnusableImage], images: Sequence[DicomImage], parallel: bool = False
) -> None:
    """Raise why an image cannot be read that is one of these series, or may be: one `parallel` to them."""
    uids = {image.tags.text("SeriesInstanceUID") for image in images}
    for bad in unusable:
        cosines = bad.tags.numbers("ImageOrientationPatient", 6)
        apart = np.inf if cosines is None else np.abs(cosines.reshape(2, 3).T - images[0].directions).max()
        if bad.tags.text("SeriesInstanceUID") in uids or (parallel and apart <= SAME_COSINE):
            raise bad.error


def _no_stack(slices: Sequence[SliceInTime]) -> VolumeFormatError:
    unfit = Counter(one.no_cine for one in slices if one.no_cine)
    shown = "".join(f"{count} of them {what}, " for what, count in sorted(unfit.items()))
    got = (
        f"{len(slices)} series of one place each, {shown}no {LEAST_PLACES} {'others ' if unfit else ''}"
        "of which lie side by side with one orientation, size, spacing, image type and echo"
    )
    remedy = "Fetch all slices, or take the row out."
    if unfit:
        remedy = "Only slices over one beat are put together: fetch those of the cine, or take the row out."
    return VolumeFormatError(got, f"{_ONE}, or a stack of slices", remedy)


def _several(whole: Sequence[object], stacks: Sequence[Sequence[SliceInTime]]) -> VolumeFormatError:
    sizes = [
        f"{len(one)} single slices of {len(one[0].frames)} frames (such as {one[0].image.path.name})"
        for one in stacks
    ]
    found = [f"{len(whole)} of several places each"] if whole else []
    got = f"{len(whole) + len(stacks)} of them: {' and '.join([*found, *sizes])}"
    remedy = _NAME_IT if not stacks else _OWN_FOLDER
    return VolumeFormatError(got, _ONE, remedy)


def _others(slices: Sequence[SliceInTime], own: Sequence[SliceInTime]) -> list[SliceInTime]:
    """Return series parallel to a stack that show something else, as the series of another slice may."""
    members = {id(one) for one in own}
    return [
        one for one in slices if id(one) not in members and not one.no_cine and one.is_parallel_to(own[0])
    ]


def _beyond(own: Sequence[SliceInTime], others: Sequence[SliceInTime]) -> tuple[str, ...]:
    """Say where one left out lies beyond the last slice: within, a gap would have told."""
    places = places_mm(own)
    outside = [one for one in others if not places[0] <= along(one, own[0]) <= places[-1]]
    if not outside:
        return ()
    odd = f"parallel to its stack and beyond its last slice lies a series with {_OTHER}, which was left out"
    return (f"{odd}: an end slice may be lacking ({len(outside)} such)",)


def _left_out(
    groups: Sequence[DicomGroup], slices: Sequence[SliceInTime], own: Sequence[SliceInTime]
) -> dict[str, int]:
    """Count the series of a folder that are not meant, by why they are not."""
    found: Counter[str] = Counter()
    members = {id(one) for one in own}
    for one in slices:
        if id(one) in members:
            continue
        if one.no_cine:
            found[one.no_cine] += 1
        elif own and one.is_parallel_to(own[0]):
            found[_OTHER] += 1
        else:
            found["another orientation" if own else "of one place"] += 1
    over_time = {group.series_uid for group in groups if group.points > 1}
    over_time |= {one.group.series_uid for one in slices}
    still = {group.series_uid for group in groups} - over_time
    if still:
        found["not over time"] += len(still)
    return dict(sorted(found.items()))
