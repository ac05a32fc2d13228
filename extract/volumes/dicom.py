"""DICOM: a folder, or one of its files, as one series.

Enters: a path, the sequence that series.csv names, grids of the study's masks. Leaves: a `DicomSeries`. A
folder stands for the series of that sequence in it and below, by the rules of dicom_choice.py; a file stands
for the series that it belongs to, looked for beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from extract.volumes.dicom_choice import HIGH_B, Choice, choose, refuse_turned, take_only
from extract.volumes.dicom_files import DicomFolder, open_folder
from extract.volumes.dicom_groups import DicomGroup, group_images
from extract.volumes.dicom_series import DicomSeries, series_of
from extract.volumes.geometry import VoxelGrid
from extract.volumes.stored import VolumeFormatError


def open_dicom(path: Path, sequence: str | None = None, masks: Sequence[VoxelGrid] = ()) -> DicomSeries:
    """Open the series that `path` stands for.

    Raises
    ------
    VolumeFormatError
        No series, several without a rule, one that is turned, incomplete or not of one piece.
    DECODING_ERRORS
        A file that cannot be read.
    """
    folder = open_folder(path)
    groups = group_images(folder.images)
    if path.is_dir():
        if not groups:
            raise _nothing(folder)
        choice = choose(groups, sequence, masks)
    else:
        mine = [group for group in groups if any(image.path == path for image in group.images)]
        if not mine:
            raise _nothing(folder)
        choice = take_only(mine[0], sequence)
    refuse_turned(choice.group, groups)
    siblings = [
        group for group in groups if group.series_uid == choice.group.series_uid and group is not choice.group
    ]
    for bad in folder.unusable:
        if bad.tags.text("SeriesInstanceUID") == choice.group.series_uid:
            raise bad.error
    return series_of(
        choice.group.images,
        path,
        choice.as_json(),
        (*choice.doubts, *_doubts(choice, siblings), *_beside(folder, path)),
    )


def _nothing(folder: DicomFolder) -> VolumeFormatError:
    """Return why nothing of a folder can be read."""
    if folder.unusable:
        return folder.unusable[0].error
    got = f"{folder.others} DICOM files, none of them an image of a scanner"
    return VolumeFormatError(got, "a folder with a DICOM series", "Mend the path, or give another folder.")


def _doubts(choice: Choice, siblings: Sequence[DicomGroup]) -> tuple[str, ...]:
    """Say what else the scanner's series holds, and whether its first images are lacking."""
    found, diffusion = [], choice.group.diffusion
    if diffusion.calculated and diffusion.b_value is not None and diffusion.b_value < HIGH_B:
        found.append(f"calculated by the scanner, its header gives a low b-value (b = {diffusion.b_value:g})")
    if siblings:
        found.append(f"its scanner's series has {len(siblings)} more by content, which were left out")
    images = [image for group in (choice.group, *siblings) for image in group.images]
    numbers = {image.tags.whole("InstanceNumber") for image in images} - {None}
    if numbers and max(number for number in numbers if number is not None) > len(numbers):
        found.append("its images are not numbered from 1 without gaps: a slice may be missing")
    return tuple(found)


def _beside(folder: DicomFolder, path: Path) -> tuple[str, ...]:
    if not folder.others:
        return ()
    return (f"DICOM beside it that is no image of a scanner was not read ({folder.others} files)",)
