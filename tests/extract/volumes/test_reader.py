"""Voxels against nibabel and SimpleITK; damage is found; spacing is told by header or manifest, or not."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.volumes.header import open_volume
from extract.volumes.reader import read_labels, read_series
from extract.volumes.volume import Volume
from feature_cache.errors import SourceError
from tests.extract.volumes.files import grid_of, write_mha, write_nifti

DTYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8")
OBLIQUE = grid_of((7, 5, 4), degrees=(5, -10, 18.5))


def read(path: Path, spacing_mm: str | None = None) -> Volume:
    where = f"case 1, {path.name}"
    return read_series(open_volume(path, where), where, spacing_mm)


def labels(path: Path) -> np.ndarray:
    where = f"case 1, {path.name}"
    return read_labels(open_volume(path, where, "label"), where)


def noise(dtype: str, size: tuple[int, int, int] = OBLIQUE.size) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 100, size).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mha", "packed.mha"])
def test_every_format_gives_the_voxels_and_affine_that_were_written(
    tmp_path: Path, name: str, dtype: str
) -> None:
    voxels, path = noise(dtype), tmp_path / name
    if name.endswith(".mha"):
        write_mha(path, voxels, OBLIQUE.affine, compressed=name == "packed.mha")
    else:
        write_nifti(path, voxels, OBLIQUE.affine)
    volume = read(path)
    np.testing.assert_array_equal(volume.voxels, voxels.astype(np.float32))
    np.testing.assert_allclose(volume.affine, OBLIQUE.affine, atol=2e-6)
    assert volume.voxels.dtype == np.float32
    assert (volume.spacing_known, volume.placed, volume.warnings) == (True, True, ())


@settings(max_examples=25)  # four files each
@given(st.tuples(*[st.floats(-80, 80)] * 3), st.tuples(*[st.floats(0.2, 8)] * 3))
def test_nifti_to_metaimage_and_back(
    tmp_path_factory: pytest.TempPathFactory,
    angles: tuple[float, float, float],
    spacing: tuple[float, float, float],
) -> None:
    """Through two libraries that think in RAS and in LPS: the same voxels at the same places."""
    sitk = pytest.importorskip("SimpleITK")
    folder, grid = tmp_path_factory.mktemp("trip"), grid_of((4, 3, 5), spacing, angles)
    voxels = noise("i2", grid.size)
    first = read(write_nifti(folder / "a.nii.gz", voxels, grid.affine))
    sitk.WriteImage(sitk.ReadImage(folder / "a.nii.gz"), folder / "b.mha")
    second = read(folder / "b.mha")
    third = read(write_nifti(folder / "c.nii", second.voxels, second.affine))
    for volume in (first, second, third):
        np.testing.assert_array_equal(volume.voxels, voxels.astype(np.float32))
        np.testing.assert_allclose(volume.affine, grid.affine, atol=2e-5)


def test_real_series_as_metaimage(shared_data: Path, tmp_path: Path) -> None:
    sitk, nibabel = pytest.importorskip("SimpleITK"), pytest.importorskip("nibabel")
    source = shared_data / "volumes/prostatex/ProstateX-0000/ProstateX-0000_adc.nii.gz"
    sitk.WriteImage(sitk.ReadImage(source), tmp_path / "a.mha", useCompression=True)
    ours, theirs = read(source), read(tmp_path / "a.mha")
    np.testing.assert_array_equal(ours.voxels, np.asarray(nibabel.load(source).dataobj))
    np.testing.assert_array_equal(ours.voxels, theirs.voxels)
    # ITK takes the qform where the two differ (by 2e-4 here)
    assert np.abs(ours.affine - theirs.affine)[:3, :3].max() < 1e-3


def test_scaled_integers(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(noise("i2"), OBLIQUE.affine)
    image.header.set_slope_inter(0.5, -20)
    nibabel.save(image, tmp_path / "a.nii.gz")
    np.testing.assert_allclose(
        read(tmp_path / "a.nii.gz").voxels, nibabel.load(tmp_path / "a.nii.gz").get_fdata()
    )


def test_metaimage_of_the_other_byte_order(tmp_path: Path) -> None:
    voxels = noise("i2")
    path = write_mha(tmp_path / "a.mha", voxels, OBLIQUE.affine)
    header, data = path.read_bytes().split(b"LOCAL\n")
    swapped = np.frombuffer(data, "<i2").astype(">i2").tobytes()
    path.write_bytes(header.replace(b"MSB = False", b"MSB = True") + b"LOCAL\n" + swapped)
    np.testing.assert_array_equal(read(path).voxels, voxels)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha"])
def test_no_flipped_bit_of_a_compressed_file_goes_unseen(tmp_path: Path, name: str) -> None:
    voxels, path = noise("i2"), tmp_path / name
    if name == "a.mha":
        write_mha(path, voxels, OBLIQUE.affine, compressed=True)
    else:
        write_nifti(path, voxels, OBLIQUE.affine)
    whole = path.read_bytes()
    start = whole.index(b"LOCAL\n") + 6 if name == "a.mha" else 20
    found = 0
    for place in range(start, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            np.testing.assert_array_equal(read(path).voxels, voxels)
        except SourceError:
            found += 1
    assert found >= len(whole) - start - 8  # what gzip's header says of the writer changes no voxel


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mha", "packed.mha"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".mha"):
        write_mha(path, noise("i2"), OBLIQUE.affine, compressed=name == "packed.mha")
    else:
        write_nifti(path, noise("i2"), OBLIQUE.affine)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(SourceError, match=r"case 1, \w+"):
            read(path)


def test_more_than_the_header_declares_is_refused(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", noise("i2"), OBLIQUE.affine)
    import gzip

    raw = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(raw + b"\0" * 10**6))
    with pytest.raises(SourceError, match="281 bytes of voxels where the header declares 280"):
        read(path)
    packed = write_mha(tmp_path / "a.mha", noise("i2"), OBLIQUE.affine, compressed=True)
    packed.write_bytes(packed.read_bytes().replace(b"DimSize = 7 5 4", b"DimSize = 7 5 3"))
    with pytest.raises(SourceError, match="more than the 210 bytes that the header declares"):
        read(packed)


def test_voxels_that_are_no_numbers_are_outside(tmp_path: Path) -> None:
    voxels = noise("f8")
    voxels[0, 0, 0], voxels[1, 1, 1], voxels[2, 2, 2] = np.nan, np.inf, 1e300
    volume = read(write_nifti(tmp_path / "a.nii", voxels, OBLIQUE.affine))
    assert np.isnan(volume.voxels).sum() == 3 and not np.isinf(volume.voxels).any()
    assert volume.warnings == ("3 voxels that are not finite count as outside the field of view",)
    with pytest.raises(SourceError, match="got none that is finite"):
        read(write_nifti(tmp_path / "b.nii", np.full((3, 3, 3), np.nan), OBLIQUE.affine))


class TestSpacing:
    def placeholder(self, tmp_path: Path) -> Path:
        return write_nifti(tmp_path / "a.nii.gz", noise("f4"), np.diag([-1.0, -1.0, 1.0, 1.0]))

    def test_unit_spacing_is_unknown(self, tmp_path: Path) -> None:
        volume = read(self.placeholder(tmp_path))
        assert (volume.spacing_known, volume.placed) == (False, False)
        assert volume.warnings == ("a spacing of 1 x 1 x 1 in the header counts as unknown: nothing in mm",)

    def test_the_manifest_gives_it(self, tmp_path: Path) -> None:
        volume = read(self.placeholder(tmp_path), "1.5;1.5;8")
        assert (volume.spacing_known, volume.placed) == (True, False)
        np.testing.assert_allclose(volume.affine, np.diag([-1.5, -1.5, 8, 1]))

    def test_the_manifest_can_say_that_1_mm_is_meant(self, tmp_path: Path) -> None:
        volume = read(self.placeholder(tmp_path), "1;1;1")
        assert (volume.spacing_known, volume.placed) == (True, True)

    def test_the_manifest_may_not_contradict_the_header(self, tmp_path: Path) -> None:
        path = write_nifti(tmp_path / "a.nii", noise("f4"), OBLIQUE.affine)
        assert read(path, "0.5;0.6;3").spacing_known
        with pytest.raises(
            SourceError, match=r"spacing in series\.csv, 0\.5 x 0\.6 x 3 mm, or none; got 1 x 1 x 3"
        ):
            read(path, "1;1;3")

    @pytest.mark.parametrize("text", ["1;1", "a;b;c", "1,5;1;1", "0;1;1", "1;1;500", "nan;1;1"])
    def test_text_that_is_no_spacing(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(SourceError, match="expected spacing_mm as x;y;z"):
            read(self.placeholder(tmp_path), text)


class TestLabels:
    def test_whole_numbers_stored_as_floats(self, tmp_path: Path) -> None:
        stored = (noise("f4") > 50).astype("f4")
        found = labels(write_nifti(tmp_path / "a.nii.gz", stored, OBLIQUE.affine))
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, stored)

    @pytest.mark.parametrize("odd", [0.5, -1.0, np.nan, np.inf, 70_000.0, 1e12])
    def test_what_is_no_label(self, tmp_path: Path, odd: float) -> None:
        stored = np.zeros((3, 3, 3), "f4")
        stored[1, 1, 1] = odd
        with pytest.raises(SourceError, match="expected labels: whole numbers from 0 to 65,535"):
            labels(write_nifti(tmp_path / "a.nii", stored, OBLIQUE.affine))


class TestArrayFiles:
    def test_stacks_are_stored_z_y_x(self, tmp_path: Path) -> None:
        image, label = noise("f4", (3, 4, 5)), noise("u1", (3, 4, 5))
        np.savez_compressed(tmp_path / "a.npz", image=image, label=label)
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["image"], file["label"] = image, label
        for path in (tmp_path / "a.npz", tmp_path / "a.h5"):
            volume = read(path)
            np.testing.assert_array_equal(volume.voxels, image.T)
            assert (volume.spacing_known, volume.placed) == (False, False)
            assert volume.warnings[0] == "an array without spacing or orientation: axes as stored"
            np.testing.assert_array_equal(labels(path), label.T)

    def test_a_slice_has_one_z(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", image=noise("f4", (4, 5, 1))[..., 0])
        assert read(tmp_path / "a.npz").voxels.shape == (5, 4, 1)
        with pytest.raises(SourceError, match="got no array `label`"):
            labels(tmp_path / "a.npz")

    def test_real_cine_frames(self, shared_data: Path) -> None:
        path = shared_data / "volumes/acdc/patient081_frame01.h5"
        with h5py.File(path) as file:
            np.testing.assert_array_equal(read(path).voxels, file["image"][()].T)
            np.testing.assert_array_equal(labels(path), file["label"][()].T)

    def test_nothing_outside_the_file_is_read(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["image"] = noise("f4")
        with h5py.File(tmp_path / "link.h5", "w") as file:
            file["image"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/image")
        with h5py.File(tmp_path / "raw.h5", "w") as file:
            file.create_dataset("image", (3, 3, 3), "u1", external=[(str(tmp_path / "other.h5"), 0, 27)])
        for name, got in (
            ("link.h5", "no array `image` of its own"),
            ("raw.h5", "numbers are not in the file"),
        ):
            with pytest.raises(SourceError, match=got):
                read(tmp_path / name)

    def test_objects_and_other_shapes_are_refused(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", image=np.array([{}], dtype=object))
        np.savez(tmp_path / "b.npz", image=np.zeros((2, 2, 2, 2, 2)))
        np.savez(tmp_path / "d.npz", image=np.zeros((3, 2, 2, 2)))
        np.savez(tmp_path / "c.npz", image=np.zeros((2, 2), complex))
        for name, got in (
            ("a", "an array of object"),
            ("b", "an array of 5 axes"),
            ("d", "one of 2 x 2 x 2 x 3, the last of them time"),
            ("c", "an array of complex128"),
        ):
            with pytest.raises(SourceError, match=got):
                read(tmp_path / f"{name}.npz")

    @pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_a_damaged_zip_is_refused_whatever_packed_it(self, tmp_path: Path, method: int) -> None:
        path, stream = tmp_path / "a.npz", io.BytesIO()
        np.save(stream, np.random.default_rng(0).normal(size=(5, 30, 30)))
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("image.npy", stream.getvalue())
        whole = path.read_bytes()
        for start in range(40, len(whole) - 200, len(whole) // 20):
            damaged = bytearray(whole)
            damaged[start : start + 60] = bytes(byte ^ 0x5A for byte in damaged[start : start + 60])
            path.write_bytes(damaged)
            with pytest.raises(SourceError):
                read(path)

    def test_a_flipped_bit_of_a_zip_is_seen(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npz"
        np.savez(path, image=noise("i2"))
        whole = bytearray(path.read_bytes())
        whole[whole.index(struct.pack("<8h", *noise("i2").ravel()[:8]))] ^= 1
        path.write_bytes(whole)
        with pytest.raises(SourceError, match=r"cannot be decoded \(BadZipFile\)"):
            read(path)
