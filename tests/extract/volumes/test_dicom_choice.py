"""Which series a folder of a whole study stands for: rules on what headers show, wherever the files lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.volumes.dicom_diffusion import diffusion_of
from extract.volumes.dicom_series import DicomSeries
from extract.volumes.dicom_tags import Tags
from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_volume
from extract.volumes.reader import read_series
from feature_cache.errors import SourceError
from tests.extract.volumes.dicom_writer import SECRETS, Change, write_dicom
from tests.extract.volumes.files import grid_of, write_nifti
from tests.extract.volumes.studies import EPI, PROSTATE, T2W, build, cohort_of, gland, paint, series

pydicom = pytest.importorskip("pydicom", reason="pydicom (extra mri) is not installed")
GRID = grid_of((5, 4, 3), (0.5, 0.7, 3.0), (4, 18.5, 2))
DIFFUSION: dict[str, Any] = {"ScanningSequence": "EP", "ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION"]}
ADC: dict[str, Any] = {"ScanningSequence": "EP", "ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}
CALCULATED: dict[str, Any] = {**DIFFUSION, "SeriesDescription": "ep2d_CALC_BVAL"}


class Study:
    """A folder that series are added to, each with a value of its own in all voxels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0

    def add(self, grid: VoxelGrid = GRID, change: Change | None = None, **tags: Any) -> int:
        """Add a series and return the value of its voxels."""
        self.number += 1
        more = {"SeriesInstanceUID": f"99.88.77.1.{self.number}"} | tags
        start = 1 + 100 * self.number
        voxels = np.full(grid.size, self.number, np.uint16)
        write_dicom(self.folder, voxels, grid.affine, change, start=start, **more)
        return self.number

    def open(self, sequence: str, *masks: VoxelGrid) -> DicomSeries:
        opened = open_volume(self.folder, "w", sequence=sequence, masks=masks)
        assert isinstance(opened, DicomSeries)
        return opened

    def chosen(self, sequence: str, *masks: VoxelGrid) -> int:
        (value,) = np.unique(read_series(self.open(sequence, *masks), "w").voxels)
        return int(value)

    def refusal(self, sequence: str) -> str:
        with pytest.raises(SourceError) as caught:
            self.open(sequence)
        assert not [secret for secret in SECRETS if secret in str(caught.value)]
        return caught.value.got


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path / "study")


def b(value: float) -> dict[str, Any]:
    return {**DIFFUSION, "DiffusionBValue": value}


SAGITTAL = grid_of((5, 4, 3), (0.5, 0.7, 3.0), (0, 90, 0))


def test_t2w_adc_and_hbv_of_a_whole_study(study: Study) -> None:
    t2w = study.add()
    study.add(EchoTime=12)  # proton density
    study.add(SAGITTAL)
    study.add(ScanningSequence=["SE", "IR"])
    adc = study.add(**ADC)
    study.add(**{**ADC, "ImageType": ["DERIVED", "PRIMARY", "EADC"], "SeriesDescription": "exp. map"})
    study.add(**b(800))
    hbv = study.add(**b(1400))
    assert [study.chosen(name) for name in ("t2w", "adc", "hbv")] == [t2w, adc, hbv]
    told = study.open("hbv").choice
    assert (told["rule"], told["b_value"], told["b_value_from"], told["calculated"]) == (
        "measured, the lowest b of 1400 or more", 1400, "DiffusionBValue", False,
    )  # fmt: skip
    assert study.open("t2w").choice["rule"] == "the only t2w of 8 series by their headers"
    assert study.refusal("dce").startswith("8 series by their content (t2w, short_echo, t2w_")


@pytest.mark.parametrize(
    ("found", "chosen", "calculated"),
    [
        ([b(2000), b(1500), b(800), CALCULATED], 2, False),
        ([b(800), CALCULATED], 2, True),
        ([{**b(1500), **{"SeriesDescription": "CALC_BVAL"}}, b(1399)], 1, True),
    ],
)
def test_high_b_is_measured_before_calculated(
    study: Study, found: list[dict[str, Any]], chosen: int, calculated: bool
) -> None:
    for tags in found:
        study.add(**tags)
    assert study.chosen("hbv") == chosen
    assert study.open("hbv").choice["calculated"] is calculated


def test_without_a_high_b_there_is_no_hbv(study: Study) -> None:
    study.add(**b(50))
    study.add(**b(1399))
    assert study.refusal("hbv") == "2 series by their content (dwi_b50, dwi_b1399), none of them hbv"


def test_the_later_of_two_t2w_counts(study: Study) -> None:
    late = study.add(AcquisitionTime="103000")
    study.add(AcquisitionTime="101500.5")
    assert study.chosen("t2w") == late
    assert study.open("t2w").choice["rule"] == "of 2 t2w the latest"
    same_time = study.add(AcquisitionTime="103000")
    assert same_time and study.refusal("t2w") == "3 of t2w, and nothing in their headers that chooses"


def test_a_mask_says_which_of_two_t2w_it_was_drawn_on(study: Study) -> None:
    shifted = GRID.affine.copy()
    shifted[:3, 3] += (0, 0, 4)
    first = study.add(AcquisitionTime="101500")
    later = study.add(VoxelGrid(size=GRID.size, affine=shifted), AcquisitionTime="103000")
    assert study.chosen("t2w") == later
    assert study.chosen("t2w", GRID) == first
    assert study.open("t2w", GRID).choice["rule"] == "of 2 t2w the one that a mask was drawn on"


def test_the_real_repeated_t2w_are_told_apart_by_time(shared_data: Path, study: Study) -> None:
    """Their grids are identical: no mask can tell, and the labels belong to the later one."""
    folder = shared_data / "volumes/prostatex/ProstateX-0001"
    stored = {
        name: open_volume(folder / f"ProstateX-0001_{name}.nii.gz", name)
        for name in ("t2w", "t2w_first_repeat")
    }
    voxels = {name: one.read()[::8, ::8] for name, one in stored.items()}
    affine = stored["t2w"].affine @ np.diag([8, 8, 1, 1])
    for start, (name, time) in enumerate((("t2w", "113000"), ("t2w_first_repeat", "111500"))):
        uid = f"99.88.77.1.{start}"
        write_dicom(
            study.folder, voxels[name].astype(np.uint16), affine, start=1 + 100 * start,
            AcquisitionTime=time, SeriesInstanceUID=uid,
        )  # fmt: skip
    mask = VoxelGrid(size=voxels["t2w"].shape, affine=affine)
    read = read_series(study.open("t2w", mask), "w").voxels
    assert (read == voxels["t2w"]).all() != (read == voxels["t2w_first_repeat"]).all()


def test_two_adc_maps_have_no_rule(study: Study) -> None:
    study.add(**ADC)
    study.add(**ADC, AcquisitionTime="120000")
    assert study.refusal("adc") == "2 of adc, and nothing in their headers that chooses"
    assert open_volume(study.folder / "1-201.dcm", "w", sequence="adc").warnings == ()


def test_what_a_row_calls_it_against_what_it_is(study: Study) -> None:
    study.add(**ADC)
    assert study.open("t2w").warnings == (
        "called t2w in series.csv, by its headers it is another kind (adc)",
    )


@pytest.mark.parametrize("tag", ["TriggerTime", "AcquisitionTime", "TemporalPositionIdentifier"])
def test_time_points_are_counted_not_stacked(study: Study, tag: str) -> None:
    for point in range(70):
        time = f"10{point // 60:02d}{point % 60:02d}" if tag == "AcquisitionTime" else str(point)
        study.add(SeriesInstanceUID="99.88.77.1.1", **{tag: time, "ScanningSequence": "GR"})
    assert study.refusal("dce") == f"70 time points (told apart by {tag})"
    one = open_volume(study.folder / "1-701.dcm", "w", sequence="dce")
    assert one.shape == GRID.size
    assert one.warnings[0] == f"one of several time points (70, told apart by {tag})"
    assert (read_series(one, "w").voxels == 7).all()


def test_time_points_of_which_one_is_cut_short_are_no_time_points(study: Study) -> None:
    for point in range(3):
        study.add(SeriesInstanceUID="99.88.77.1.1", TriggerTime=str(point))
    (study.folder / "1-103.dcm").unlink()
    assert study.refusal("t2w").startswith("5 images at the place of another")


def test_echoes_of_one_series_are_not_mixed(study: Study) -> None:
    for echo in (80, 100):
        study.add(SeriesInstanceUID="99.88.77.1.1", EchoTime=echo)
    assert study.refusal("t2w") == "2 of t2w in one series, of other echoes, image types or times"


def test_a_localiser_is_no_t2w(study: Study) -> None:
    t2w = study.add(AcquisitionTime="101500")
    for grid in (GRID, SAGITTAL):
        study.add(grid, SeriesInstanceUID="99.88.77.1.9", AcquisitionTime="120000")
    assert study.chosen("t2w") == t2w
    with pytest.raises(SourceError, match="a series whose images are turned"):
        open_volume(study.folder / "1-201.dcm", "w", sequence="t2w")


def test_images_of_two_studies_are_refused(study: Study) -> None:
    study.add()
    study.add(StudyInstanceUID="99.88.77.2")
    assert study.refusal("t2w") == "images of 2 studies"


def test_a_series_goes_by_content_not_by_folder(study: Study) -> None:
    """As exports of a PACS: so many files to a folder, whatever they belong to."""
    t2w, hbv = study.add(), study.add(**b(1400))
    for number, path in enumerate(sorted(study.folder.glob("*.dcm"))):
        place = study.folder / f"A{number % 4}"
        place.mkdir(exist_ok=True)
        path.rename(place / f"I{number}")
    assert [study.chosen(name) for name in ("t2w", "hbv")] == [t2w, hbv]
    assert study.open("t2w").shape == GRID.size


def test_a_bad_image_spoils_its_own_series_alone(study: Study) -> None:
    study.add()
    adc = study.add(**ADC)
    study.add(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"], SeriesInstanceUID="99.88.77.1.1")
    assert study.chosen("adc") == adc
    assert study.refusal("t2w").startswith("a mosaic: all slices as tiles of one image")


@pytest.mark.parametrize(
    ("parts", "b_value", "source"),
    [
        ({"DiffusionBValue": ("800",), "SiemensBValue": ("50",)}, 800, "DiffusionBValue"),
        ({"SiemensBValue": ("800 ",)}, 800, "SiemensBValue"),
        ({"GeBValue": ("1000000050", "8", "0", "0")}, 50, "GeBValue"),
        ({"GeBValue": ("1400", "0")}, 1400, "GeBValue"),
        ({"PhilipsBValue": ("1500.0",)}, 1500, "PhilipsBValue"),
        ({"SequenceName": ("*ep_b1400t",)}, 1400, "SequenceName"),
        ({"SequenceName": ("*ep_b50_800",), "SeriesDescription": ("CALC_BVAL",)}, None, None),
        ({"DiffusionBValue": ("0",), "ScanningSequence": ("SE",)}, None, None),
        ({"DiffusionBValue": ("0",), "ScanningSequence": ("EP",)}, 0, "DiffusionBValue"),
        ({"DiffusionBValue": ("nan",)}, None, None),
        ({"ImageType": ("DERIVED", "ADC"), "SiemensBValue": ("50",)}, None, None),
    ],
)
def test_b_values_of_all_makers(parts: dict[str, tuple[str, ...]], b_value: float, source: str) -> None:
    found = diffusion_of(Tags(parts=parts))
    assert (found.b_value, found.source) == (b_value, source)


@pytest.mark.parametrize(
    ("block", "owner", "element", "kind", "value", "expected"),
    [
        (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", 1400, "hbv"),
        (0x0043, "GEMS_PARM_01", 0x39, "IS", [1000000800, 8, 0, 0], "dwi_b800"),
        (0x2001, "Philips Imaging DD 001", 0x03, "FL", 1500.0, "hbv"),
        (0x0019, "SOMEBODY ELSE", 0x0C, "IS", 1400, "other"),
    ],
)
def test_private_tags_as_they_stand_in_files(
    study: Study, block: int, owner: str, element: int, kind: str, value: Any, expected: str
) -> None:
    def own(number: int, image: Any) -> None:
        image.private_block(block, owner, create=True).add_new(element, kind, value)

    study.add(change=own, **DIFFUSION)
    assert study.open("dwi").choice["kind"] == expected


def test_a_study_of_one_folder_becomes_an_entry(tmp_path: Path) -> None:
    """Three rows with one path; the mask lies on the first of two T2W: the entry is the NIfTI files'."""
    nifti, dicom = tmp_path / "nifti", tmp_path / "dicom/study"
    nifti.mkdir()
    shifted = T2W.affine.copy()
    shifted[:3, 3] += (0, 0, 6)
    of = {"t2w": (T2W, 500, 200, {}), "adc": (EPI, 1400, 900, ADC), "hbv": (EPI, 60, 20, b(1400))}
    for number, (name, (grid, inside, around, tags)) in enumerate(of.items(), start=1):
        voxels = paint(grid, inside, around)
        write_nifti(nifti / f"{name}.nii.gz", voxels, grid.affine)
        uid = f"99.88.77.1.{number}"
        write_dicom(dicom, voxels, grid.affine, start=100 * number, SeriesInstanceUID=uid, **tags)
    write_dicom(dicom, paint(T2W, 1, 1), shifted, start=900, SeriesInstanceUID="99.88.77.1.9")
    for folder in (nifti, tmp_path / "dicom"):
        write_nifti(folder / "gland.nii.gz", gland(T2W).astype(np.uint8), T2W.affine)
    rows = [series(name, "study", series_id=name) for name in of]
    ours = build(cohort_of(rows, [PROSTATE]), tmp_path / "dicom")
    theirs = build(cohort_of([series(name) for name in of], [PROSTATE]), nifti)
    np.testing.assert_allclose(ours.arrays["radiomics"], theirs.arrays["radiomics"], rtol=1e-5)
    grids: Any = ours.attrs["series_grids"]
    assert grids["t2w"]["dicom"]["rule"] == "of 2 t2w the one that a mask was drawn on"
    assert grids["hbv"]["dicom"]["b_value"] == 1400
    assert not [secret for secret in SECRETS if secret in str(ours.attrs) + str(ours.warnings)]
    assert {source.role for source in ours.sources} == {
        "series:t2w:t2w", "series:adc:adc", "series:hbv:hbv", "mask:prostate", "manifest_study",
    }  # fmt: skip
