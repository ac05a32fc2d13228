"""The tags of a DICOM header that Braid looks at, as plain numbers and words.

Enters: a file's bytes. Leaves: `Tags`, which never hold who the patient is. Values are taken for what they
are worth: a number that is none is absent, and whoever needs it refuses the image.
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.stored import VolumeFormatError

#: Names of the standard; all others of a header are left unread.
_STANDARD = (
    "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber", "ImageType", "SeriesDescription",
    "ScanningSequence", "SequenceName", "EchoTime", "DiffusionBValue", "AcquisitionNumber", "AcquisitionDate",
    "AcquisitionTime", "ContentTime", "TriggerTime", "InversionTime", "TemporalPositionIdentifier",
    "SpacingBetweenSlices", "SliceThickness", "PixelSpacing", "ImageOrientationPatient",
    "ImagePositionPatient", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "RescaleSlope", "RescaleIntercept",
)  # fmt: skip
#: Makers' own tags: name -> tag, tag of the block's owner, how the owner's name starts (dcm2niix,
#: nii_dicom.cpp; Siemens, GE and Philips conformance statements).
_PRIVATE = {
    "SiemensBValue": (0x0019100C, 0x00190010, "SIEMENS MR HEADER"),
    "GeBValue": (0x00431039, 0x00430010, "GEMS_PARM_01"),
    "PhilipsBValue": (0x20011003, 0x20010010, "Philips Imaging DD 001"),
    "PhilipsScaleSlope": (0x2005100E, 0x20050010, "Philips MR Imaging DD 001"),
}
_MOST_CHARACTERS = 1024


@dataclass(frozen=True, kw_only=True)
class Tags:
    """Name -> parts of a value as text, an absent one without parts."""

    parts: Mapping[str, tuple[str, ...]]

    @staticmethod
    def read(data: bytes, path: Path) -> Tags:
        """Read the header in a file's bytes up to its voxels; `DECODING_ERRORS` where it is damaged."""
        import pydicom

        owners = [owner for _, owner, _ in _PRIVATE.values()]
        wanted: list[Any] = [*_STANDARD, *owners, *(tag for tag, _, _ in _PRIVATE.values())]
        with decoding(path):
            header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=wanted)
            parts = {name: _parts(header.get(name)) for name in _STANDARD}
            for name, (tag, owner, maker) in _PRIVATE.items():
                if tag in header and owner in header and str(header[owner].value).startswith(maker):
                    parts[name] = _parts(header[tag].value)
        return Tags(parts=parts)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the parts of a value, in capitals."""
        return tuple(part.upper() for part in self.parts.get(name, ()))

    def text(self, name: str) -> str:
        """Return a value as one text, in capitals; empty where it is absent."""
        return "\\".join(self.texts(name))

    def number(self, name: str) -> float | None:
        """Return the first part of a value as a number; None where it is absent or not finite."""
        numbers = _finite(self.parts.get(name, ())[:1])
        return None if not numbers else numbers[0]

    def whole(self, name: str) -> int | None:
        """Return the first part of a value as a whole number."""
        number = self.number(name)
        return None if number is None or number != int(number) else int(number)

    def numbers(self, name: str, count: int) -> Float[np.ndarray[Any, Any], " number"] | None:
        """Return a value of `count` numbers; None where it is absent, of another length or not finite."""
        numbers = _finite(self.parts.get(name, ()))
        return np.array(numbers) if numbers is not None and len(numbers) == count else None


@contextlib.contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Let pydicom read a file: what it would quote of a header is not printed, its errors become ours.

    Raises
    ------
    VolumeFormatError
        In place of those of its errors that are not among `DECODING_ERRORS`.
    """
    from pydicom.config import disable_value_validation, logger
    from pydicom.errors import BytesLengthException, InvalidDicomError

    was = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    except (AttributeError, TypeError, IndexError, BytesLengthException, InvalidDicomError) as error:
        got = f"{path.name}, which cannot be decoded ({type(error).__name__})"
        raise VolumeFormatError(got, "DICOM files that are whole", "Fetch the series again.") from error
    finally:
        logger.disabled = was


def _parts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, bytes):
        if len(value) == 4 and not value.isascii():  # a float of Philips without its representation
            return (str(float(np.frombuffer(value, dtype="<f4")[0])),)
        value = value[:_MOST_CHARACTERS].decode("latin-1").split("\\")
    several = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    parts = (str(part)[:_MOST_CHARACTERS].strip(" \0") for part in several)
    return tuple(part for part in parts if part) if len(several) < 2 else tuple(parts)


def _finite(parts: tuple[str, ...]) -> list[float] | None:
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    return numbers if all(math.isfinite(number) for number in numbers) else None
