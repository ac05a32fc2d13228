"""Headers against nibabel and SimpleITK, and what is refused before a voxel is decoded."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from extract.volumes.geometry import grid_difference
from extract.volumes.header import MOST_VOXELS, open_volume
from feature_cache.errors import SourceError
from tests.extract.volumes.files import grid_of, write_mha, write_nifti

MHA = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = False\n"
    "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 0.5 0.5 3\n"
    "DimSize = 4 4 2\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
)


def mha(path: Path, *changes: tuple[str, str], voxels: int = 32) -> Path:
    text = MHA
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_bytes(text.encode() + bytes(voxels))
    return path


def nifti(path: Path, *fields: tuple[str, int, tuple[float, ...]], voxels: int = 64) -> Path:
    """A volume of 4 x 4 x 2 int16 with an sform of 0.5 x 0.5 x 3 mm; fields are (format, offset, values)."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 4, 4, 2, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 1, 0.5, 0.5, 3, 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 3, 0)
    header[344:348] = b"n+1\0"
    for form, offset, values in fields:
        struct.pack_into(f"<{form}", header, offset, *values)
    data = bytes(header) + bytes(voxels)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def refusal(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        open_volume(path, f"case 1, {path.name}")
    assert caught.value.where == f"case 1, {path.name}"
    assert str(path.parent) not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("form", ["sform", "qform", "neither"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_nifti_against_nibabel(tmp_path: Path, form: str, order: str) -> None:
    nibabel = pytest.importorskip("nibabel")
    affine = grid_of((6, 5, 4), (0.5, 0.6, -3.0), (0, 0, 18.5), (1, 2, 3)).affine
    image = nibabel.Nifti1Image(
        np.zeros((6, 5, 4), dtype=np.int16), affine, nibabel.Nifti1Header(endianness=order)
    )
    image.header.set_sform(affine, code=1 if form == "sform" else 0)
    image.header.set_qform(affine, code=0 if form == "neither" else 1)
    path = tmp_path / "a.nii"
    nibabel.save(image, path)
    if form == "neither":  # nibabel will not write that
        raw = bytearray(path.read_bytes())
        raw[252:256] = bytes(4)
        path.write_bytes(raw)
    stored = open_volume(path, "a")
    assert stored.shape == (6, 5, 4)
    if form != "neither":  # without a form nibabel centres the volume; the format says corner at 0
        np.testing.assert_allclose(stored.affine, nibabel.load(path).affine, atol=1e-5)
    assert stored.placed is (form != "neither")
    assert stored.grid.spacing == pytest.approx([0.5, 0.6, 3], rel=1e-6)


def test_all_real_volumes_against_nibabel(shared_data: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    paths = sorted((shared_data / "volumes").rglob("*.nii.gz"))
    assert len(paths) > 20
    for path in paths:
        if "dce4d" in path.name:
            assert "80 x 80 x 20 x 70" in refusal(path).got
            continue
        stored, oracle = open_volume(path, path.name), nibabel.load(path)
        assert stored.shape == oracle.shape[:3]
        np.testing.assert_allclose(stored.affine, oracle.affine, atol=1e-4)
        assert stored.spacing_known is ("mprtm" not in path.parent.name)


def test_a_mask_written_as_qform_differs_by_2e_4_and_is_tolerated(shared_data: Path) -> None:
    folder = shared_data / "volumes/prostatex"
    t2w = open_volume(folder / "ProstateX-0000/ProstateX-0000_t2w.nii.gz", "t2w")
    gland = next((folder / "picai_labels/ProstateX-0000").glob("*Bosma22b.nii.gz"))
    apart = grid_difference(open_volume(gland, "gland", "label").grid, t2w.grid)
    assert apart is not None and apart.tolerated
    assert apart.cosine == pytest.approx(2e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "data", "got"),
    [
        ("a.nii", b"\x00" * 400, "no NIfTI-1 header"),
        ("a.nii", b"", "no NIfTI-1 header"),
        ("a.nii.gz", gzip.compress(b"\x00" * 400, mtime=0)[:12], "one that cannot be decoded (EOFError)"),
        ("a.mha", b"ObjectType = Image\nDimSize = 1 1 1\nElementDataFile = LOCAL\n", "no MetaImage header"),
        ("a.mha", b"\x00" * 500, "no MetaImage header"),
        ("a.nrrd", b"", "another format"),
        ("a.npz", b"PK\x03\x04", "one that cannot be decoded (BadZipFile)"),
        ("a.h5", b"\x89HDF", "one that cannot be decoded (OSError)"),
    ],
)
def test_what_is_no_volume_is_refused(tmp_path: Path, name: str, data: bytes, got: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert refusal(tmp_path / name).got.startswith(got)


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (("DimSize = 4 4 2", "DimSize = 2147483648 2147483648 2147483648"), "a header of 2147483648 x"),
        (("DimSize = 4 4 2", "DimSize = 4 4 0"), "a header of 4 x 4 x 0 (DimSize or dim)"),
        (("DimSize = 4 4 2", "DimSize = 4 4 -2"), "a header of 4 x 4 x -2"),
        (("DimSize = 4 4 2", "DimSize = 4 4 3"), "a file of"),
        (("DimSize = 4 4 2", "DimSize = 4 4 1"), "a file of"),
        (("DimSize = 4 4 2", "DimSize = 4 4"), "2 sizes for 3 axes"),
        (("DimSize = 4 4 2", "DimSize = four"), "one that cannot be decoded (ValueError)"),
        (("CompressedData = False", "CompressedData = True\nX = 1"), "whole"),
        (("MET_UCHAR", "MET_STRING"), "an ElementType that is no whole or real number"),
        (("NDims = 3", "NDims = 3\nNDims = 3"), "a header that gives NDims twice"),
        (("LOCAL", "/etc/passwd"), "a header whose voxels are in another file"),
        (("LOCAL", "LIST"), "a header whose voxels are in another file"),
        (("BinaryData = True", "BinaryData = False"), "voxels written as text"),
        (("NDims = 3", "NDims = 3\nElementNumberOfChannels = 3"), "several values a voxel"),
        (("0.5 0.5 3", "0.5 0.5"), "2 numbers in ElementSpacing, where 3 belong"),
        (("0.5 0.5 3", "nan 0.5 3"), "a number in ElementSpacing that is not finite"),
        (("0.5 0.5 3", "0.5 0.5 3000"), "a spacing of 0.5 x 0.5 x 3000 mm, outside 0.05 to 50"),
        (("0.5 0.5 3", "0 0.5 3"), "a spacing of 0 x 0.5 x 3 mm"),
        (("0.5 0.5 3", "0.5 -0.5 3"), "an ElementSpacing below 0"),
        (("1 0 0 0 1 0 0 0 1", "1 0 0 1 0 0 0 0 1"), "axes that do not span a volume (determinant 0)"),
    ],
)
def test_a_metaimage_header_that_cannot_be_true(tmp_path: Path, change: tuple[str, str], got: str) -> None:
    path = mha(tmp_path / "a.mha", change)
    if got == "whole":  # 32 bytes of voxels fit in 32 bytes compressed: refused when decoded
        assert open_volume(path, "a").packed
    else:
        assert refusal(path).got.startswith(got)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    ("field", "got"),
    [
        (("4h", 40, (3, 32767, 32767, 32767)), "a header of 32767 x 32767 x 32767"),
        (("4h", 40, (3, 4, 4, -2)), "a header of 4 x 4 x -2"),
        (("5h", 40, (4, 4, 4, 1, 2)), "one of 4 x 4 x 1 x 2"),
        (("h", 40, (2,)), "2 axes"),
        (("h", 70, (128,)), "voxels of NIfTI datatype 128"),
        (("f", 108, (1e9,)), "voxels at byte 1e+09"),
        (("f", 108, (float("nan"),)), "voxels at byte nan"),
        (("f", 112, (float("inf"),)), "a scl_slope or scl_inter"),
        (("f", 280, (float("nan"),)), "numbers that are not finite"),
        (("4f", 296, (0, 0, 0, 0)), "a spacing of 0.5 x 0 x 3"),
        (("h", 252, (1,)), "sform and qform that differ"),
        (("4s", 344, (b"ni1\0",)), "no NIfTI-1 header with the voxels in the same file"),
    ],
)
def test_a_nifti_header_that_cannot_be_true(
    tmp_path: Path, name: str, field: tuple[str, int, tuple[float, ...]], got: str
) -> None:
    # an identity quaternion with another offset is a qform that differs
    away = ("6f", 256, (0, 0, 0, 40, 0, 0))
    assert refusal(nifti(tmp_path / name, away, field)).got.startswith(got)


@pytest.mark.parametrize("qform", [0, 1])
def test_a_pixdim_below_0_is_refused_unless_an_sform_counts(tmp_path: Path, qform: int) -> None:
    negative = ("f", 84, (-0.5,))
    path = nifti(tmp_path / "a.nii", negative, ("2h", 252, (qform, 0)))
    assert refusal(path).got == "a pixdim (spacing) below 0"
    assert open_volume(nifti(tmp_path / "b.nii", negative), "b").grid.spacing[1] == 0.5


def test_a_qform_without_a_side_differs_from_the_sform(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", ("h", 252, (1,)), ("f", 80, (0.0,)))
    assert refusal(path).got.startswith("sform and qform that differ (cosine nan")


def test_a_compressed_header_is_believed_as_far_as_its_file_is_long(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", ("4h", 40, (3, 500, 500, 500)))
    assert MOST_VOXELS > 500**3  # it is not the number of voxels
    assert refusal(path).got.endswith("too short even if compressed")


def test_axes_of_length_one_are_dropped_and_said(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", ("5h", 40, (4, 4, 4, 2, 1)))
    stored = open_volume(path, "a")
    assert stored.shape == (4, 4, 2)
    assert stored.warnings == ("4 axes, those after the third of length 1: dropped",)


def test_what_is_odd_is_said(tmp_path: Path) -> None:
    left = open_volume(
        write_nifti(tmp_path / "a.nii", np.zeros((4, 4, 2), "i2"), np.diag([-1, 2, 3, 1.0])), "a"
    )
    assert left.warnings == ("left-handed voxel axes (negative determinant): read as the affine says",)
    sheared = np.diag([1.0, 2, 3, 1])
    sheared[0, 1] = 0.1
    (warning,) = open_volume(
        write_nifti(tmp_path / "b.nii", np.zeros((4, 4, 2), "i2"), sheared), "b"
    ).warnings
    assert warning == "sheared axes (cosine between two 0.05)"


@pytest.mark.parametrize("compressed", [False, True])
def test_metaimage_against_nibabel_through_simpleitk(tmp_path: Path, compressed: bool) -> None:
    grid = grid_of((6, 5, 4), degrees=(5, -10, 18.5))
    voxels = np.arange(120, dtype=np.float32).reshape(grid.size)
    written = open_volume(write_mha(tmp_path / "a.mha", voxels, grid.affine, compressed=compressed), "a")
    assert (written.shape, written.packed) == ((6, 5, 4), compressed)
    np.testing.assert_allclose(written.affine, grid.affine, atol=1e-6)
