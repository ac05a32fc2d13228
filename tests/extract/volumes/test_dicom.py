"""DICOM against NIfTI of the same series and against SimpleITK, and every pitfall refused by its reason."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from extract.volumes.dicom_series import DicomSeries
from extract.volumes.geometry import VoxelGrid, coincide, find_reordering
from extract.volumes.header import open_volume
from extract.volumes.reader import read_series
from extract.volumes.sources import source_of
from extract.volumes.volume import Volume
from feature_cache.canonical import sha256_of_file
from feature_cache.errors import SourceError
from feature_cache.store import FeatureCache
from tests.extract.volumes.dicom_writer import RLE, SECRETS, Change, write_dicom
from tests.extract.volumes.files import grid_of
from tests.extract.volumes.test_prostatex import CARD, say

pydicom = pytest.importorskip("pydicom", reason="pydicom (extra mri) is not installed")
GRID = grid_of((7, 6, 8), (0.5, 0.7, 3.0), (4, 18.5, 2))
VOXELS = np.random.default_rng(3).integers(0, 4000, GRID.size).astype(np.uint16)
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"
IVIM = "ProstateX-0000_dwi_3bvalues_57files"


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Path:
    return shared_data / "volumes/prostatex"


def read(path: Path, sequence: str = "t2w") -> Volume:
    return read_series(open_volume(path, "w", sequence=sequence), "w")


def refusal(path: Path, sequence: str = "t2w") -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(path, sequence)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    return caught.value


def same(dicom: Volume, nifti: Volume) -> bool:
    """The same voxels at the same places, whatever the order of the arrays."""
    grids = [VoxelGrid(size=one.voxels.shape, affine=one.affine) for one in (dicom, nifti)]
    reordering = find_reordering(*grids)
    assert reordering is not None
    voxels = reordering.of_array(dicom.voxels)
    return coincide(reordering.of_grid(grids[0]), grids[1]) and bool((voxels == nifti.voxels).all())


def test_the_real_series_is_its_nifti(real: Path) -> None:
    dicom = read(real / "dicom_pitfalls/ProstateX-0000_hbv_complete_19files", "hbv")
    assert dicom.voxels.shape == (84, 128, 19)
    assert same(dicom, read(real / "ProstateX-0000/ProstateX-0000_hbv.nii.gz"))
    assert dicom.placed and dicom.spacing_known


def test_the_real_gap_is_refused(real: Path) -> None:
    gap = refusal(real / "dicom_pitfalls/ProstateX-0000_hbv_missing_slice_18files", "hbv")
    assert gap.got == (
        "1 of 19 slices missing: 6 mm between 1-07.dcm and 1-05.dcm where others are 3 mm apart"
    )


def test_the_real_b_values_are_told_apart(real: Path) -> None:
    folder = real / "dicom_pitfalls" / IVIM
    mixed = refusal(folder, "hbv")
    assert mixed.got == "3 series by their content (dwi_b50, dwi_b400, dwi_b800), none of them hbv"
    assert refusal(folder / "1-01.dcm", "hbv").got == "a measured b of 50 (SiemensBValue)"
    means = []
    for number, b_value in ((1, 50), (20, 400), (57, 800)):
        by_rule = open_volume(folder, "w", sequence=f"dwi_b{b_value}")
        by_file = open_volume(folder / f"1-{number:02d}.dcm", "w", sequence=f"dwi_b{b_value}")
        assert isinstance(by_rule, DicomSeries)
        assert by_rule.shape == (84, 128, 19) and by_rule.grid.spacing[2] == pytest.approx(3, abs=1e-6)
        assert by_rule.choice["b_value"] == b_value
        voxels = read_series(by_rule, "w").voxels
        assert (voxels == read_series(by_file, "w").voxels).all()
        means.append(voxels.mean())
    assert means[0] > means[1] > means[2] > 0  # signal decays with b


@pytest.mark.parametrize(
    "name",
    ["0000/t2w", "0000/adc", "0000/sag", "0000/cor", "0001/adc", "0001/hbv", "0001/pd", "0218/adc_4bval"],
)
def test_generated_series_are_their_niftis(real: Path, tmp_path: Path, name: str) -> None:
    case, sequence = name.split("/")
    nifti = read(real / f"ProstateX-{case}/ProstateX-{case}_{sequence}.nii.gz")
    dicom = read(write_dicom(tmp_path / "a", nifti.voxels.astype(np.int16), nifti.affine))
    assert same(dicom, nifti)


def test_against_simpleitk(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    folder = write_dicom(tmp_path, VOXELS, GRID.affine)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image, ours = reader.Execute(), read(folder)
    assert (ours.voxels == sitk.GetArrayFromImage(image).T).all()
    turn = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    np.testing.assert_allclose(np.diag([-1, -1, 1]) @ turn, ours.affine[:3, :3], atol=1e-6)
    np.testing.assert_allclose(np.array([-1, -1, 1]) * image.GetOrigin(), ours.affine[:3, 3], atol=1e-6)


@pytest.mark.parametrize("syntax", [RLE, "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_transfer_syntaxes_that_are_read(tmp_path: Path, syntax: str) -> None:
    dicom = read(write_dicom(tmp_path, VOXELS, GRID.affine, syntax=syntax))
    assert (dicom.voxels == VOXELS).all()
    np.testing.assert_allclose(dicom.affine, GRID.affine, atol=1e-6)


def test_one_slope_scales_and_a_millimetre_is_one(tmp_path: Path) -> None:
    grid = grid_of((4, 4, 4), (1.0, 1.0, 1.0))
    signed = (VOXELS[:4, :4, :4].astype(np.int16) - 2000) // 2
    folder = write_dicom(tmp_path, signed, grid.affine, RescaleSlope="0.5", RescaleIntercept="-3")
    volume = read(folder)
    assert (volume.voxels == signed * 0.5 - 3).all()
    assert volume.spacing_known and volume.warnings == ()


def each(name: str, value: Any) -> Change:
    return lambda number, image: setattr(image, name, value(number, image))


def on_slice(chosen: int, name: str, value: Any) -> Change:
    return lambda number, image: setattr(image, name, value) if number == chosen else None


def moved(number: int, image: Any) -> None:
    """Slices 5 and on lie 1 mm further."""
    shift = np.cross(*np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float))
    if number > 4:
        image.ImagePositionPatient = (np.array(image.ImagePositionPatient, float) + shift).tolist()


def aside(number: int, image: Any) -> None:
    """One slice is shifted along its rows."""
    along = np.array(image.ImageOrientationPatient[:3], float)
    if number == 4:
        image.ImagePositionPatient = (np.array(image.ImagePositionPatient, float) + along).tolist()


def philips(slope: Any) -> Change:
    def change(number: int, image: Any) -> None:
        block = image.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", slope(number))

    return change


def every_other(number: int, image: Any) -> None:
    """Slices stand twice as far apart as their header says."""
    image.SpacingBetweenSlices = 1.5
    image.SliceThickness = 1.5


REFUSED: dict[str, tuple[Change | None, dict[str, Any], str]] = {
    "uneven": (moved, {}, "slices 3 to 4 mm apart"),
    "every other": (every_other, {}, "slices 3 mm apart, 2 times SpacingBetweenSlices: some"),
    "aside": (aside, {}, "slices that leave a straight line by 1 mm"),
    "doubled": (
        on_slice(5, "ImagePositionPatient", (grid_of((1, 1, 1)).affine[:3, 3]).tolist()),
        {"ImagePositionPatient": (grid_of((1, 1, 1)).affine[:3, 3]).tolist()},
        "7 images at the place of another (such as 1-01.dcm and 1-02.dcm)",
    ),
    "orientation": (
        on_slice(3, "ImageOrientationPatient", [1, 0, 0, 0, 1, 0]), {},
        "a series whose images are turned",
    ),
    "slope": (each("RescaleSlope", lambda number, _: 1 + 0.1 * number), {"RescaleIntercept": 0},
              "8 different values of RescaleSlope in 8 slices"),
    "slope of some": (on_slice(2, "RescaleSlope", 2), {}, "2 different values of RescaleSlope in 8 slices"),
    "no slope": (None, {"RescaleSlope": 0, "RescaleIntercept": 0}, "a RescaleSlope of 0"),
    "Philips": (philips(lambda number: 1.0 + number), {}, "8 different values of PhilipsScaleSlope in 8"),
    "mosaic": (None, {"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "a mosaic: all slices as tiles"),
    "frames": (None, {"NumberOfFrames": 3}, "3 frames in 1-01.dcm"),
    "enhanced": (None, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1", "NumberOfFrames": 19}, "19 frames in"),
    "inverted": (None, {"PhotometricInterpretation": "MONOCHROME1"}, "colours, an inverted scale or no"),
    "no place": (None, {"ImagePositionPatient": None}, "no ImagePositionPatient, or none that is finite"),
    "no direction": (None, {"ImageOrientationPatient": None}, "no ImageOrientationPatient"),
    "skew": (None, {"ImageOrientationPatient": [1, 0, 0, 0.5, 1, 0]}, "cosines that are off by 0.5"),
    "zero": (None, {"PixelSpacing": [0, 0.5]}, "0 x 0.5 mm in 1-01.dcm"),
    "negative": (None, {"PixelSpacing": [0.5, -0.5]}, "0.5 x -0.5 mm in 1-01.dcm"),
    "size": (on_slice(2, "Rows", 600), {}, "a file of"),
    "short": (on_slice(2, "PixelData", bytes(60)), {}, "60 bytes of voxels in 1-03.dcm"),
    "none": (lambda number, image: image.pop("PixelData") if number == 2 else None, {}, "0 bytes of voxels"),
    "no bits": (None, {"BitsStored": 0}, "BitsStored 0 and HighBit 15 in 1-01.dcm"),
    "bits": (None, {"BitsStored": 8, "HighBit": 7}, "values beyond 8 bits in 1-01.dcm"),
    "high bit": (None, {"BitsStored": 12, "HighBit": 15}, "BitsStored 12 and HighBit 15 in 1-01.dcm"),
    "report": (None, {"SOPClassUID": REPORT}, "8 DICOM files, none of them an image of a"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_pitfalls_are_refused_by_their_reason(tmp_path: Path, name: str) -> None:
    change, tags, got = REFUSED[name]
    assert refusal(write_dicom(tmp_path, VOXELS, GRID.affine, change, **tags)).got.startswith(got)


@pytest.mark.parametrize(
    ("uid", "got"),
    [
        ("1.2.840.10008.1.2.4.70", "voxels packed as JPEG lossless in 1-03.dcm"),
        ("1.2.840.10008.1.2.4.90", "voxels packed as JPEG 2000 lossless in 1-03.dcm"),
        ("1.2.840.10008.1.2.1.99", "a deflated file, 1-03.dcm"),
        ("1.2.3", "voxels packed as a compression that Braid does not know in 1-03.dcm"),
    ],
)
def test_compression_that_is_not_read_is_named(tmp_path: Path, uid: str, got: str) -> None:
    folder = write_dicom(tmp_path, VOXELS, GRID.affine)
    path = folder / "1-03.dcm"
    data = path.read_bytes()
    plain = b"UI" + struct.pack("<H", 20) + b"1.2.840.10008.1.2.1\0"
    assert data.count(plain) == 1
    other = uid.encode() + b"\0" * (len(uid) % 2)
    path.write_bytes(data.replace(plain, b"UI" + struct.pack("<H", len(other)) + other))
    assert refusal(folder).got == got


def test_a_damaged_file_beside_is_refused_as_it_may_be_the_slice(tmp_path: Path) -> None:
    folder = write_dicom(tmp_path, VOXELS, GRID.affine)
    last = folder / "1-08.dcm"
    last.write_bytes(last.read_bytes()[:400])
    assert refusal(folder).got == "1-08.dcm without a SeriesInstanceUID"
    last.write_bytes(last.read_bytes()[:140])
    assert refusal(folder).got == "0 of them in 1-08.dcm"
    last.write_bytes(last.read_bytes()[:40])
    assert refusal(folder).got == "0 of them in 1-08.dcm"


def test_a_value_of_odd_length_is_damage(tmp_path: Path) -> None:
    """pydicom raises an error of its own kind for it."""
    folder = write_dicom(tmp_path, VOXELS, GRID.affine)
    path, rows = folder / "1-02.dcm", b"\x28\x00\x10\x00US"
    data = path.read_bytes()
    assert data.count(rows + b"\x02\x00\x06\x00") == 1
    path.write_bytes(data.replace(rows + b"\x02\x00\x06\x00", rows + b"\x03\x00\x06\x00\x00"))
    assert refusal(folder).got == "1-02.dcm, which cannot be decoded (BytesLengthException)"


def test_a_single_image_is_no_volume(tmp_path: Path) -> None:
    assert refusal(write_dicom(tmp_path, VOXELS[:, :, :1], GRID.affine)).got.startswith("a single image")


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_dicom(tmp_path / "a", VOXELS, GRID.affine)
    (tmp_path / "b").mkdir()
    (folder / "1-08.dcm").rename(tmp_path / "b/1-08.dcm")
    (folder / "1-08.dcm").symlink_to(tmp_path / "b/1-08.dcm")
    assert refusal(folder).got == "a link that leads out of it"


def test_what_is_odd_is_said(tmp_path: Path) -> None:
    def change(number: int, image: Any) -> None:
        philips(lambda _: 0.25)(number, image)
        image.InstanceNumber = number + 2

    folder = write_dicom(
        tmp_path, VOXELS, GRID.affine, change,
        RescaleSlope=2, RescaleIntercept=0, SpacingBetweenSlices=3.3,
    )  # fmt: skip
    (folder / "notes.txt").write_text("Doe", encoding="utf-8")
    report = write_dicom(
        tmp_path.parent / f"{tmp_path.name}_report", VOXELS[:, :, :1], GRID.affine, SOPClassUID=REPORT
    )
    (report / "1-01.dcm").rename(folder / "a_report")
    assert read(folder).warnings == (
        "SpacingBetweenSlices differs from the positions (3.3, 3 mm); these count",
        "Philips' own scale differs (by a factor of 0.5); the public counts",
        "its images are not numbered from 1 without gaps: a slice may be missing",
        "DICOM beside it that is no image of a scanner was not read (1 files)",
    )


def test_order_of_files_and_names_does_not_matter(tmp_path: Path) -> None:
    folder = write_dicom(tmp_path / "a", VOXELS, GRID.affine)
    for number, name in enumerate(np.random.default_rng(1).permutation(8), start=1):
        (folder / f"1-{number:02d}.dcm").rename(folder / f"IM{name:04d}")
    assert (read(folder).voxels == VOXELS).all()
    assert (read(folder / "IM0003").voxels == VOXELS).all()


def test_a_file_or_folder_of_it_is_one_source_for_all_its_slices(tmp_path: Path) -> None:
    folder = write_dicom(tmp_path / "a", VOXELS, GRID.affine)

    def sources() -> list[str]:
        paths = (folder, folder / "1-03.dcm")
        return [source_of("series:t2w", path, "w", sha256_of_file).sha256 for path in paths]

    first, by_file = sources()
    assert first == by_file
    held = sum(path.stat().st_size for path in folder.iterdir())
    assert source_of("series:t2w", folder, "w", sha256_of_file).bytes == held
    (folder / "1-08.dcm").rename(tmp_path / "1-08.dcm")
    assert sources()[0] == sources()[1] != first


def manifest_of(folder: Path, path: str) -> Path:
    folder.mkdir()
    (folder / "cohort.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    (folder / "cases.csv").write_text("case_id,site\nc1,\n", encoding="utf-8")
    columns = "case_id,study_id,series_id,sequence,day,path,spacing_mm"
    row = f"c1,s,a,hbv,,{path},"
    (folder / "series.csv").write_text(f"{columns}\n{row}\n", encoding="utf-8")
    return folder


def test_from_the_command_line(real: Path, tmp_path: Path) -> None:
    """A folder becomes the entry that its NIfTI becomes, a gap a row of failures; nobody's name leaves."""
    dicom = manifest_of(tmp_path / "dicom", "dicom_pitfalls/ProstateX-0000_hbv_complete_19files")
    nifti = manifest_of(tmp_path / "nifti", "ProstateX-0000/ProstateX-0000_hbv.nii.gz")
    entries = []
    for manifest in (dicom, nifti):
        done = say("run", manifest, "--root", real, "--cache", tmp_path / f"cache_{manifest.name}")
        assert done.exit_code == 0, done.output
        cache = FeatureCache.open(tmp_path / f"cache_{manifest.name}")
        (record,) = cache.records()
        entries.append(cache.read(record.key))
    ours, theirs = entries
    np.testing.assert_allclose(ours.arrays["radiomics"], theirs.arrays["radiomics"], rtol=1e-5)
    assert (ours.arrays["preview"] == theirs.arrays["preview"]).all()
    grids: Any = ours.record.attrs["series_grids"]
    assert grids["hbv"]["dicom"] == {
        "images": 19, "kind": "hbv", "rule": "the path of series.csv", "rules": 1, "b_value": 1000,
        "b_value_from": "SiemensBValue", "calculated": True, "time_points": 1,
    }  # fmt: skip
    assert "dicom" not in theirs.record.attrs["series_grids"]["hbv"]
    for file in (tmp_path / "cache_dicom").rglob("*.json*"):
        assert not [word for word in (b"ProstateX", b"20110707", b"1.3.6.1.4.1") if word in file.read_bytes()]

    gap = manifest_of(tmp_path / "gap", "dicom_pitfalls/ProstateX-0000_hbv_missing_slice_18files")
    checked = say("check", gap, "--root", real, "--json")
    assert checked.exit_code == 1 and "1 of 19 slices missing" in checked.stdout
    done = say("run", gap, "--root", real, "--cache", tmp_path / "cache_gap")
    assert done.exit_code == 1
    (ledger,) = (tmp_path / "cache_gap/_runs").glob("*/failures.csv")
    said = ledger.read_text(encoding="utf-8")
    assert "1 of 19 slices missing" in said and "dicom_pitfalls" not in said and "18files" not in said


def test_nothing_of_a_header_reaches_a_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """pydicom quotes values that it does not like, in its log and in its warnings."""
    odd = {"AcquisitionTime": "Doe", "StudyDate": "Jane", "SeriesInstanceUID": "Dr Acula"}

    def change(number: int, image: Any) -> None:
        for name, value in odd.items():
            image[name] = pydicom.DataElement(name, "LO", value)

    with caplog.at_level("DEBUG"):
        read(write_dicom(tmp_path, VOXELS, GRID.affine, change))
    said = caplog.text + "".join(capfd.readouterr())
    assert not [secret for secret in SECRETS if secret in said]
