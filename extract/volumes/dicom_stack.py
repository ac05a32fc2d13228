"""Slices of one DICOM series as one grid: in order, complete, evenly apart, or refused with the place.

Enters: images of one size and orientation. Leaves: them in the order of their positions along the slice
normal, the affine (RAS), and what is odd. A reader that trusts the number of files makes 18 slices of
3.176 mm of 19 slices of 3 mm with one lost (facts: formats 6). ImagePositionPatient is what counts;
SliceLocation is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.dicom_image import DicomImage
from extract.volumes.stored import VolumeFormatError

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Distances of neighbouring slices may differ by this share; positions may leave their line by this share of
#: a voxel. Headers round to 1e-6 mm; real unevenness begins at a tenth of a millimetre.
_UNEVEN = 0.01
_OFF_LINE = 0.1
#: Slices closer than this (mm) are at one place.
_SAME_PLACE_MM = 1e-3
_SERIES = "slices that are evenly apart and complete"


def stack(
    images: Sequence[DicomImage],
) -> tuple[tuple[DicomImage, ...], Float[np.ndarray[Any, Any], "4 4"], tuple[str, ...]]:
    """Order the images and return them, their affine to RAS mm, and what is odd.

    Raises
    ------
    VolumeFormatError
        One slice; two at one place; a gap; uneven distances; slices that are shifted against each other.
    """
    first = images[0]
    along = np.array([image.position_mm @ first.normal for image in images])
    order = np.argsort(along, kind="stable")
    ordered, places = tuple(images[place] for place in order), along[order]
    if len(ordered) < 2:
        got = f"a single image, {first.path.name}: nothing says how thick it is"
        raise VolumeFormatError(got, _SERIES, "Give the folder of the series, or take the row out.")
    steps = np.diff(places)
    _refuse_duplicates(ordered, steps)
    _refuse_uneven(ordered, steps)
    positions = np.stack([image.position_mm for image in ordered])
    step = (positions[-1] - positions[0]) / (len(ordered) - 1)
    away = positions - (positions[0] + np.arange(len(ordered))[:, None] * step)
    off_mm = float(np.linalg.norm(away, axis=1).max())
    if off_mm > _OFF_LINE * min(first.spacing_mm):
        got = f"slices that leave a straight line by {off_mm:.3g} mm"
        raise VolumeFormatError(got, _SERIES, "Split the series where the patient or table moved.")
    affine = np.eye(4)
    affine[:3, :2] = first.directions * np.array(first.spacing_mm)
    affine[:3, 2], affine[:3, 3] = step, positions[0]
    return ordered, _LPS_TO_RAS @ affine, _doubts(ordered, _usual(steps))


def _refuse_duplicates(ordered: Sequence[DicomImage], steps: Float[np.ndarray[Any, Any], " step"]) -> None:
    doubled = np.flatnonzero(steps < _SAME_PLACE_MM)
    if len(doubled):
        pair = ordered[doubled[0]].path.name, ordered[doubled[0] + 1].path.name
        got = f"{len(doubled)} images at the place of another (such as {pair[0]} and {pair[1]})"
        remedy = "Keep one of the repeated acquisitions, or give the file of the one that is wanted."
        raise VolumeFormatError(got, "one image at each place", remedy)


def _refuse_uneven(ordered: Sequence[DicomImage], steps: Float[np.ndarray[Any, Any], " step"]) -> None:
    usual = _usual(steps)
    odd = np.flatnonzero(np.abs(steps - usual) > _UNEVEN * usual)
    if not len(odd):
        return
    lost = np.rint(steps / usual) - 1
    if (np.abs(steps - (lost + 1) * usual) <= _UNEVEN * usual * (lost + 1)).all() and (lost >= 0).all():
        place = int(odd[0])
        names = ordered[place].path.name, ordered[place + 1].path.name
        got = (
            f"{int(lost.sum())} of {len(ordered) + int(lost.sum())} slices missing: {steps[place]:.4g} mm "
            f"between {names[0]} and {names[1]} where others are {usual:.4g} mm apart"
        )
        raise VolumeFormatError(got, _SERIES, "Fetch the series again.")
    got = f"slices {steps.min():.4g} to {steps.max():.4g} mm apart"
    raise VolumeFormatError(got, _SERIES, "Split the series where the distance changes, or take it out.")


def _usual(steps: Float[np.ndarray[Any, Any], " step"]) -> float:
    """Return the lower median: of a step and one twice as long the shorter is the true one."""
    return float(np.sort(steps)[(len(steps) - 1) // 2])


def _doubts(ordered: Sequence[DicomImage], usual: float) -> tuple[str, ...]:
    """Say where the header's own distance is another; refuse a whole multiple of it.

    Every other slice lost leaves no gap. Some makers write the gap between slices there, which is less than
    their thickness: that proves nothing.
    """
    found = []
    told, thick = (ordered[0].tags.number(name) for name in ("SpacingBetweenSlices", "SliceThickness"))
    if told is not None and abs(abs(told) - usual) > _UNEVEN * usual:
        times = usual / abs(told) if told else 0.0
        whole = times > 2 - _UNEVEN and abs(times - round(times)) <= _UNEVEN * times
        if whole and thick is not None and abs(told) > (1 - _UNEVEN) * thick > 0:
            got = f"slices {usual:.4g} mm apart, {times:.0f} times SpacingBetweenSlices: some are missing"
            raise VolumeFormatError(got, _SERIES, "Fetch the series again.")
        found.append(
            f"SpacingBetweenSlices differs from the positions ({told:.4g}, {usual:.4g} mm); these count"
        )
    return tuple(found)
