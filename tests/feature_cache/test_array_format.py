"""One suite for both forms on disk; each form is a subclass."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from feature_cache import array_format as forms
from feature_cache.array_format import (
    DTYPES,
    AnyArray,
    ArrayFormat,
    FormatName,
    Layout,
    array_sha256,
    chunk_shape,
    little_endian,
)
from feature_cache.entry import FileRecord
from feature_cache.entry_contents import EntryContents

SHAPES = [(), (0,), (1,), (7,), (0, 5), (6, 5), (3, 0, 2), (4, 3, 3)]


def _sample(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    raw = np.random.default_rng(0).integers(0, 2**8, size=shape)
    return raw.astype(dtype)


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def read(form: ArrayFormat, folder: Path, name: str, layout: Layout) -> AnyArray:
    """Read an array from a folder that is taken as it is, and see that its hash is returned beside it."""
    found = {
        path: FileRecord(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for path, content in files_below(folder).items()
    }
    array, sha256 = form.read(EntryContents(folder, "here", found), name, layout)
    assert sha256 == array_sha256(array)
    return array


class Suite:
    """What every form must do."""

    name: ClassVar[FormatName]

    @pytest.fixture
    def form(self) -> ArrayFormat:
        return forms.array_format(self.name)

    @pytest.mark.parametrize("dtype", sorted(DTYPES))
    def test_round_trip(self, form: ArrayFormat, tmp_path: Path, dtype: str) -> None:
        arrays = {f"a{number}": _sample(dtype, shape) for number, shape in enumerate(SHAPES)}
        form.write(tmp_path, arrays)
        for name, array in arrays.items():
            back = read(form, tmp_path, name, (array.shape, dtype))
            assert back.dtype == array.dtype and back.shape == array.shape
            np.testing.assert_array_equal(back, array)
            assert back.flags.writeable

    def test_nan_infinity_and_minus_zero_keep_their_bits(self, form: ArrayFormat, tmp_path: Path) -> None:
        array = np.array([np.nan, -np.nan, np.inf, -np.inf, -0.0, 5e-324])
        form.write(tmp_path, {"x": array})
        assert read(form, tmp_path, "x", ((6,), "float64")).tobytes() == array.tobytes()

    def test_zeros_are_written(self, form: ArrayFormat, tmp_path: Path) -> None:
        form.write(tmp_path, {"x": np.zeros((100, 100))})
        assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) > 80_000

    def test_several_chunks(self, form: ArrayFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(forms, "CHUNK_BYTES", 400)
        array = _sample("float32", (33, 10))
        form.write(tmp_path, {"x": array})
        np.testing.assert_array_equal(read(form, tmp_path, "x", ((33, 10), "float32")), array)

    def test_same_arrays_same_bytes(self, form: ArrayFormat, tmp_path: Path) -> None:
        arrays = {
            "b": _sample("float16", (50, 8)),
            "a": _sample("bool", (50,)),
            "c": _sample("int32", (0, 2)),
        }
        contents = []
        for turn, names in enumerate(["abc", "cab"]):
            folder = tmp_path / str(turn)
            folder.mkdir()
            form.write(folder, {name: arrays[name] for name in names})
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            contents.append([(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files])
        assert contents[0] == contents[1]

    @pytest.mark.parametrize("expected", [((6, 4), "float32"), ((6, 5), "float64"), ((5, 6), "float32")])
    def test_another_layout_is_refused(
        self, form: ArrayFormat, tmp_path: Path, expected: tuple[tuple[int, ...], str]
    ) -> None:
        form.write(tmp_path, {"x": _sample("float32", (6, 5))})
        with pytest.raises(ValueError, match="not the recorded"):
            read(form, tmp_path, "x", expected)

    @pytest.mark.parametrize("name", ["y", "../x", "x/c"])
    def test_an_absent_array_is_refused(self, form: ArrayFormat, tmp_path: Path, name: str) -> None:
        form.write(tmp_path, {"x": _sample("float32", (6, 5))})
        with pytest.raises(ValueError):
            read(form, tmp_path, name, ((6, 5), "float32"))

    def test_every_flipped_bit_of_a_chunk_is_found(self, form: ArrayFormat, tmp_path: Path) -> None:
        array = np.full((40, 8), 1.5, dtype=np.float32)
        form.write(tmp_path, {"x": array})
        path = max(
            (path for path in tmp_path.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
        )
        whole = path.read_bytes()
        start = whole.index(array.tobytes())
        for bit in np.random.default_rng(1).integers(0, array.nbytes * 8, size=25):
            altered = bytearray(whole)
            altered[start + bit // 8] ^= 1 << (bit % 8)
            path.write_bytes(altered)
            with pytest.raises(ValueError, match="unreadable"):
                read(form, tmp_path, "x", ((40, 8), "float32"))

    def test_nothing_at_all_is_refused(self, form: ArrayFormat, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="unreadable"):
            read(form, tmp_path, "x", ((1,), "float32"))


class TestZarr(Suite):
    name = "zarr"

    @pytest.mark.parametrize("dtype", sorted(DTYPES))
    def test_the_files_are_those_of_the_zarr_library(
        self, form: ArrayFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
    ) -> None:
        zarr = pytest.importorskip("zarr")
        monkeypatch.setattr(forms, "CHUNK_BYTES", 60)  # some arrays have several chunks, the last not full
        arrays = {f"a{number}": little_endian(_sample(dtype, shape)) for number, shape in enumerate(SHAPES)}
        form.write(tmp_path, arrays)
        group = zarr.create_group(store=tmp_path / "theirs", zarr_format=3)
        for name, array in arrays.items():
            member = group.create_array(
                name,
                shape=array.shape,
                dtype=array.dtype,
                chunks=chunk_shape(array.shape, array.dtype.itemsize),
                filters=None,
                compressors=[zarr.codecs.Crc32cCodec()],
                fill_value=0,
                config={"write_empty_chunks": True},
            )
            member[...] = array
        ours, theirs = (files_below(tmp_path / name) for name in ("arrays.zarr", "theirs"))
        assert ours == theirs

    def test_arrays_of_the_zarr_library_are_read(
        self, form: ArrayFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As it writes by itself: other chunks, and compressed."""
        zarr = pytest.importorskip("zarr")
        group = zarr.create_group(store=tmp_path / "arrays.zarr", zarr_format=3)
        array = _sample("float32", (33, 10))
        group.create_array("x", data=array, chunks=(4, 5))
        np.testing.assert_array_equal(read(form, tmp_path, "x", ((33, 10), "float32")), array)
        monkeypatch.setattr(zarr, "open_array", None)  # the test can tell who reads
        with pytest.raises(ValueError, match="unreadable as Zarr"):
            read(form, tmp_path, "x", ((33, 10), "float32"))

    @pytest.mark.parametrize("shape", SHAPES)
    def test_our_own_are_read_without_the_library(
        self, form: ArrayFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
    ) -> None:
        array = _sample("int16", shape)
        form.write(tmp_path, {"x": array})
        monkeypatch.setitem(sys.modules, "zarr", None)
        np.testing.assert_array_equal(read(form, tmp_path, "x", (shape, "int16")), array)

    def test_the_library_reads_ours(
        self, form: ArrayFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        zarr = pytest.importorskip("zarr")
        monkeypatch.setattr(forms, "CHUNK_BYTES", 400)
        array = _sample("float32", (33, 10))
        form.write(tmp_path, {"x": array})
        group = zarr.open_group(store=tmp_path / "arrays.zarr", mode="r")
        np.testing.assert_array_equal(group["x"][...], array)

    @pytest.mark.parametrize("change", ["cut", "longer", "gone"])
    def test_a_chunk_of_another_length_is_refused(
        self, form: ArrayFormat, tmp_path: Path, change: str
    ) -> None:
        form.write(tmp_path, {"x": _sample("float32", (6, 5))})
        path = tmp_path / "arrays.zarr" / "x" / "c" / "0" / "0"
        whole = path.read_bytes()
        if change == "gone":
            path.unlink()
        else:
            path.write_bytes(whole[:-8] if change == "cut" else whole + whole[:4])
        with pytest.raises(ValueError, match="unreadable"):
            read(form, tmp_path, "x", ((6, 5), "float32"))

    def test_metadata_that_is_no_json_is_refused(self, form: ArrayFormat, tmp_path: Path) -> None:
        form.write(tmp_path, {"x": _sample("float32", (6, 5))})
        path = tmp_path / "arrays.zarr" / "x" / "zarr.json"
        for text in ["{", "[]", json.dumps({**json.loads(path.read_text()), "codecs": [{"name": "none"}]})]:
            path.write_text(text)
            with pytest.raises(ValueError):
                read(form, tmp_path, "x", ((6, 5), "float32"))


class TestHdf5(Suite):
    name = "hdf5"

    def test_a_link_to_another_file_is_refused(self, form: ArrayFormat, tmp_path: Path) -> None:
        h5py = pytest.importorskip("h5py")
        (tmp_path / "secret").mkdir()
        form.write(tmp_path / "secret", {"x": _sample("float32", (6, 5))})
        with h5py.File(tmp_path / "arrays.h5", "w") as file:
            file["x"] = h5py.ExternalLink(str(tmp_path / "secret" / "arrays.h5"), "/x")
        with pytest.raises(ValueError, match="no such dataset"):
            read(form, tmp_path, "x", ((6, 5), "float32"))

    def test_data_kept_in_another_file_are_refused(self, form: ArrayFormat, tmp_path: Path) -> None:
        h5py = pytest.importorskip("h5py")
        (tmp_path / "secret").write_bytes(bytes(120))
        with h5py.File(tmp_path / "arrays.h5", "w") as file:
            file.create_dataset("x", (6, 5), "f4", external=[(str(tmp_path / "secret"), 0, 120)])
        with pytest.raises(ValueError, match="not a plain dataset"):
            read(form, tmp_path, "x", ((6, 5), "float32"))


def test_hash_is_of_little_endian_bytes_in_c_order() -> None:
    array = _sample("float32", (6, 5))
    twin = np.asfortranarray(array.astype(">f4"))
    assert array_sha256(twin) == array_sha256(array)
    np.testing.assert_array_equal(little_endian(twin), array)


@pytest.mark.parametrize(
    ("shape", "itemsize", "expected"),
    [
        ((), 4, ()),
        ((0, 5), 4, (1, 5)),
        ((10_000, 1536), 2, (10_000, 1536)),
        ((50_000, 1536), 2, (21_845, 1536)),
        ((3, 2**25), 8, (1, 2**25)),
    ],
)
def test_chunks_are_whole_rows_up_to_64_mib(
    shape: tuple[int, ...], itemsize: int, expected: tuple[int, ...]
) -> None:
    assert chunk_shape(shape, itemsize) == expected
