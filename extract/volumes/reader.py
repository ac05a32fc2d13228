"""Series and masks as volumes: decoded, scaled, with the spacing that header or manifest gives.

Enters: an opened file and what series.csv says of its spacing. Leaves: a `Volume`, or labels. A spacing of
1 x 1 x 1 is what peers write when they have lost it: unknown, unless the manifest gives one. With that the
steps are true, but where the volume lies in the patient still is not known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int32, Shaped

from extract.volumes.header import PLAUSIBLE_SPACING_MM, format_spacing, unreadable
from extract.volumes.stored import DECODING_ERRORS, StoredVolume
from extract.volumes.volume import Volume
from feature_cache.errors import SourceError

READER_ALGORITHM = 1
#: The manifest and a header that tells its spacing may differ by this share.
_SPACING_TOLERANCE = 1e-3


def read_series(stored: StoredVolume, where: str, spacing_mm: str | None = None) -> Volume:
    """Read one series.

    Parameters
    ----------
    stored
        From `open_volume`.
    where
        What to call it in an error.
    spacing_mm
        Text of the column of series.csv: x;y;z.

    Returns
    -------
    Volume
        float32 voxels; what is not finite is NaN.

    Raises
    ------
    SourceError
        A damaged file; no finite voxel; a manifest's spacing that is none or contradicts the header.
    """
    affine, known, placed = series_geometry(stored, where, spacing_mm)
    with np.errstate(over="ignore"):  # what float32 cannot hold is not finite, see below
        voxels = _decode(stored, where).astype(np.float32)
    odd = int(voxels.size - np.isfinite(voxels).sum())
    if odd == voxels.size:
        raise SourceError(
            where, expected="numbers as voxels", got="none that is finite", remedy="Convert the series again."
        )
    warnings = stored.warnings
    if odd:
        voxels[~np.isfinite(voxels)] = np.nan
        warnings = (*warnings, f"{odd:,} voxels that are not finite count as outside the field of view")
    if not known:
        warnings = (*warnings, "a spacing of 1 x 1 x 1 in the header counts as unknown: nothing in mm")
    return Volume(voxels=voxels, affine=affine, spacing_known=known, placed=placed, warnings=warnings)


def read_labels(stored: StoredVolume, where: str) -> Int32[np.ndarray[Any, Any], "x y z"]:
    """Read one mask, opened as `label`, as whole numbers. Where it lies is for mask_geometry.py to say.

    Raises
    ------
    SourceError
        A damaged file; a voxel that is no whole number from 0 to 65,535.
    """
    voxels = _decode(stored, where)
    with np.errstate(invalid="ignore"):
        labels: Int32[np.ndarray[Any, Any], "x y z"] = voxels.astype(np.int32)
    whole = bool((labels == voxels).all())
    if not whole or labels.min() < 0 or labels.max() > np.iinfo(np.uint16).max:
        raise SourceError(
            where,
            expected="labels: whole numbers from 0 to 65,535",
            got="numbers below 0 or above that" if whole else "voxels that are no whole numbers",
            remedy="Take the mask itself: this is an image, a probability map or a resampled mask.",
        )
    return labels


def series_geometry(
    stored: StoredVolume, where: str, spacing_mm: str | None
) -> tuple[Float[np.ndarray[Any, Any], "4 4"], bool, bool]:
    """Return the affine of a series, whether its steps are known, and whether its place in the patient is.

    Raises
    ------
    SourceError
        The manifest's spacing is none, or the header has another one.
    """
    if spacing_mm is None:
        return stored.affine, stored.spacing_known, stored.placed and stored.spacing_known
    given, told = _parse_spacing(spacing_mm, where), stored.grid.spacing
    agree = bool((np.abs(given / told - 1) <= _SPACING_TOLERANCE).all())
    if stored.spacing_known and not agree:
        raise SourceError(
            where,
            expected=f"the header's spacing in series.csv, {format_spacing(told)} mm, or none",
            got=f"{format_spacing(given)} mm",
            remedy="Empty the cell spacing_mm, or mend the header if it is wrong.",
        )
    affine = stored.affine.copy()
    affine[:3, :3] = stored.grid.directions * given
    return affine, True, stored.placed and agree


def _parse_spacing(text: str, where: str) -> Float[np.ndarray[Any, Any], " 3"]:
    try:
        given = np.array([float(part) for part in text.split(";")])
    except ValueError:
        given = np.empty(0)
    low, high = PLAUSIBLE_SPACING_MM
    if len(given) != 3 or not ((given >= low) & (given <= high)).all():
        raise SourceError(
            where,
            expected=f"spacing_mm as x;y;z, each {low:g} to {high:g} mm",
            got=f"{len(given)} numbers" if len(given) != 3 else format_spacing(given),
            remedy="Mend series.csv.",
        )
    return given


def _decode(stored: StoredVolume, where: str) -> Shaped[np.ndarray[Any, Any], "x y z"]:
    try:
        return stored.read()
    except DECODING_ERRORS as error:
        raise unreadable(where, error) from error
