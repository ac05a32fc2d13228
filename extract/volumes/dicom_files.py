"""Which files a path to DICOM stands for: all of a folder, or the folder that a file lies in.

Enters: a path of series.csv. Leaves: the files that decide what is read, each opened once. A series goes by
its content: what lies beside a file is looked at, because a slice of it may be anywhere there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from extract.volumes.dicom_image import DicomImage, UnusableImage, is_dicom, open_image
from extract.volumes.stored import DECODING_ERRORS, VolumeFormatError

#: More files than any study has.
_MOST_FILES = 100_000


@dataclass(frozen=True, kw_only=True)
class DicomFolder:
    """Images of a folder in the order of their names; `others` counts the DICOM that is no scan."""

    images: tuple[DicomImage, ...]
    unusable: tuple[UnusableImage, ...]
    others: int


def stands_for_dicom(path: Path) -> bool:
    """Whether a path is a folder or a DICOM file."""
    return path.is_dir() or is_dicom(path)


def files_beside(path: Path) -> tuple[Path, ...]:
    """Return the files that the content behind `path` depends on.

    The DICOM of the folder and all below for a folder, that beside it for a DICOM file; another file alone.

    Raises
    ------
    VolumeFormatError
        A link that leads out of the folder, or more files than a study has.
    """
    if not stands_for_dicom(path):
        return (path,)
    folder, found = path if path.is_dir() else path.parent, []
    for place, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if path.is_dir() and not name.startswith("."))
        found += [Path(place) / name for name in sorted(names) if not name.startswith(".")]
        if len(found) > _MOST_FILES:
            got, remedy = f"more than {_MOST_FILES:,} files", "Name the folder of one study or series."
            raise VolumeFormatError(got, "a folder of DICOM", remedy)
    inside = folder.resolve()
    for file in found:
        if file.is_symlink() and not file.resolve().is_relative_to(inside):
            got, remedy = "a link that leads out of it", "Copy the file into the folder."
            raise VolumeFormatError(got, "a folder of DICOM", remedy)
    return tuple(file for file in found if file.is_file() and (_is_called_dicom(file) or is_dicom(file)))


def _is_called_dicom(path: Path) -> bool:
    """Whether a file must be DICOM by its name: one without its first bytes is damaged, not another."""
    return path.suffix.lower() in (".dcm", ".dicom", ".ima")


def open_folder(path: Path) -> DicomFolder:
    """Open every DICOM file that `path` stands for.

    Raises
    ------
    VolumeFormatError
        One that is damaged: it might be the slice that would be missed.
    """
    files = files_beside(path)
    stats = [file.stat() for file in files]
    return _open(tuple((file, one.st_size, one.st_mtime_ns) for file, one in zip(files, stats, strict=True)))


@lru_cache(maxsize=8)  # each series of a study asks for the same folder
def _open(files: tuple[tuple[Path, int, int], ...]) -> DicomFolder:
    return find_images([path for path, _, _ in files])


def find_images(files: Iterable[Path]) -> DicomFolder:
    """Open DICOM files; `VolumeFormatError` for one that is damaged."""
    images: list[DicomImage] = []
    unusable: list[UnusableImage] = []
    others = 0
    for path in files:
        try:
            image = open_image(path)
        except VolumeFormatError:
            raise
        except DECODING_ERRORS as error:
            raise VolumeFormatError(
                f"{path.name}, which cannot be decoded ({type(error).__name__})",
                "DICOM files that are whole",
                "Fetch the file again: it may be the slice that would be missing.",
            ) from error
        if image is None:
            others += 1
        elif isinstance(image, UnusableImage):
            unusable.append(image)
        else:
            images.append(image)
    return DicomFolder(images=tuple(images), unusable=tuple(unusable), others=others)
