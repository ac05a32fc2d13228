"""Images of a folder as series by what they show, not by where they lie.

Enters: images. Leaves: groups of one series, grid, orientation, kind, echo and b-value; and where every place
is there several times, one group for each time point. What the scanner called one series may be three
(b-values), and a localiser has three orientations.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from extract.volumes.dicom_diffusion import Diffusion, diffusion_of
from extract.volumes.dicom_image import DicomImage

#: Cosines of one series may differ by this much.
_SAME_COSINE = 1e-3
#: Positions (mm) are compared as whole multiples of this.
_PLACE_MM = 0.01
#: What tells time points apart, the plainest first.
PHASES = "the order of TriggerTime at each place"
_TIMES = ("TemporalPositionIdentifier", "TriggerTime", "AcquisitionNumber", "AcquisitionTime", "ContentTime")


@dataclass(frozen=True, kw_only=True, eq=False)
class DicomGroup:
    """Images of one series and kind; the time point `point` of `points`, which `timed_by` tells apart."""

    images: tuple[DicomImage, ...]
    diffusion: Diffusion
    points: int = 1
    point: int = 0
    timed_by: str | None = None

    @property
    def series_uid(self) -> str:
        """What the scanner calls its series; for comparison alone."""
        return self.images[0].tags.text("SeriesInstanceUID")

    @property
    def study_uid(self) -> str:
        """What the scanner calls its study; for comparison alone."""
        return self.images[0].tags.text("StudyInstanceUID")

    @property
    def acquired(self) -> tuple[str, str]:
        """Date and time at which its first image was acquired, for ordering alone."""
        return min(
            (image.tags.text("AcquisitionDate"), image.tags.text("AcquisitionTime")) for image in self.images
        )


def group_images(images: Iterable[DicomImage]) -> tuple[DicomGroup, ...]:
    """Return the groups in the order in which their first images come."""
    alike: dict[tuple[object, ...], list[DicomImage]] = defaultdict(list)
    turns: dict[str, list[DicomImage]] = defaultdict(list)
    for image in images:
        tags = image.tags
        uid = tags.text("SeriesInstanceUID")
        key = (
            tags.text("StudyInstanceUID"),
            uid,
            image.size,
            image.spacing_mm,
            _orientation(image, turns[uid]),
            tags.texts("ImageType"),
            tags.number("EchoTime"),
            diffusion_of(tags),
        )
        alike[key].append(image)
    whole = (
        DicomGroup(images=tuple(members), diffusion=diffusion_of(members[0].tags))
        for members in alike.values()
    )
    return tuple(part for group in whole for part in _by_time(group))


def turned_series(groups: Iterable[DicomGroup]) -> frozenset[str]:
    """Return the series of the scanner whose images have several orientations, such as a localiser's."""
    first: dict[str, DicomGroup] = {}
    return frozenset(
        group.series_uid
        for group in groups
        if _apart(group.images[0], first.setdefault(group.series_uid, group).images[0]) > _SAME_COSINE
    )


def _apart(image: DicomImage, other: DicomImage) -> float:
    return float(np.abs(image.directions - other.directions).max())


def _orientation(image: DicomImage, known: list[DicomImage]) -> int:
    """Return which orientation of its series an image has."""
    for number, other in enumerate(known):
        if _apart(image, other) <= _SAME_COSINE:
            return number
    known.append(image)
    return len(known) - 1


def _by_time(group: DicomGroup) -> Sequence[DicomGroup]:
    """Split where every place is there equally often and one tag tells complete time points apart."""
    places = Counter(_place(image) for image in group.images)
    (repeats, *unequal) = set(places.values())
    if repeats == 1 or unequal:
        return [group]
    for name in _TIMES:
        points: dict[str, list[DicomImage]] = defaultdict(list)
        for image in group.images:
            points[image.tags.text(name)].append(image)
        complete = all(
            len(point) == len(places) and {_place(image) for image in point} == {*places}
            for point in points.values()
        )
        if complete:
            ordered = sorted(points, key=_as_time)
            return [
                replace(group, images=tuple(points[one]), points=len(points), point=number, timed_by=name)
                for number, one in enumerate(ordered)
            ]
    return _by_phase(group, repeats)


def _by_phase(group: DicomGroup, repeats: int) -> Sequence[DicomGroup]:
    """Split a cine whose slices were taken in different heart beats: the k-th image of each place together.

    Trigger times then differ from slice to slice, and none of them is a complete time point.
    """
    at: dict[tuple[int, ...], list[tuple[float, DicomImage]]] = defaultdict(list)
    for image in group.images:
        trigger = image.tags.number("TriggerTime")
        if trigger is not None:
            at[_place(image)].append((trigger, image))
    if any(len({trigger for trigger, _ in of_place}) < repeats for of_place in at.values()) or not at:
        return [group]
    phases = [sorted(of_place, key=lambda one: one[0]) for of_place in at.values()]
    return [
        replace(
            group,
            images=tuple(of_place[number][1] for of_place in phases),
            points=repeats,
            point=number,
            timed_by=PHASES,
        )
        for number in range(repeats)
    ]


def _place(image: DicomImage) -> tuple[int, ...]:
    return tuple(int(number) for number in np.rint(image.position_mm / _PLACE_MM))


def _as_time(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return 0.0, text
