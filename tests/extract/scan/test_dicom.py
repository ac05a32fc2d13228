"""DICOM in the folders of cases: rows with sequences, what is refused named, and nobody's name anywhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.check.volumes import volume_problems
from extract.scan import scan
from extract.scan.drafting import ScanReport
from feature_cache.cohort import Cohort, inspect_cohort
from tests.extract.volumes.dicom_writer import SECRETS, write_dicom
from tests.extract.volumes.files import grid_of, write_nifti

pydicom = pytest.importorskip("pydicom", reason="pydicom (extra mri) is not installed")
GRID = grid_of((5, 4, 4), (0.5, 0.7, 3.0), (4, 18.5, 2))
VOXELS = np.arange(80, dtype=np.uint16).reshape(GRID.size)
EP: dict[str, Any] = {"ScanningSequence": "EP", "ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION"]}
ADC: dict[str, Any] = {"ScanningSequence": "EP", "ImageType": ["DERIVED", "PRIMARY", "ADC"]}


def add(folder: Path, number: int, **tags: Any) -> Path:
    more = {"SeriesInstanceUID": f"99.88.77.1.{number}"} | tags
    return write_dicom(folder, VOXELS, GRID.affine, start=1 + 100 * number, **more)


def found(root: Path, manifests: Path) -> tuple[ScanReport, Cohort]:
    report = scan("folder", root, "mine", manifests)
    cohort, _ = inspect_cohort(report.folder)
    tables = "".join(path.read_text(encoding="utf-8") for path in report.folder.iterdir())
    assert not [secret for secret in SECRETS if secret in tables + report.describe()]
    return report, cohort


def test_a_study_becomes_rows_that_check_accepts(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    add(root / "c1/dicom/s1", 1)
    add(root / "c1/dicom/s2", 2, **ADC)
    add(root / "c1/dicom/s3", 3, **EP, DiffusionBValue=1400)
    add(root / "c1/dicom/s3", 4, **EP, DiffusionBValue=50)
    write_nifti(root / "c1/gland_mask.nii.gz", (VOXELS > 9).astype(np.uint8), GRID.affine)
    report, cohort = found(root, tmp_path)
    assert [(row.study_id, row.series_id, row.sequence, row.day, row.path) for row in cohort.series] == [
        ("study", name, name, None, "c1/dicom") for name in ("t2w", "adc", "hbv")
    ]
    assert [row.study_id for row in cohort.masks] == ["study"]
    assert [row.where for row in report.warnings if "DICOM" in row.where] == ["1 DICOM series dwi_b50"]
    assert not report.fails
    problems = [one for one in volume_problems(cohort, root) if one.fails]
    assert problems == []


def test_studies_are_told_apart_and_ordered_in_time(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    add(root / "c1/a", 1, StudyInstanceUID="99.88.77.9", AcquisitionDate="20200101")
    add(root / "c1/b", 2)
    add(root / "c2/mixed", 3, StudyInstanceUID="99.88.77.9", AcquisitionDate="20200101")
    add(root / "c2/mixed", 4)
    _, cohort = found(root, tmp_path)
    assert [(row.study_id, row.path) for row in cohort.series] == [
        ("study_1", "c1/b"), ("study_2", "c1/a"),
        ("study_1", "c2/mixed/1-401.dcm"), ("study_2", "c2/mixed/1-301.dcm"),
    ]  # fmt: skip


def test_what_cannot_be_taken_is_a_fault_and_the_rest_is_written(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    (add(root / "c1", 1) / "1-102.dcm").unlink()
    add(root / "c1", 2, **ADC)
    add(root / "c2", 3, NumberOfFrames=3)
    add(root / "c3", 4)
    cut = root / "c3/1-401.dcm"
    cut.write_bytes(cut.read_bytes()[:300])
    add(root / "c4", 5)
    add(root / "c4", 6)
    report, cohort = found(root, tmp_path)
    assert [(row.case_id, row.sequence) for row in cohort.series] == [("c1", "adc")]
    faults = {row.where: row.got for row in report.warnings if row.fails}
    gap = "1 of 4 slices missing: 6 mm between 1-101.dcm and 1-103.dcm where others are 3 mm apart"
    assert faults["case c1, study, DICOM t2w"] == gap
    assert faults["case c2, DICOM"] == "3 frames in 1-301.dcm"
    assert "1-401.dcm" in faults["case c3, DICOM"]
    assert faults["case c4, study, DICOM t2w"] == "2 of t2w, and nothing in their headers that chooses"
    assert report.fails
    assert not [row.where for row in report.warnings if "DICOM series" in row.where]


def test_a_cine_of_single_slices_is_a_row_and_what_lies_beside_it_is_named(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    for number in range(13):
        frame, place = number % 4, number // 4  # three slices, and one image alone
        affine = GRID.affine.copy()
        affine[:3, 3] += place * affine[:3, 2]
        tags = {"SeriesInstanceUID": f"99.88.77.1.{place}", "TriggerTime": 40 * frame, "EchoTime": 1.4}
        write_dicom(root / f"c1/{place}", VOXELS[:, :, :1], affine, start=1 + number, **tags)
    report, cohort = found(root, tmp_path)
    assert [(row.sequence, row.path) for row in cohort.series] == [("cine", "c1")]
    assert [row.where for row in report.warnings if "DICOM" in row.where] == ["1 DICOM series short_echo"]
    assert [one for one in volume_problems(cohort, root) if one.fails] == []


def test_a_cine_among_images_of_another_study_is_a_fault(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    add(root / "c1", 9, StudyInstanceUID="99.88.77.9")
    for place in range(3):
        affine = GRID.affine.copy()
        affine[:3, 3] += place * affine[:3, 2]
        for frame in range(4):
            tags = {"SeriesInstanceUID": f"99.88.77.1.{place}", "TriggerTime": 40 * frame, "EchoTime": 1.4}
            write_dicom(root / "c1", VOXELS[:, :, :1], affine, start=1 + 10 * place + frame, **tags)
    report, cohort = found(root, tmp_path)
    assert "cine" not in [row.sequence for row in cohort.series]
    assert [row.got for row in report.warnings if row.fails and "cine" in row.where] == [
        "one among those of another study"
    ]


def test_slices_that_were_taken_twice_are_no_cine(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    for place in range(3):
        affine = GRID.affine.copy()
        affine[:3, 3] += place * affine[:3, 2]
        for again in range(2):  # late enhancement: both in the same moment of the beat
            tags = {"SeriesInstanceUID": f"99.88.77.1.{place}", "TriggerTime": 600, "EchoTime": 1.4}
            tags |= {"AcquisitionTime": f"1015{10 * again:02d}", "InstanceNumber": 1 + again}
            write_dicom(root / f"c1/{place}", VOXELS[:, :, :1], affine, start=1 + 10 * place + again, **tags)
    report, cohort = found(root, tmp_path)
    assert list(cohort.series) == []
    assert [row.where for row in report.warnings if "DICOM" in row.where] == [
        "3 DICOM series series_of_2_time_points"
    ]


def test_a_cine_with_a_slice_lost_is_a_fault(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    for place in (0, 1, 3):
        affine = GRID.affine.copy()
        affine[:3, 3] += place * affine[:3, 2]
        for frame in range(4):
            tags = {"SeriesInstanceUID": f"99.88.77.1.{place}", "TriggerTime": 40 * frame, "EchoTime": 1.4}
            write_dicom(root / f"c1/{place}", VOXELS[:, :, :1], affine, start=1 + 10 * place + frame, **tags)
    report, cohort = found(root, tmp_path)
    assert list(cohort.series) == []
    (fault,) = [row for row in report.warnings if row.fails]
    assert fault.where == "case c1, study, DICOM cine"
    assert "1 of 4 slices missing" in fault.got


def test_the_real_study(shared_data: Path, tmp_path: Path) -> None:
    """Calculated high b-value, and three measured ones in one series of the scanner: one row."""
    source = shared_data / "volumes/prostatex/dicom_pitfalls"
    for name in ("hbv_complete_19files", "dwi_3bvalues_57files"):
        shutil.copytree(source / f"ProstateX-0000_{name}", tmp_path / f"raw/c1/{name}")
    report, cohort = found(tmp_path / "raw", tmp_path)
    assert [(row.sequence, row.path) for row in cohort.series] == [("hbv", "c1")]
    assert [row.where for row in report.warnings if "DICOM" in row.where] == [
        f"1 DICOM series dwi_b{b}" for b in (400, 50, 800)
    ]
    written = "".join(path.read_text(encoding="utf-8") for path in report.folder.iterdir())
    assert "ProstateX" not in written + report.describe()
