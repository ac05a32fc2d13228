"""Volumes of every format that are not what their headers say: sizes, spacings, axes, ends cut off.

Enters: a hostile cohort and a case id. Leaves: the file and its row of series.csv. `LIES` must be refused;
`NOISE` are the same files with bytes of their headers thrown at random, which may be refused or taken.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.trials.bomb_files import mha, nifti_header
from tests.trials.hostile_cohort import HostileCohort

SIZE = (16, 16, 8)
VOXELS = np.random.default_rng(5).integers(900, 1500, SIZE).astype("<i2")
DATA = VOXELS.tobytes(order="F")
BAD_SIDES = ("0", "-1", "nan", "inf", "1e-9", "1e6")
CUTS = (0.05, 0.2, 0.5, 0.8, 0.99)
Writer = Callable[[Path], Path]


@dataclass(frozen=True)
class VolumeLie:
    """`name` says what is wrong; `write` writes it below a stem and returns what series.csv names."""

    name: str
    write: Writer

    def plant(self, cohort: HostileCohort, case: str) -> None:
        """Write the file into the cohort."""
        path = self.write(cohort.file(case))
        cohort.add_study(case, {"t2w": path.relative_to(cohort.raw).as_posix()})


def _mha(stem: Path, packed: bool = False, **fields: object) -> Path:
    path = stem.with_suffix(".mha")
    mha(path, SIZE, zlib.compress(DATA) if packed else DATA, CompressedData=str(packed), **fields)
    return path


def _nifti(stem: Path, packed: bool = False, **fields: object) -> Path:
    path = stem.with_suffix(".nii.gz" if packed else ".nii")
    data = nifti_header(SIZE, **fields) + DATA
    path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
    return path


def _npz(stem: Path, shape: tuple[int, ...] = SIZE[::-1], kind: str = "<i2", name: str = "image") -> Path:
    header = io.BytesIO()
    said = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, said)
    path = stem.with_suffix(".npz")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", header.getvalue() + DATA)
    return path


def _h5(stem: Path, shape: tuple[int, ...] = SIZE[::-1], kind: str = "<i2", name: str = "image") -> Path:
    import h5py

    path = stem.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        if shape == SIZE[::-1]:
            file.create_dataset(name, data=VOXELS.T.astype(kind))
        else:
            chunks = tuple(min(side, 16) for side in shape) if all(shape) else None
            file.create_dataset(name, shape=shape, dtype=kind, chunks=chunks)  # nothing is written
    return path


def dicom_folder(stem: Path, last: bool = False, **tags: Any) -> Path:
    """Write a folder of eight slices; `tags` lie in all of them or in the last alone."""
    import pydicom

    stem.mkdir(parents=True)
    for number in range(SIZE[2]):
        meta = pydicom.dataset.FileMetaDataset()
        meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        image = pydicom.dataset.FileDataset("", {}, file_meta=meta, preamble=bytes(128))
        said = {
            "SOPClassUID": ("UI", meta.MediaStorageSOPClassUID), "StudyInstanceUID": ("UI", "1.2.3"),
            "SeriesInstanceUID": ("UI", "1.2.3.4"), "InstanceNumber": ("IS", number + 1),
            "ImagePositionPatient": ("DS", ["0", "0", str(3 * number)]),
            "ImageOrientationPatient": ("DS", ["1", "0", "0", "0", "1", "0"]),
            "PixelSpacing": ("DS", ["1", "1"]), "Rows": ("US", SIZE[1]), "Columns": ("US", SIZE[0]),
            "SamplesPerPixel": ("US", 1), "PhotometricInterpretation": ("CS", "MONOCHROME2"),
            "BitsAllocated": ("US", 16), "BitsStored": ("US", 16), "HighBit": ("US", 15),
            "PixelRepresentation": ("US", 1), "PixelData": ("OW", DATA[512 * number : 512 * number + 512]),
        }  # fmt: skip
        if not last or number == SIZE[2] - 1:
            said |= tags
        with pydicom.config.disable_value_validation():
            for name, (kind, value) in said.items():
                tag = pydicom.datadict.tag_for_keyword(name)
                text = kind in ("DS", "IS")  # what is no number is written as it stands
                parts = "\\".join(map(str, value if isinstance(value, list) else [value])) if text else value
                image.add(pydicom.DataElement(tag, "LO" if text else kind, parts))
            image.save_as(stem / f"{number}.dcm", enforce_file_format=False)
    return stem


BASES: dict[str, Writer] = {
    "mha": _mha,
    "packed mha": partial(_mha, packed=True),
    "nii": _nifti,
    "nii.gz": partial(_nifti, packed=True),
    "npz": _npz,
    "h5": _h5,
    "dicom": dicom_folder,
}


def _cut(stem: Path, write: Writer, share: float) -> Path:
    """Cut off the end, of the last slice where there are several files."""
    path = write(stem)
    file = path / f"{SIZE[2] - 1}.dcm" if path.is_dir() else path
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    return path


def _flipped(stem: Path, write: Writer, share: float) -> Path:
    """Change one byte among the packed voxels."""
    path = write(stem)
    data = bytearray(path.read_bytes())
    place = int((0.2 + 0.7 * share) * len(data))
    data[place] ^= 0xFF
    path.write_bytes(data)
    return path


def _noisy(stem: Path, write: Writer, seed: int) -> Path:
    """Throw eight bytes of the first 1,000."""
    path = write(stem)
    file = path / "3.dcm" if path.is_dir() else path
    data, generator = bytearray(file.read_bytes()), np.random.default_rng(seed)
    for place in generator.integers(0, min(1000, len(data)), 8):
        data[place] = int(generator.integers(0, 256))
    file.write_bytes(data)
    return path


def _sides(axis: int, value: str, sides: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value if place == axis else side for place, side in enumerate(sides))


def _spacings() -> Iterator[VolumeLie]:
    for value in BAD_SIDES:
        for axis in range(3):
            text = " ".join(_sides(axis, value, ("1", "1", "3")))
            yield VolumeLie(f"mha ElementSpacing {text}", partial(_mha, ElementSpacing=text))
            sides = tuple(float(side) for side in _sides(axis, value, ("1", "1", "3")))
            pixdim = (1.0, *sides, 1.0, 1.0, 1.0, 1.0)
            for name, form in (("pixdim", {"sform": 0}), ("qform", {"sform": 0, "qform": 1})):
                yield VolumeLie(f"nii {name} {text}", partial(_nifti, pixdim=pixdim, **form))
            if value != "-1":  # an axis that runs the other way is no lie of an affine
                rows = tuple(number for row in np.diag(sides) for number in (*row.tolist(), 0.0))
                yield VolumeLie(f"nii.gz sform {text}", partial(_nifti, packed=True, rows=rows))
            if axis < 2:
                both = list(_sides(axis, value, ("1", "1")))
                yield VolumeLie(
                    f"dicom PixelSpacing {both}", partial(dicom_folder, PixelSpacing=("DS", both))
                )


def _sizes() -> Iterator[VolumeLie]:
    texts = ("0 16 8", "16 -1 8", "16 16 1000000", "16 16 9", "16 16 7", "32 16 8",
             "99999999999999999999 1 1", "2147483648 2147483648 8", "1e6 16 8", "nan 16 8", "16 16",
             "16 16 8 2")  # fmt: skip
    for text in texts:
        for packed in (False, True):
            yield VolumeLie(f"mha {packed} DimSize {text}", partial(_mha, packed=packed, DimSize=text))
    dims = ((3, 0, 16, 8), (3, 16, -1, 8), (3, 16, 16, 32767), (3, 32767, 32767, 32767), (3, 16, 16, 9),
            (3, 16, 16, 7), (3, 32, 16, 8), (0, 16, 16, 8), (9, 16, 16, 8))  # fmt: skip
    for dim in dims:
        for packed in (False, True):
            said = (*dim, 1, 1, 1, 1)
            yield VolumeLie(f"nii {packed} dim {dim}", partial(_nifti, packed=packed, dims=said))
    for shape in (
        (10**6, 16, 16),
        (9, 16, 16),
        (7, 16, 16),
        (0, 16, 16),
        (2**31, 2**31, 8),
        (8, 16, 32),
        (2048,),
    ):
        yield VolumeLie(f"npz {shape}", partial(_npz, shape=shape))
    for shape in ((10**6, 16, 16), (2**31, 2**20, 8), (0, 16, 16), (2, 2, 2, 16, 16)):
        yield VolumeLie(f"h5 {shape}", partial(_h5, shape=shape))
    for kind in ("<c8", "S8"):
        yield VolumeLie(f"npz {kind}", partial(_npz, kind=kind))
    yield VolumeLie("h5 without image", partial(_h5, name="picture"))


def _dicoms() -> Iterator[VolumeLie]:
    tags: tuple[tuple[str, str, Any], ...] = (
        ("Rows", "US", 0), ("Rows", "US", 65535), ("Rows", "US", 17), ("Columns", "US", 15),
        ("Columns", "US", 65535), ("BitsAllocated", "US", 32), ("BitsAllocated", "US", 1),
        ("BitsAllocated", "US", 12), ("BitsStored", "US", 8), ("BitsStored", "US", 0), ("HighBit", "US", 3),
        ("SamplesPerPixel", "US", 3), ("NumberOfFrames", "IS", "1000000"), ("NumberOfFrames", "IS", "-4"),
        ("PhotometricInterpretation", "CS", "RGB"), ("RescaleSlope", "DS", "nan"),
        ("RescaleSlope", "DS", "2"),
        ("RescaleIntercept", "DS", "Doe"), ("ImagePositionPatient", "DS", ["0", "0", "nan"]),
        ("ImagePositionPatient", "DS", ["0", "0"]), ("ImagePositionPatient", "DS", ["0", "0", "1e300"]),
        ("ImagePositionPatient", "DS", ["0", "0", "0"]), ("ImagePositionPatient", "DS", ["0", "0", "20"]),
        ("ImagePositionPatient", "DS", ["9", "0", "21"]), ("ImagePositionPatient", "DS", ["0", "0", "24"]),
        ("ImageOrientationPatient", "DS", ["0"] * 6), ("ImageOrientationPatient", "DS", ["nan"] * 6),
        ("ImageOrientationPatient", "DS", ["1", "0", "0", "1", "0", "0"]),
        ("ImageOrientationPatient", "DS", ["0", "1", "0", "1", "0", "0"]), ("PixelData", "OW", b""),
        ("PixelData", "OW", bytes(500)), ("PixelData", "OW", bytes(600)), ("SeriesInstanceUID", "UI", ""),
        ("PixelSpacing", "DS", ["2", "2"]), ("PixelSpacing", "DS", ["one", "one"]),
    )  # fmt: skip
    for name, kind, value in tags:
        yield VolumeLie(
            f"dicom, last of eight: {name} {str(value)[:40]}",
            partial(dicom_folder, last=True, **{name: (kind, value)}),
        )


def _damage() -> Iterator[VolumeLie]:
    for base, write in BASES.items():
        for share in CUTS:
            yield VolumeLie(f"{base} cut at {share}", partial(_cut, write=write, share=share))
    for base in ("packed mha", "nii.gz", "npz"):
        for share in CUTS:
            yield VolumeLie(f"{base} flipped at {share}", partial(_flipped, write=BASES[base], share=share))


LIES = (*_spacings(), *_sizes(), *_dicoms(), *_damage())
TRUTHS = tuple(VolumeLie(base, write) for base, write in BASES.items())
NOISE = tuple(
    VolumeLie(f"{base}, noise {seed}", partial(_noisy, write=write, seed=seed))
    for seed in range(10)
    for base, write in BASES.items()
)
