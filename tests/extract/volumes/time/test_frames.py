"""Frames of every form: one file of four axes, DICOM, a row a frame; what does not go together is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.volumes.header import open_volume
from extract.volumes.manifest import SeriesFile
from extract.volumes.time.frames import open_frames
from extract.volumes.time.settings import Kind
from feature_cache.errors import SourceError
from tests.extract.volumes.dicom_writer import write_dicom
from tests.extract.volumes.files import grid_of, write_nifti

GRID = grid_of((9, 8, 5), (1.5, 1.5, 8.0), (10, 0, 0))
FRAMES = np.random.default_rng(3).integers(0, 900, (9, 8, 5, 6)).astype(np.int16)


def file(path: Path, **more: Any) -> SeriesFile:
    return SeriesFile(sequence="cine", path=path, where=f"case 1, {path.name}", **more)


def write_cine(path: Path, step: float = 40.0, unit: str = "msec") -> Path:
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(FRAMES, GRID.affine)
    image.set_sform(GRID.affine, code=1)
    image.set_qform(None, code=0)
    image.header.set_zooms((1.5, 1.5, 8.0, step))
    image.header.set_xyzt_units("mm", unit)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_of_four_axes(tmp_path: Path, name: str) -> None:
    series = open_frames([file(write_cine(tmp_path / name))], "heart")
    np.testing.assert_array_equal(series.read(), np.moveaxis(FRAMES, -1, 0))
    np.testing.assert_allclose(series.times.time_s, 0.04 * np.arange(6))
    assert series.times.source == "header (pixdim[4])"
    np.testing.assert_allclose(series.grid.affine, GRID.affine, atol=1e-5)
    with pytest.raises(SourceError, match="a volume of three axes; got one of 9 x 8 x 5 x 6"):
        open_volume(tmp_path / name, "w")


def test_a_step_without_a_unit_is_no_time(tmp_path: Path) -> None:
    series = open_frames([file(write_cine(tmp_path / "a.nii", 1.0, "unknown"))], "heart")
    assert not series.times.known
    assert series.warnings == ("the times of its frames are unknown: nothing in seconds",)
    with pytest.raises(SourceError, match="a time for each of 6 frames; got none"):
        open_frames([file(tmp_path / "a.nii")], "contrast")


@pytest.mark.parametrize(("step", "unit"), [(1.0, "sec"), (0.0, "sec")])
def test_a_second_is_what_tools_write_that_know_no_time(tmp_path: Path, step: float, unit: str) -> None:
    """SimpleITK writes 1 s for a stack of volumes: as a spacing of 1 x 1 x 1 it says nothing."""
    path = write_cine(tmp_path / "a.nii", step, unit)
    assert not open_frames([file(path)], "heart").times.known
    with pytest.raises(SourceError, match=r"none in header or series\.csv"):
        open_frames([file(path)], "contrast")


def test_metaimage_and_arrays_of_four_axes(tmp_path: Path) -> None:
    header = (
        "ObjectType = Image\nNDims = 4\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        "CompressedData = False\nTransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\nOffset = 0 0 0 0\n"
        "ElementSpacing = 1.5 1.5 8 1\nDimSize = 9 8 5 6\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    (tmp_path / "a.mha").write_bytes(header.encode() + FRAMES.tobytes(order="F"))
    np.savez_compressed(tmp_path / "a.npz", image=FRAMES.T)
    for name in ("a.mha", "a.npz"):
        series = open_frames([file(tmp_path / name)], "heart")
        np.testing.assert_array_equal(series.read(), np.moveaxis(FRAMES, -1, 0))
        assert not series.times.known


def _write_points(folder: Path, of_point: Any) -> Path:
    for point in range(FRAMES.shape[-1]):
        write_dicom(folder, FRAMES[..., point], GRID.affine, start=1 + 5 * point, **of_point(point))
    return folder


def test_dicom_by_trigger_time(tmp_path: Path) -> None:
    folder = _write_points(tmp_path / "d", lambda point: {"TriggerTime": 20 + 40 * point})
    for path in (folder, folder / "1-07.dcm"):
        series = open_frames([file(path)], "heart")
        np.testing.assert_array_equal(series.read(), np.moveaxis(FRAMES, -1, 0))
        np.testing.assert_allclose(series.times.time_s, 0.02 + 0.04 * np.arange(6))
        assert series.times.source == "header (TriggerTime)"
        assert series.stored[0].described["dicom"] == {
            "images": 30, "time_points": 6, "told_apart_by": "TriggerTime", "rules": 1,
        }  # fmt: skip


def test_dicom_by_the_clock_counts_from_its_first_point(tmp_path: Path) -> None:
    def clock(point: int) -> dict[str, Any]:
        return {"TemporalPositionIdentifier": point + 1, "AcquisitionTime": f"1015{4 * point:02d}.500000"}

    series = open_frames([file(_write_points(tmp_path / "d", clock))], "contrast")
    np.testing.assert_allclose(series.times.time_s, 4.0 * np.arange(6))
    assert series.times.source == "header (AcquisitionTime)"


def test_slices_of_different_heart_beats_are_put_together_by_phase(tmp_path: Path) -> None:
    def later(point: int) -> dict[str, Any]:
        def change(number: int, image: Any) -> None:
            image.TriggerTime = (30 + number) * (1 + point)

        return {"change": change}

    series = open_frames([file(_write_points(tmp_path / "d", later))], "heart")
    np.testing.assert_array_equal(series.read(), np.moveaxis(FRAMES, -1, 0))
    np.testing.assert_allclose(series.times.time_s, 0.032 * (1 + np.arange(6)))


def test_a_time_point_with_a_slice_less_is_refused(tmp_path: Path) -> None:
    folder = _write_points(tmp_path / "d", lambda point: {"TriggerTime": 20 + 40 * point})
    (folder / "1-09.dcm").unlink()
    with pytest.raises(SourceError, match="one series over time"):
        open_frames([file(folder)], "heart")


def rows(folder: Path, *numbers: int | None, **more: Any) -> list[SeriesFile]:
    for point in range(3):
        write_nifti(folder / f"{point}.nii", FRAMES[..., point], GRID.affine)
    return [file(folder / f"{place}.nii", frame=number, **more) for place, number in enumerate(numbers)]


def test_one_row_a_frame_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    series = open_frames(rows(tmp_path, 12, 1, 7), "heart")
    assert series.numbers.tolist() == [1, 7, 12]
    np.testing.assert_array_equal(series.read(), np.moveaxis(FRAMES[..., [1, 2, 0]], -1, 0))


@pytest.mark.parametrize(
    ("numbers", "more", "message"),
    [
        ((1, None), {}, "a number of its own for each of 2 rows of cine; got 1 without one"),
        ((3, 3), {}, "got 1 with that of another"),
        ((1,), {}, "two frames or more; got one"),
        ((None,), {}, "two frames or more"),
        ((1, 2), {"times": Path("t.json")}, "time_s in the row of each frame"),
        ((1, 2, 3), {"time_s": 0.1}, "2 that do not go forward"),
    ],
)
def test_rows_that_do_not_go_together(
    tmp_path: Path, numbers: tuple[int | None, ...], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        open_frames(rows(tmp_path, *numbers, **more), "heart")


def test_frames_of_different_grids_are_refused(tmp_path: Path) -> None:
    first = rows(tmp_path, 1)[0]
    moved = write_nifti(tmp_path / "m.nii", FRAMES[..., 1], grid_of((9, 8, 5), (1.5, 1.5, 8.0)).affine)
    small = write_nifti(tmp_path / "s.nii", FRAMES[:-1, ..., 1], GRID.affine)
    with pytest.raises(SourceError, match=r"the grid of the first \(9 x 8 x 5\); got one that is .* mm away"):
        open_frames([first, file(moved, frame=2)], "heart")
    with pytest.raises(SourceError, match="got 8 x 8 x 5"):
        open_frames([first, file(small, frame=2)], "heart")


@pytest.mark.parametrize("kind", ["heart", "contrast"])
def test_a_frame_without_a_number_in_it_is_refused(tmp_path: Path, kind: Kind) -> None:
    voxels = FRAMES.astype(np.float32)
    voxels[..., 4] = np.nan
    np.savez(tmp_path / "a.npz", image=voxels.T)
    seconds = tmp_path / "t.json"
    seconds.write_text('{"time_s": [0, 0.5, 1, 1.5, 2, 2.5]}')
    with pytest.raises(SourceError, match="none that is finite in frame 5"):
        open_frames([file(tmp_path / "a.npz", times=seconds)], kind).read()
