"""Cines of one slice each, and which of them are slices of one stack, as most scanners export short axes.

Enters: the groups of a folder. Leaves: every series of one place over time, and the stacks among them: one
study, orientation, size, spacing, image type and echo, from three places on. A long axis lies at one place or
two and is no stack. What looks alike and is no cine of one beat is never taken: phase and velocity images,
mapping and scouts of other inversion times, perfusion and ungated images over several beats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from extract.volumes.dicom_groups import DicomGroup
from extract.volumes.dicom_image import DicomImage

#: Fewer parallel places are a long axis that was taken again a little further on.
LEAST_PLACES = 3
#: Rounding of decimal texts: cosines, spacing and echo time (shares), positions (mm).
SAME_COSINE = 1e-3
_SAME_SPACING, _SAME_ECHO = 1e-4, 1e-2
_SAME_PLACE_MM = 0.01
#: ImageType of a phase or velocity image (Siemens, Philips).
_PHASE = {"P", "PHASE", "PHASE MAP", "VELOCITY", "VELOCITY MAP"}
BY_NUMBER = "InstanceNumber"
#: Tags that order the frames of a beat; clocks tell when images were taken or computed, over many beats.
_IN_THE_BEAT = ("TemporalPositionIdentifier", "TriggerTime")
#: Frames over more than this are no single beat (30 a minute), whose number would tell their moment.
LONGEST_BEAT_S = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceInTime:
    """A series whose images lie at one place: `frames` in order, which `told_apart_by` gives.

    `group` is one of its time points, for what all of them have.
    """

    group: DicomGroup
    frames: tuple[DicomImage, ...]
    told_apart_by: str

    @property
    def image(self) -> DicomImage:
        """Its first frame."""
        return self.frames[0]

    @property
    def no_cine(self) -> str | None:
        """What it shows instead of one beat, in words that count; None where it may be a slice of a cine."""
        if {*self.image.tags.texts("ImageType")} & _PHASE:
            return "phase images"
        if len({frame.tags.number("InversionTime") for frame in self.frames}) > 1:
            return "of several inversion times"
        triggers_ms = [frame.tags.number("TriggerTime") for frame in self.frames]
        known_ms = [trigger for trigger in triggers_ms if trigger is not None]
        if known_ms and max(known_ms) - min(known_ms) > 1000 * LONGEST_BEAT_S:
            return "longer than a beat"
        return None

    def is_parallel_to(self, other: SliceInTime) -> bool:
        """Whether both are of one study and orientation."""
        cosines = np.abs(self.image.directions - other.image.directions).max()
        return self.group.study_uid == other.group.study_uid and bool(cosines <= SAME_COSINE)

    def is_alike(self, other: SliceInTime) -> bool:
        """Whether both can be slices of one stack by what they show, wherever they lie."""
        image, beside = self.image, other.image
        spacing = zip(image.spacing_mm, beside.spacing_mm, strict=True)
        return (
            self.is_parallel_to(other)
            and image.size == beside.size
            and all(math.isclose(one, two, rel_tol=_SAME_SPACING) for one, two in spacing)
            and image.tags.texts("ImageType") == beside.tags.texts("ImageType")
            and _same_echo(image.tags.number("EchoTime"), beside.tags.number("EchoTime"))
            and self.group.diffusion == other.group.diffusion
        )


def series_over_time(groups: Sequence[DicomGroup]) -> list[list[DicomGroup]]:
    """Return the groups that are time points, those of one series together; they come in order."""
    found: list[list[DicomGroup]] = []
    for group in groups:
        if group.points > 1 and group.point == 0:
            found.append([])
        if group.points > 1:
            found[-1].append(group)
    return found


def slices_in_time(groups: Sequence[DicomGroup]) -> list[SliceInTime]:
    """Return the series of one place over time; without a tag of the beat their numbers give the order."""
    found = []
    for points in series_over_time(groups):
        if len(points[0].images) == 1:
            frames, tag = tuple(point.images[0] for point in points), str(points[0].timed_by)
            numbered = None if tag in _IN_THE_BEAT else _by_number(frames)
            own = (frames, tag) if numbered is None else (numbered, BY_NUMBER)
            found.append(SliceInTime(group=points[0], frames=own[0], told_apart_by=own[1]))
    for group in groups:
        if group.points == 1 < len(group.images) and _is_one_place(group):
            numbered = _by_number(group.images)
            if numbered is not None:
                found.append(SliceInTime(group=group, frames=numbered, told_apart_by=BY_NUMBER))
    return found


def _by_number(images: Sequence[DicomImage]) -> tuple[DicomImage, ...] | None:
    """Return images in the order of their numbers; None where one lacks or two have the same."""
    numbered = {image.tags.whole("InstanceNumber"): image for image in images}
    if None in numbered or len(numbered) < len(images):
        return None
    return tuple(image for _, image in sorted(numbered.items(), key=lambda one: one[0] or 0))


def stacks_of(slices: Iterable[SliceInTime]) -> list[list[SliceInTime]]:
    """Return the stacks among series of one place, each in the order of its places.

    Series of another number of frames count as one of a stack that cannot be read rather than as beside it,
    unless they are a stack themselves.
    """
    kinds: list[list[SliceInTime]] = []
    for one in slices:
        if one.no_cine:
            continue
        own = next((kind for kind in kinds if kind[0].is_alike(one)), None)
        if own is None:
            kinds.append([one])
        else:
            own.append(one)
    found = []
    for kind in kinds:
        counts = sorted({len(one.frames) for one in kind})
        parts = [[one for one in kind if len(one.frames) == count] for count in counts]
        whole = [part for part in parts if _places(part) >= LEAST_PLACES]
        if len(whole) > 1:
            found += whole
        elif _places(kind) >= LEAST_PLACES:
            found.append(kind)
    return [
        [stack[place] for place in np.argsort(places_mm(stack), kind="stable").tolist()] for stack in found
    ]


def along(one: SliceInTime, first: SliceInTime) -> float:
    """Return where a slice lies along the normal of another (mm)."""
    return float(one.image.position_mm @ first.image.normal)


def places_mm(stack: Sequence[SliceInTime]) -> Float[np.ndarray, " slice"]:
    """Return where the slices of a stack lie along its normal (mm)."""
    return np.array([along(one, stack[0]) for one in stack])


def doubled(stack: Sequence[SliceInTime]) -> list[tuple[SliceInTime, SliceInTime]]:
    """Return neighbours of an ordered stack that lie at one place."""
    close = np.diff(places_mm(stack)) < _SAME_PLACE_MM
    return [(stack[number], stack[number + 1]) for number in np.flatnonzero(close).tolist()]


def _places(part: Sequence[SliceInTime]) -> int:
    return int((np.diff(np.sort(places_mm(part))) >= _SAME_PLACE_MM).sum()) + 1 if part else 0


def _is_one_place(group: DicomGroup) -> bool:
    positions = np.array([image.position_mm for image in group.images])
    return bool(np.ptp(positions, axis=0).max() < _SAME_PLACE_MM)


def _same_echo(one: float | None, two: float | None) -> bool:
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, rel_tol=_SAME_ECHO)
