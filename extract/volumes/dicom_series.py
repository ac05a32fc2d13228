"""One DICOM series as a volume: its slices' voxels one after the other, scaled as all of them say.

Enters: the images of one series. Leaves: a `StoredVolume`. One slope and one intercept hold for all slices,
or the series is refused: voxels of different scales look alike and are not.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from extract.volumes.dicom_image import NATIVE, DicomImage, read_bytes
from extract.volumes.dicom_stack import stack
from extract.volumes.dicom_tags import decoding
from extract.volumes.stored import StoredVolume, VolumeFormatError
from feature_cache.canonical import Json

_AGAIN = "Fetch the series again."
#: Scales that differ by less are rounding of the header's decimal texts.
_SAME_SCALE = 1e-6


@dataclass(frozen=True, kw_only=True)
class DicomSeries(StoredVolume):
    """Slices in order; stored numbers times `slope` plus `intercept` are the values.

    `described` says by which rule the series was chosen, and its b-value.
    """

    images: tuple[DicomImage, ...]
    slope: float
    intercept: float
    choice: dict[str, Json]

    @property
    def spacing_known(self) -> bool:
        """Always: 1 x 1 x 1 mm is a spacing in DICOM, where a series without one is refused."""
        return True

    @property
    def held_bytes(self) -> int:
        """How many bytes the files of the series have."""
        return sum(image.path.stat().st_size for image in self.images)

    @property
    def described(self) -> dict[str, Json]:
        """See `StoredVolume.described`."""
        return {"dicom": {"images": len(self.images), **self.choice}}

    def read_points(self) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        """Yield the voxels; see `StoredVolume.read_points`."""
        slices = [_voxels(image) for image in self.images]
        voxels = np.stack(slices, axis=2)
        plain = (self.slope, self.intercept) == (1.0, 0.0)
        yield voxels if plain else voxels.astype(np.float64) * self.slope + self.intercept


def series_of(
    images: Sequence[DicomImage], path: Path, choice: dict[str, Json], doubts: tuple[str, ...] = ()
) -> DicomSeries:
    """Return the images of one series as a volume.

    Parameters
    ----------
    images
        Of one size, orientation and kind, in any order.
    path
        What series.csv has.
    choice, doubts
        How the series was chosen, and what was odd about that.

    Raises
    ------
    VolumeFormatError
        See `stack`; voxels of different types or scales.
    """
    ordered, affine, odd = stack(images)
    types = {image.dtype for image in ordered}
    if len(types) > 1:
        got = f"voxels as {', '.join(sorted(one.name for one in types))}"
        raise VolumeFormatError(got, "one type of voxels in all slices", _AGAIN)
    slope, intercept, scaled = _scale(ordered)
    columns, rows = ordered[0].size
    return DicomSeries(
        path=path,
        shape=(columns, rows, len(ordered)),
        dtype=ordered[0].dtype,
        affine=affine,
        geometry_fields="ImagePositionPatient, ImageOrientationPatient, PixelSpacing",
        placed=True,
        packed=True,
        warnings=(*odd, *scaled, *doubts),
        images=ordered,
        slope=slope,
        intercept=intercept,
        choice=choice,
    )


def _scale(images: Sequence[DicomImage]) -> tuple[float, float, tuple[str, ...]]:
    """Return slope and intercept of all slices, and a warning where Philips keeps another scale beside.

    Philips' own values are the public ones divided by RescaleSlope x ScaleSlope (Chenevert 2014, Transl
    Oncol 7:65): where that is one number for all slices both agree but for a factor.
    """
    slope, intercept = _one(images, "RescaleSlope", 1.0), _one(images, "RescaleIntercept", 0.0)
    if slope == 0:
        raise VolumeFormatError("a RescaleSlope of 0", "a slope that leaves values apart", _AGAIN)
    private = _one(images, "PhilipsScaleSlope", math.nan)
    if math.isnan(private):
        return slope, intercept, ()
    if private <= 0:
        got = "a Philips scale slope that is not above 0"
        raise VolumeFormatError(got, "public and private scale that agree", _AGAIN)
    factor = slope * private
    if abs(factor - 1) <= _SAME_SCALE:
        return slope, intercept, ()
    return slope, intercept, (f"Philips' own scale differs (by a factor of {factor:.4g}); the public counts",)


def _one(images: Sequence[DicomImage], name: str, absent: float) -> float:
    """Return the value that a tag has in all slices; `VolumeFormatError` where it has several."""
    found: set[float] = set()
    lacking = sum(not image.tags.parts.get(name) for image in images)
    for image in images:
        number = image.tags.number(name)
        if number is not None:
            found.add(number)
        elif image.tags.parts.get(name):
            raise VolumeFormatError(f"a {name} that is no finite number", "a scale in numbers", _AGAIN)
    if not found:
        return absent
    apart = max(found) - min(found) > _SAME_SCALE * max(abs(number) for number in found)
    if apart or lacking:
        got = f"{len(found) + bool(lacking)} different values of {name} in {len(images)} slices"
        remedy = "Export the series with one scale for all slices, or convert it with a tool that knows it."
        raise VolumeFormatError(got, "one scale for all slices", remedy)
    return max(found)


def _voxels(image: DicomImage) -> Shaped[np.ndarray[Any, Any], "x y"]:
    stored = _decode(image)
    _refuse_beyond(stored, image)
    return stored.T.astype(image.dtype.newbyteorder("="), copy=False)


def _decode(image: DicomImage) -> Shaped[np.ndarray[Any, Any], "y x"]:
    import pydicom

    columns, rows = image.size
    with decoding(image.path):
        dataset = pydicom.dcmread(io.BytesIO(read_bytes(image.path)))
        if image.syntax in NATIVE:
            data = dataset.get("PixelData") or b""
            expected = columns * rows * image.dtype.itemsize
            if len(data) not in (expected, expected + expected % 2):
                got = f"{len(data):,} bytes of voxels in {image.path.name}"
                raise VolumeFormatError(got, f"{expected:,} of them ({columns} x {rows})", _AGAIN)
            voxels = np.frombuffer(data[:expected], dtype=image.dtype).reshape(rows, columns)
        else:
            voxels = dataset.pixel_array
    if voxels.shape != (rows, columns) or voxels.dtype.itemsize != image.dtype.itemsize:
        raise VolumeFormatError(f"voxels that are not {columns} x {rows}", "what the header says", _AGAIN)
    return voxels


def _refuse_beyond(voxels: Shaped[np.ndarray[Any, Any], "y x"], image: DicomImage) -> None:
    """Refuse values that do not fit into the bits that the header says they have."""
    told = image.tags.whole("BitsStored")
    bits = 8 * image.dtype.itemsize if told is None else told
    high, signed = image.tags.whole("HighBit"), image.dtype.kind == "i"
    if not 1 <= bits <= 8 * image.dtype.itemsize or high not in (None, bits - 1):
        got = f"BitsStored {bits} and HighBit {high} in {image.path.name}"
        raise VolumeFormatError(got, "bits that BitsAllocated can hold, the lowest first", _AGAIN)
    low, top = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if voxels.min() < low or voxels.max() > top:
        got = f"values beyond {bits} bits in {image.path.name}"
        remedy = "Remove overlays from the voxels, or export the series again."
        raise VolumeFormatError(got, f"values of {low:,} to {top:,} (BitsStored)", remedy)
