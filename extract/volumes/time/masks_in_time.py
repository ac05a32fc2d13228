"""Masks of single frames: which frame of which series each was drawn on.

Enters: the masks of a study and its series over time. Leaves: masks by series and frame, and those that hold
at all times. A mask with four axes has one time point for each frame of its series; points without a label
count as not drawn, because most such masks label end diastole and end systole alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from extract.volumes.header import open_points, unreadable
from extract.volumes.manifest import MaskFile
from extract.volumes.mask_geometry import place_mask
from extract.volumes.stored import DECODING_ERRORS, StoredVolume
from extract.volumes.time.frames import TimedSeries
from extract.volumes.time.moment import moment_of
from feature_cache.errors import SourceError


@dataclass(kw_only=True)
class MasksInTime:
    """`of_frame`: sequence -> frame (from 0) -> its masks; `always` are all others."""

    of_frame: dict[str, dict[int, list[MaskFile]]] = field(default_factory=dict)
    always: list[MaskFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, sequence: str, frame: int, mask: MaskFile) -> None:
        """Put a mask to its frame."""
        self.of_frame.setdefault(sequence, {}).setdefault(frame, []).append(mask)


def sort_masks(masks: Sequence[MaskFile], series: Sequence[TimedSeries]) -> MasksInTime:
    """Return the masks by the frames that they were drawn on.

    Raises
    ------
    SourceError
        A mask of a frame that its series does not have; a mask of several time points that are not those of
        a cine of the study, or on no grid of one.
    """
    found = MasksInTime()
    for mask in masks:
        stored = open_points(mask.path, mask.where, "label")
        if stored.points == 1 and mask.frame is None:
            found.always.append(mask)
            continue
        drawn_on = _series_of(mask, stored, series)
        if mask.frame is not None:
            found.add(drawn_on.file.sequence, _frame(mask, stored, drawn_on), mask)
        else:
            _add_points(mask, stored, drawn_on, found)
    return found


def _series_of(mask: MaskFile, stored: StoredVolume, series: Sequence[TimedSeries]) -> TimedSeries:
    beating = {one.file.sequence: one for one in series if one.kind == "heart"}
    if not beating:
        raise SourceError(
            mask.where,
            expected="a cine among the sequences that the recipe's block `time` names under heart",
            got="a mask of frames, and no such series in its study",
            remedy="Name the cine's sequence there, or take frame out of masks.csv.",
        )
    place = place_mask(stored.grid, {name: one.stored[0].grid for name, one in beating.items()}, mask.where)
    return beating[place.series]


def _frame(mask: MaskFile, stored: StoredVolume, series: TimedSeries) -> int:
    numbers = series.numbers.tolist()
    if stored.points > 1 or mask.frame not in numbers:
        raise SourceError(
            mask.where,
            expected=f"a mask of one of the {series.frames} frames of {series.file.sequence}",
            got=f"{stored.points} time points" if stored.points > 1 else f"frame {mask.frame}",
            remedy="Mend the column frame of masks.csv.",
        )
    return int(numbers.index(mask.frame))


def _add_points(mask: MaskFile, stored: StoredVolume, series: TimedSeries, found: MasksInTime) -> None:
    if stored.points != series.frames:
        raise SourceError(
            mask.where,
            expected=f"{series.frames} time points, as {series.file.sequence} has",
            got=f"{stored.points}",
            remedy="Give the mask of the same frames, or one mask a frame with `frame` in masks.csv.",
        )
    try:
        points = list(stored.read_points())
    except DECODING_ERRORS as error:
        raise unreadable(mask.where, error) from error
    labelled = [frame for frame, point in enumerate(points) if point.any()]
    for frame in labelled:
        found.add(series.file.sequence, frame, replace(mask, stored=moment_of(stored, points[frame], {})))
    if len(labelled) < series.frames:
        found.warnings.append(
            f"mask {mask.region}: {series.frames - len(labelled)} of {series.frames} frames without a label "
            "count as not drawn"
        )
