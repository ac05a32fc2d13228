"""A series over time in DICOM: its time points one after the other, each a complete series of slices.

Enters: a folder, or one file of the series that is meant. Leaves: a `DicomPoints`. When each point was taken
is what TriggerTime says, else the clock of the acquisition, counted from the first point: no time of day
leaves this file. Where none of them increases from point to point the times are unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from extract.volumes.dicom_choice import CHOICE_ALGORITHM, refuse_turned
from extract.volumes.dicom_files import open_folder
from extract.volumes.dicom_groups import DicomGroup, group_images
from extract.volumes.dicom_image import DicomImage
from extract.volumes.dicom_series import DicomSeries, series_of
from extract.volumes.dicom_time_choice import of_file, of_folder
from extract.volumes.stored import StoredVolume, VolumeFormatError
from feature_cache.canonical import Json

_NAME_IT = "Give the path of a file of the one that is meant."
_DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class DicomPoints(StoredVolume):
    """The points of one series in the order of time; each is scaled as its own slices say.

    `by_slice`: each slice is a series of its own, taken in another breath-hold. `told` is what the entry
    keeps of how they were chosen.
    """

    series: tuple[DicomSeries, ...]
    timed_by: str
    by_slice: bool = False
    told: dict[str, Json] = field(default_factory=dict)

    @property
    def spacing_known(self) -> bool:
        """Always, as of any DICOM series."""
        return True

    @property
    def held_bytes(self) -> int:
        """How many bytes the files of all points have."""
        return sum(one.held_bytes for one in self.series)

    @property
    def described(self) -> dict[str, Json]:
        """See `StoredVolume.described`."""
        images = sum(len(one.images) for one in self.series)
        told: dict[str, Json] = {"images": images, "time_points": self.points, "told_apart_by": self.timed_by}
        return {"dicom": {**told, "rules": CHOICE_ALGORITHM, **self.told}}

    def read_points(self) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        """Yield the voxels; see `StoredVolume.read_points`."""
        for one in self.series:
            yield from one.read_points()


def open_over_time(path: Path) -> DicomPoints:
    """Open the series over time that `path` stands for.

    Raises
    ------
    VolumeFormatError
        None or several in the folder; one that is turned, incomplete or not of one piece.
    DECODING_ERRORS
        A file that cannot be read.
    """
    folder = open_folder(path)
    groups = group_images(folder.images)
    bad = folder.unusable
    chosen = of_folder(groups, bad) if path.is_dir() else of_file(groups, path, bad)
    points, stack = chosen.points, chosen.stack
    for group in [one.group for one in stack.slices] if stack else points[:1]:
        refuse_turned(group, groups)
    series = tuple(series_of(point.images, path, {}) for point in points)
    if len({one.dtype for one in series}) > 1:
        raise VolumeFormatError("time points of different types", "one type of voxels", _NAME_IT)
    if stack is None:
        times_s, source = _times_of(points)
    else:
        times_s, source = stack.times_s, stack.times_from
    warnings = tuple(dict.fromkeys([*(odd for one in series for odd in one.warnings), *chosen.warnings]))
    return DicomPoints(
        path=path,
        shape=series[0].shape,
        dtype=series[0].dtype,
        affine=series[0].affine,
        geometry_fields=series[0].geometry_fields,
        placed=True,
        packed=True,
        points=len(series),
        times_s=times_s,
        times_from=source,
        warnings=warnings,
        series=series,
        timed_by=str(points[0].timed_by),
        by_slice=stack is not None,
        told=chosen.told,
    )


def _times_of(points: Sequence[DicomGroup]) -> tuple[tuple[float, ...] | None, str | None]:
    """Return when each point was taken in seconds, and the tag that tells; None where none does.

    Of a point whose images have several times the median counts.
    """
    for name in ("TriggerTime", "AcquisitionTime", "ContentTime"):
        told = [[_seconds(image, name) for image in point.images] for point in points]
        if any(one is None for of_point in told for one in of_point):
            continue
        times = np.array([np.median([one for one in of_point if one is not None]) for of_point in told])
        if name != "TriggerTime":
            times -= times[0]
            times[times < -_DAY_S / 2] += _DAY_S  # past midnight
        if (np.diff(times) > 0).all():
            return tuple(round(float(time), 6) for time in times), name
    return None, None


def _seconds(image: DicomImage, name: str) -> float | None:
    """Return a time in seconds: TriggerTime is in ms (PS3.3, C.7.6.2.1.1), a clock HHMMSS.FFFFFF."""
    number = image.tags.number(name)
    if number is None or name == "TriggerTime":
        return None if number is None else number / 1000
    hours, rest = divmod(number, 10_000)
    minutes, seconds = divmod(rest, 100)
    return hours * 3600 + minutes * 60 + seconds
