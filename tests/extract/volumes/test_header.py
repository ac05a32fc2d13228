from __future__ import annotations

import gzip
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from extract.check.volume_header import read_volume_header
from extract.check.volumes import same_grid

TURN = np.array([[0.9484, -0.3171, 0.0], [0.3171, 0.9484, 0.0], [0.0, 0.0, 1.0]])


@pytest.fixture(scope="session")
def nibabel() -> ModuleType:
    return pytest.importorskip("nibabel", reason="the oracle for NIfTI is not installed (extra mri)")


@pytest.fixture(scope="session")
def sitk() -> ModuleType:
    return pytest.importorskip("SimpleITK", reason="the oracle for MetaImage is not installed (extra mri)")


@pytest.mark.parametrize("compressed", [False, True])
def test_metaimage_against_simpleitk_and_nibabel(
    tmp_path: Path, compressed: bool, nibabel: ModuleType, sitk: ModuleType
) -> None:
    image = sitk.GetImageFromArray(np.zeros((4, 5, 6), dtype=np.float32))
    image.SetSpacing((0.5, 0.6, 3.0))
    image.SetOrigin((-10.0, 20.0, 5.0))
    image.SetDirection(TURN.ravel().tolist())
    sitk.WriteImage(image, tmp_path / "a.mha", useCompression=compressed)
    sitk.WriteImage(image, tmp_path / "a.nii.gz")
    header = read_volume_header(tmp_path / "a.mha")
    assert header.size == (6, 5, 4)
    np.testing.assert_allclose(header.affine, nibabel.load(tmp_path / "a.nii.gz").affine, atol=1e-4)
    assert same_grid(header, read_volume_header(tmp_path / "a.nii.gz"))


@pytest.mark.parametrize("form", ["sform", "qform", "neither"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_nifti_against_nibabel(tmp_path: Path, form: str, order: str, nibabel: ModuleType) -> None:
    affine = np.eye(4)
    affine[:3, :3] = TURN * [0.5, 0.6, -3.0]
    affine[:3, 3] = [1, 2, 3]
    image = nibabel.Nifti1Image(
        np.zeros((6, 5, 4), dtype=np.int16), affine, nibabel.Nifti1Header(endianness=order)
    )
    image.header.set_sform(affine, code=1 if form == "sform" else 0)
    image.header.set_qform(affine, code=0 if form == "neither" else 1)
    path = tmp_path / "a.nii"
    nibabel.save(image, path)
    header = read_volume_header(path)
    assert header.size == (6, 5, 4)
    if form != "neither":  # without a form nibabel centres the volume; the format says corner at 0
        np.testing.assert_allclose(header.affine, nibabel.load(path).affine, atol=1e-5)
    assert np.linalg.norm(header.affine[:3, 2]) == pytest.approx(3)


def test_real_volumes(shared_data: Path, nibabel: ModuleType) -> None:
    paths = sorted((shared_data / "volumes").rglob("*.nii.gz"))
    assert len(paths) > 20
    for path in paths:
        header, oracle = read_volume_header(path), nibabel.load(path)
        assert header.size == oracle.shape[:3]
        np.testing.assert_allclose(header.affine, oracle.affine, atol=1e-4)


def test_real_masks_lie_on_t2w_though_their_headers_differ(shared_data: Path) -> None:
    folder = shared_data / "volumes/prostatex"
    t2w = read_volume_header(folder / "ProstateX-0000/ProstateX-0000_t2w.nii.gz")
    adc = read_volume_header(folder / "ProstateX-0000/ProstateX-0000_adc.nii.gz")
    masks = [
        read_volume_header(path)
        for path in (folder / "picai_labels/ProstateX-0000").glob("*whole_gland*.nii.gz")
    ]
    assert masks and all(same_grid(mask, t2w) and not same_grid(mask, adc) for mask in masks)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.nii", b"\x00" * 400, "no NIfTI-1 header"),
        ("a.nii", b"", "no NIfTI-1 header"),
        ("a.nii.gz", gzip.compress(b"\x00" * 400)[:12], "a damaged gzip stream"),
        ("a.mha", b"ObjectType = Image\nDimSize = 1 1 1\nElementDataFile = LOCAL\n", "no MetaImage header"),
        ("a.mha", b"NDims = 2\nDimSize = 1 1\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n", "3 or 4"),
        ("a.mha", b"NDims = x\nDimSize = 1 1\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n", "invalid"),
        ("a.nrrd", b"", "another format"),
    ],
)
def test_what_is_no_volume_is_refused(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_volume_header(tmp_path / name)
