"""A volume's header, judged before anything is allocated: is it a volume, is it whole, can its grid be true.

Enters: a path to .mha, .nii, .nii.gz, .npz, .h5 or DICOM. Leaves: a `StoredVolume` that may be read, or a
`SourceError` that names the field. A header is 352 bytes that anyone can write: it is believed only as far
as the file is long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from extract.volumes.array_file import Content, open_hdf5, open_npz
from extract.volumes.dicom import open_dicom
from extract.volumes.dicom_files import stands_for_dicom
from extract.volumes.dicom_points import open_over_time
from extract.volumes.geometry import VoxelGrid
from extract.volumes.metaimage import open_metaimage
from extract.volumes.nifti import open_nifti
from extract.volumes.stored import DECODING_ERRORS, StoredVolume, VolumeFormatError
from feature_cache.errors import SourceError

#: 268 million voxels, 1 GiB as float32: four times a CT of 512 x 512 x 256.
MOST_VOXELS = 2**28
#: A cine has 20 to 60 of them, DCE up to some hundred.
MOST_POINTS = 4096
#: No scanner has a voxel side outside this range (mm).
PLAUSIBLE_SPACING_MM = (0.05, 50.0)
#: Deflate makes at most 1,032 bytes of one; headers of 64 kB are let pass.
_MOST_INFLATION, _HEADER_ALLOWANCE = 1032, 2**16
#: Axes whose cosines with each other exceed this are sheared; a determinant below this is no volume.
_NOTEWORTHY_SHEAR, _SINGULAR = 1e-3, 1e-2

FORMATS = (".mha", ".nii", ".nii.gz", ".npz", ".h5", ".hdf5")


def open_volume(
    path: Path,
    where: str,
    content: Content = "image",
    sequence: str | None = None,
    masks: Sequence[VoxelGrid] = (),
) -> StoredVolume:
    """Read and judge the header of a volume of one time point; no voxel is decoded.

    Parameters
    ----------
    path
        The file, or a folder of DICOM. Its format goes by its name; DICOM files go by their first bytes.
    where
        What to call it in an error: table or item, and file name, no folder.
    content
        Which array of a .npz or .h5 file: `image` for a series, `label` for a mask.
    sequence, masks
        What series.csv calls it and the grids of its study's masks: they choose in a folder of DICOM.

    Raises
    ------
    SourceError
        Another format; damaged, cut short, or too large; several time points; an affine that is not finite,
        is singular, or has an implausible spacing.
    """
    stored = open_points(path, where, content, sequence, masks)
    if stored.points > 1:
        raise SourceError(
            where,
            expected="a volume of three axes",
            got=f"one of {' x '.join(map(str, (*stored.shape, stored.points)))}, the last of them time",
            remedy="Name its sequence in a block `time` of the recipe's volumes, or take the row out.",
        )
    return stored


def open_points(
    path: Path,
    where: str,
    content: Content = "image",
    sequence: str | None = None,
    masks: Sequence[VoxelGrid] | None = None,
) -> StoredVolume:
    """Read and judge the header of a volume of one or several time points, as `open_volume` does.

    Without `masks` a folder of DICOM stands for its series over time.
    """
    try:
        stored = _open(path, content, sequence, masks)
    except DECODING_ERRORS as error:
        raise unreadable(where, error) from error
    _refuse_size(stored, where)
    squeezed: tuple[str, ...] = ()
    if stored.points == 1:
        shape, points, squeezed = _axes(stored.shape, where)
        stored = replace(stored, shape=shape, points=points)
    return replace(stored, warnings=(*stored.warnings, *squeezed, *_judge_affine(stored, where)))


def unreadable(where: str, error: Exception) -> SourceError:
    """Return the refusal of a file that a decoder gave up on; only our own words are quoted."""
    own = error if isinstance(error, VolumeFormatError) else None
    got = str(own) if own else f"one that cannot be decoded ({type(error).__name__})"
    return SourceError(
        where,
        expected=(own and own.expected) or "a whole volume (.mha, .nii, .nii.gz, .npz, .h5 or DICOM)",
        got=got,
        remedy=(own and own.remedy) or "Fetch the file again, or convert it.",
    )


def _open(
    path: Path, content: Content, sequence: str | None, masks: Sequence[VoxelGrid] | None
) -> StoredVolume:
    name = path.name.lower()
    if name.endswith(".mha"):
        return open_metaimage(path)
    if name.endswith((".nii", ".nii.gz")):
        return open_nifti(path)
    if name.endswith(".npz"):
        return open_npz(path, content)
    if name.endswith((".h5", ".hdf5")):
        return open_hdf5(path, content)
    if content == "image" and stands_for_dicom(path):
        return open_over_time(path) if masks is None else open_dicom(path, sequence, masks)
    raise VolumeFormatError(f"another format than {', '.join(FORMATS)}, and no DICOM")


def _refuse_size(stored: StoredVolume, where: str) -> None:
    sizes = " x ".join(map(str, stored.shape if stored.points == 1 else (*stored.shape, stored.points)))
    if min(stored.shape) < 1 or math.prod(stored.shape) * stored.points > MOST_VOXELS:
        raise SourceError(
            where,
            expected=f"1 to {MOST_VOXELS:,} voxels",
            got=f"a header of {sizes} (DimSize or dim)",
            remedy="Fetch the file again; a larger volume must be cut into parts.",
        )
    held = stored.held_bytes
    if stored.packed:
        fits = stored.voxel_bytes <= _MOST_INFLATION * held + _HEADER_ALLOWANCE
    else:
        fits = stored.voxel_bytes == held - stored.start
    if not fits:
        raise SourceError(
            where,
            expected=f"{stored.voxel_bytes:,} bytes of voxels ({sizes} of {stored.dtype.name})",
            got=f"a file of {held:,} bytes" + (", too short even if compressed" if stored.packed else ""),
            remedy="Fetch the file again.",
        )


def _axes(shape: tuple[int, ...], where: str) -> tuple[tuple[int, int, int], int, tuple[str, ...]]:
    """Return the three axes of space, the number of time points, and what is odd; refuse further axes."""
    x, y, z, *further = shape
    points = further[0] if further else 1
    if points > MOST_POINTS or any(n > 1 for n in further[1:]):
        raise SourceError(
            where,
            expected=f"a volume of three axes, or of four with at most {MOST_POINTS:,} time points",
            got=f"one of {' x '.join(map(str, shape))}",
            remedy="Convert the series again, or take the row out.",
        )
    dropped = further if points == 1 else further[1:]
    after = "third" if points == 1 else "fourth"
    odd = f"{len(shape)} axes, those after the {after} of length 1: dropped"
    return (x, y, z), points, (odd,) if dropped else ()


def _judge_affine(stored: StoredVolume, where: str) -> tuple[str, ...]:
    """Return what is odd about the affine; refuse one that no scanner writes."""
    remedy = "Convert the series again from its DICOM files."
    expected = f"a grid in mm in the header ({stored.geometry_fields})"
    if not np.isfinite(stored.affine).all():
        raise SourceError(where, expected=expected, got="numbers that are not finite", remedy=remedy)
    spacing = stored.grid.spacing
    low, high = PLAUSIBLE_SPACING_MM
    if spacing.min() < low or spacing.max() > high:
        got = f"a spacing of {format_spacing(spacing)} mm, outside {low:g} to {high:g}"
        raise SourceError(where, expected=expected, got=got, remedy=remedy)
    directions = stored.grid.directions
    handedness = float(np.linalg.det(directions))
    if abs(handedness) < _SINGULAR:
        got = f"axes that do not span a volume (determinant {handedness:.2g})"
        raise SourceError(where, expected=expected, got=got, remedy=remedy)
    shear = float(np.abs(directions.T @ directions - np.eye(3)).max())
    warnings = []
    if handedness < 0:
        warnings.append("left-handed voxel axes (negative determinant): read as the affine says")
    if shear > _NOTEWORTHY_SHEAR:
        warnings.append(f"sheared axes (cosine between two {shear:.2g})")
    return tuple(warnings)


def format_spacing(spacing: np.ndarray) -> str:
    """Return a spacing as people write it: 0.5 x 0.5 x 3."""
    return " x ".join(f"{side:.4g}" for side in spacing)
