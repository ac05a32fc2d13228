"""DICOM series on disk for tests, written by pydicom slice by slice, with a person's data in every header."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.extract.volumes.files import LPS_TO_RAS

MR = "1.2.840.10008.5.1.4.1.1.4"
EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
#: Nothing of this may reach a table, an entry, a message or a log.
PERSON = {"PatientName": "Doe^Jane", "PatientID": "MRN-4711", "PatientBirthDate": "19510203"}
SECRETS = ("Doe", "Jane", "MRN-4711", "19510203", "20190817", "2019", "99.88.77", "Dr Acula")

Change = Callable[[int, Any], None]


def write_dicom(
    folder: Path,
    voxels: np.ndarray[Any, Any],
    affine: np.ndarray[Any, Any],
    change: Change | None = None,
    start: int = 1,
    syntax: str = EXPLICIT,
    **tags: Any,
) -> Path:
    """Write a volume (x, y, z; affine to RAS) as one file a slice; `change` may edit each, by its number."""
    pydicom = pytest.importorskip("pydicom", reason="pydicom (extra mri) is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    lps = LPS_TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    cosines = lps[:3, :3] / spacing
    if np.linalg.det(cosines) < 0:  # slices count along the normal in DICOM
        voxels = voxels[:, :, ::-1]
        lps = lps @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, voxels.shape[2] - 1], [0, 0, 0, 1]])
    for number in range(voxels.shape[2]):
        meta = pydicom.dataset.FileMetaDataset()
        meta.TransferSyntaxUID = syntax if syntax != RLE else EXPLICIT
        meta.MediaStorageSOPClassUID = tags.get("SOPClassUID", MR)
        meta.MediaStorageSOPInstanceUID = f"99.88.77.{start + number}"
        image = pydicom.dataset.FileDataset("", {}, file_meta=meta, preamble=bytes(128))
        plain = {
            **PERSON, "SOPClassUID": MR, "SOPInstanceUID": f"99.88.77.{start + number}",
            "StudyInstanceUID": "99.88.77.1", "SeriesInstanceUID": "99.88.77.1.1", "StudyDate": "20190817",
            "AcquisitionDate": "20190817", "AcquisitionTime": "101500.000000", "Modality": "MR",
            "ReferringPhysicianName": "Dr Acula", "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
            "SeriesDescription": "t2_tse_tra Doe", "InstanceNumber": 1 + number,
            "ScanningSequence": "SE", "EchoTime": 101, "RepetitionTime": 4000,
            "ImagePositionPatient": (lps @ [0, 0, number, 1])[:3].tolist(),
            "ImageOrientationPatient": cosines.T[:2].ravel().tolist(),
            "PixelSpacing": [spacing[1], spacing[0]], "SliceThickness": spacing[2],
            "Rows": voxels.shape[1], "Columns": voxels.shape[0], "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
            "PixelRepresentation": int(voxels.dtype.kind == "i"),
        }  # fmt: skip
        for name, value in {**plain, **tags}.items():
            if value is not None:
                setattr(image, name, value)
        image.PixelData = (
            voxels[:, :, number].T.astype("<u2" if voxels.dtype.kind == "u" else "<i2").tobytes()
        )
        image["PixelData"].VR = "OW"
        if change is not None:
            change(number, image)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # lies are written on purpose
            if syntax == RLE:
                image.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
            image.save_as(folder / f"1-{start + number:02d}.dcm", enforce_file_format=False)
    return folder
