"""Series over time that are not what they say: points that no file holds, times that stand still or go back.

Enters: a hostile cohort whose recipe reads DCE, and a case id. Leaves: the file, its times where they lie
beside it, and its row of series.csv. `TIME_LIES` must be refused, `TIME_TRUTHS` taken.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tests.trials.bomb_files import mha, nifti_header
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.volume_lies import Writer, dicom_folder

SIZE, POINTS = (16, 16, 8), 4
DATA = np.random.default_rng(6).integers(900, 1500, (*SIZE, POINTS)).astype("<i2").tobytes(order="F")
SHAPE = (POINTS, *SIZE[::-1])
TIMES = [8.0, 12.2, 16.4, 20.6]


@dataclass(frozen=True)
class TimedLie:
    """`times` is the text of the file of times, None where the row names none."""

    name: str
    write: Writer
    times: str | None

    def plant(self, cohort: HostileCohort, case: str) -> None:
        """Write the files into the cohort."""
        path = self.write(cohort.file(case))
        cohort.add_study(case, {"dce": path.relative_to(cohort.raw).as_posix()})
        if self.times is not None:
            times = cohort.file(f"{case}_times.json")
            times.write_text(self.times, encoding="utf-8")
            cohort.times[case] = times.relative_to(cohort.raw).as_posix()


def _nifti(stem: Path, packed: bool = False, step: float = 4.2, **fields: object) -> Path:
    path = stem.with_suffix(".nii.gz" if packed else ".nii")
    fields = {"pixdim": (1.0, 1.0, 1.0, 3.0, step, 1.0, 1.0, 1.0), **fields}
    header = bytearray(nifti_header((*SIZE, POINTS), **fields))
    header[123] = 2 + 8  # mm and seconds
    path.write_bytes(gzip.compress(bytes(header) + DATA, mtime=0) if packed else bytes(header) + DATA)
    return path


def _mha(stem: Path, points: object = POINTS) -> Path:
    path = stem.with_suffix(".mha")
    sides = " ".join(map(str, SIZE))
    turn = " ".join(str(float(number)) for number in np.eye(4).ravel())
    said = {"NDims": 4, "TransformMatrix": turn, "Offset": "0 0 0 0", "ElementSpacing": "1 1 3 1"}
    mha(path, SIZE, DATA, DimSize=f"{sides} {points}", **said)
    return path


def _npz(stem: Path, shape: tuple[int, ...] = SHAPE) -> Path:
    header = io.BytesIO()
    said = {"descr": "<i2", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, said)
    path = stem.with_suffix(".npz")
    voxels = np.frombuffer(DATA, "<i2").reshape((*SIZE, POINTS), order="F").T.tobytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", header.getvalue() + voxels)
    return path


def _h5(stem: Path, shape: tuple[int, ...]) -> Path:
    import h5py

    path = stem.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        chunks = tuple(min(side, 16) for side in shape) if all(shape) else None
        file.create_dataset("image", shape=shape, dtype="<i2", chunks=chunks)  # nothing is written
    return path


def _dicom(stem: Path, lost: str | None = None, **tags: object) -> Path:
    """Write two points of eight slices into one folder; `lost` is a file that is taken away."""
    for point in range(2):
        part = dicom_folder(stem / f"p{point}", TriggerTime=("DS", str(8000 + 4200 * point)), **tags)
        for file in sorted(part.iterdir()):
            file.rename(stem / f"{point}_{file.name}")
        part.rmdir()
    if lost is not None:
        (stem / lost).unlink()
    return stem


def _slice_by_slice(stem: Path) -> Path:
    """Write points whose every slice is a series of its own: of a heart a cine, of a contrast agent a lie."""
    import pydicom

    for file in sorted(_dicom(stem).iterdir()):
        image = pydicom.dcmread(file)
        image.SeriesInstanceUID = f"1.2.3.{10 + int(file.stem.partition('_')[2])}"
        image.save_as(file, enforce_file_format=False)
    return stem


def _listed(times: object) -> str:
    return json.dumps({"time_s": times})


def _points() -> Iterator[TimedLie]:
    told = _listed(TIMES)
    for points in (0, -1, 3, 5, 32767):
        for packed in (False, True):
            write = partial(_nifti, packed=packed, dims=(4, *SIZE, points, 1, 1, 1))
            yield TimedLie(f"nii {packed} {points} points", write, told)
    yield TimedLie("nii, a fifth axis", partial(_nifti, dims=(5, *SIZE, 2, 2, 1, 1)), told)
    for text in ("0", "-1", "1000000", "3", "99999999999999999999"):
        yield TimedLie(f"mha {text} points", partial(_mha, points=text), told)
    for count in (10**6, 0, 3, 2**40):
        yield TimedLie(f"npz {count} points", partial(_npz, shape=(count, *SHAPE[1:])), told)
    for count in (10**6, 2**40, 0):
        yield TimedLie(f"h5 {count} points", partial(_h5, shape=(count, *SHAPE[1:])), told)
    yield TimedLie("dicom, a slice of a point lost", partial(_dicom, lost="1_4.dcm"), None)
    yield TimedLie("dicom, a point lost", partial(dicom_folder, TriggerTime=("DS", "8000")), None)
    yield TimedLie("dicom, a contrast agent slice by slice", _slice_by_slice, None)
    yield TimedLie("dicom, points that are no time", partial(_dicom, Rows=("US", 17)), None)


def _times() -> Iterator[TimedLie]:
    nan = float("nan")
    for step in (nan, float("inf"), -4.2, 0.0, 1.0, 1e9, 1e-9):
        yield TimedLie(f"nii pixdim[4] {step}", partial(_nifti, step=step), None)
    yield TimedLie("npz without times", _npz, None)
    lists: tuple[object, ...] = (
        [8.0, nan, 16.4, 20.6], [nan] * 4, [8.0, 12.2, float("inf"), 20.6], [20.6, 16.4, 12.2, 8.0],
        [8.0, 16.4, 12.2, 20.6], [8.0] * 4, [8.0, 12.2, 12.2, 20.6], TIMES[:3], [*TIMES, 24.8], [],
        [8000.0, 12200.0, 16400.0, 20600.0], [1e308, -1e308, 0, 1], ["8", "12", "16", "20"], [TIMES], 4.2,
        None,
    )  # fmt: skip
    for times in lists:
        yield TimedLie(f"times {str(times)[:50]}", _nifti, _listed(times))
    for text in ("", "{", "[" * 200_000, '{"time_s": [1' + "0" * 5000 + "]}", "8.0,12.2,16.4,20.6"):
        yield TimedLie(f"times {text[:20]} of {len(text)}", _nifti, text)
    yield TimedLie("a megabyte of times", _nifti, _listed([0.1 * number for number in range(300_000)]))


TIME_LIES = (*_points(), *_times())
TIME_TRUTHS = (
    TimedLie("nii over time", _nifti, None),
    TimedLie("nii.gz over time", partial(_nifti, packed=True), _listed(TIMES)),
    TimedLie("mha over time", _mha, _listed(TIMES)),
    TimedLie("npz over time", _npz, _listed(TIMES)),
    TimedLie("dicom over time", _dicom, None),
)
