"""A cine whose every slice is a DICOM series of its own: the same as one series, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import extract
from extract.check.volumes import volume_problems
from extract.volumes.dicom_slice_times import MOST_PACE, slice_times
from extract.volumes.dicom_time_choice import of_folder
from extract.volumes.manifest import SeriesFile
from extract.volumes.stored import VolumeFormatError
from extract.volumes.time.frames import open_frames
from feature_cache.errors import SourceError
from tests.extract.volumes.dicom_writer import SECRETS, write_dicom
from tests.extract.volumes.files import grid_of
from tests.extract.volumes.studies import build, cohort_of, series

pytest.importorskip("pydicom", reason="pydicom (extra mri) is not installed")
RECIPES = Path(extract.__file__).parent / "recipes"
SLICES, FRAMES, STEP_MS = 5, 6, 40.0
GRID = grid_of((7, 6, SLICES), (1.5, 1.5, 8.0), (30, 20, 5))
VOXELS = np.random.default_rng(3).integers(0, 900, (*GRID.size, FRAMES)).astype(np.int16)
Times = Callable[[int, int], float | None]


def trigger(_: int, frame: int) -> float:
    return 20 + STEP_MS * frame


def uid_of(name: str) -> str:
    return f"99.88.77.1.{int.from_bytes(name.encode())}"


class CineStudy:
    """A folder that series of one place are added to, each image in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = 0

    def add(
        self, place: int, uid: str, time: Times = trigger, frames: Sequence[int] = range(FRAMES), **tags: Any
    ) -> None:
        """Write one slice of `VOXELS` (or the one `place` steps from the first, beyond them)."""
        affine = GRID.affine.copy()
        affine[:3, 3] += place * affine[:3, 2]
        for frame in frames:
            own = {"SeriesInstanceUID": uid_of(uid), "InstanceNumber": frame + 1}
            own |= {"TriggerTime": time(place, frame), **tags}
            voxels = VOXELS[:, :, [place % SLICES], frame]
            write_dicom(self.folder / uid, voxels, affine, start=1 + self.images, **own)
            self.images += 1

    def add_stack(self, places: Sequence[int] = range(SLICES), of: str = "sa", **more: Any) -> CineStudy:
        for place in places:
            self.add(place, f"{of}{place}", **more)
        return self

    def open(self, kind: Any = "heart") -> Any:
        return open_frames([SeriesFile(sequence="cine", path=self.folder, where="case 1, cine")], kind)

    def refusal(self, kind: Any = "heart") -> SourceError:
        with pytest.raises(SourceError) as caught:
            self.open(kind)
        assert not [secret for secret in SECRETS if secret in str(caught.value)]
        assert caught.value.remedy
        return caught.value


def add_long_axis_and_scout(study: CineStudy) -> None:
    turned = grid_of((7, 6, 1), (1.5, 1.5, 8.0), (80, 10, 40))
    for frame in range(FRAMES):
        own = {"SeriesInstanceUID": uid_of("la"), "TriggerTime": 33.0 * frame}
        write_dicom(study.folder / "la", VOXELS[:, :, :1, frame], turned.affine, start=900 + frame, **own)
    write_dicom(
        study.folder / "scout", VOXELS[..., 0], turned.affine, start=990, SeriesInstanceUID=uid_of("scout")
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> CineStudy:
    study = CineStudy(tmp_path_factory.mktemp("slices") / "d").add_stack()
    add_long_axis_and_scout(study)
    study.add(2, "phase", ImageType=["ORIGINAL", "PRIMARY", "P", "ND"])
    return study


def test_it_is_what_one_series_of_all_slices_is(whole: CineStudy, tmp_path: Path) -> None:
    one = CineStudy(tmp_path / "one")
    for point in range(FRAMES):
        write_dicom(
            one.folder, VOXELS[..., point], GRID.affine, start=1 + 50 * point, TriggerTime=trigger(0, point)
        )
    own, other = whole.open(), one.open()
    np.testing.assert_array_equal(own.read(), np.moveaxis(VOXELS, -1, 0))
    np.testing.assert_array_equal(own.read(), other.read())
    np.testing.assert_array_equal(own.grid.affine, other.grid.affine)
    np.testing.assert_array_equal(own.times.time_s, other.times.time_s)
    np.testing.assert_array_equal(own.numbers, other.numbers)
    assert own.times.source == "header (TriggerTime, the median over slices)"
    assert own.warnings == other.warnings == ()
    assert "left_out" not in other.stored[0].described["dicom"]


def test_the_entry_is_told_the_rule_and_what_was_left_out(whole: CineStudy) -> None:
    told = whole.open().stored[0].described["dicom"]
    assert told["rule"].startswith("one series a slice")
    assert (told["images"], told["slices"], told["time_points"]) == (SLICES * FRAMES, SLICES, FRAMES)
    assert told["left_out"] == {"another orientation": 1, "not over time": 1, "phase images": 1}
    assert told["slices_apart"]["pace"] == told["slices_apart"]["course_frames"] == 0


def test_through_check_and_the_stage_with_the_recipe_over_time(whole: CineStudy) -> None:
    cohort = cohort_of([series("cine", "d")])
    problems = [*volume_problems(cohort, whole.folder.parent)]
    assert [one.level for one in problems] == ["warning"]  # recipes without the block refuse it
    shipped = yaml.safe_load((RECIPES / "over_time.yaml").read_text(encoding="utf-8"))["volumes"]
    draft = build(cohort, whole.folder.parent, shipped)
    np.testing.assert_allclose(draft.arrays["time_s"], 0.02 + 0.04 * np.arange(FRAMES))
    told: Any = draft.attrs["series_grids"]
    assert told["cine"]["dicom"]["rule"].startswith("one series a slice")
    assert told["cine"]["size"] == list(GRID.size)
    assert not [secret for secret in SECRETS if secret in str(draft.attrs) + str(draft.warnings)]


def test_a_contrast_agent_is_not_put_together_of_breath_holds(whole: CineStudy) -> None:
    assert "each a series of its own" in whole.refusal("contrast").got


def test_beside_one_series_of_all_slices_single_ones_are_left_out(tmp_path: Path) -> None:
    study = CineStudy(tmp_path / "d")
    for point in range(FRAMES):
        write_dicom(
            study.folder, VOXELS[..., point], GRID.affine, start=1 + 50 * point, TriggerTime=trigger(0, point)
        )
    add_long_axis_and_scout(study)
    opened = study.open()
    np.testing.assert_array_equal(opened.read(), np.moveaxis(VOXELS, -1, 0))
    assert opened.stored[0].described["dicom"]["left_out"] == {"not over time": 1, "of one place": 1}


def test_beside_one_series_of_all_slices_images_taken_twice_are_no_stack(tmp_path: Path) -> None:
    """As late enhancement is: nothing but its numbers tells the second from the first."""
    study = CineStudy(tmp_path / "d").add_stack(of="again", time=lambda *_: None, frames=[0, 1], EchoTime=3)
    for point in range(FRAMES):
        write_dicom(
            study.folder, VOXELS[..., point], GRID.affine, start=501 + 50 * point, TriggerTime=40 * point
        )
    opened = study.open()
    np.testing.assert_array_equal(opened.read(), np.moveaxis(VOXELS, -1, 0))
    assert opened.stored[0].described["dicom"]["left_out"] == {"of one place": SLICES}


def test_hearts_that_beat_a_little_faster_meet_in_the_median(tmp_path: Path) -> None:
    paces = (1.0, 1.06, 0.98, 1.01, 0.99)
    study = CineStudy(tmp_path / "d").add_stack(time=lambda place, frame: paces[place] * trigger(0, frame))
    series = study.open()
    np.testing.assert_allclose(series.times.time_s, 0.02 + 0.04 * np.arange(FRAMES))
    assert any("different heart rates (up to 6.0% from the median)" in one for one in series.warnings)
    np.testing.assert_array_equal(series.read(), np.moveaxis(VOXELS, -1, 0))


def test_without_a_time_numbers_give_the_order_and_times_are_unknown(tmp_path: Path) -> None:
    series = CineStudy(tmp_path / "d").add_stack(time=lambda *_: None).open()
    np.testing.assert_array_equal(series.read(), np.moveaxis(VOXELS, -1, 0))
    assert not series.times.known


def test_slices_upright_in_the_body_whose_folders_are_in_no_order(tmp_path: Path) -> None:
    """The normal lies across the body: nothing but it tells one place from another in order."""
    affine = GRID.affine.copy()
    axes = np.array([[-0.6, -0.8, 0.0], [0.0, 0.0, -1.0], [0.8, -0.6, 0.0]])
    affine[:3, :3] = axes.T * (1.5, 1.5, 8.0)
    study = CineStudy(tmp_path / "d")
    for number, place in enumerate((3, 0, 4, 1, 2)):
        at = affine.copy()
        at[:3, 3] += place * at[:3, 2]
        for frame in range(FRAMES):
            own = {"SeriesInstanceUID": uid_of(f"sa{number}"), "TriggerTime": trigger(0, frame)}
            voxels = VOXELS[:, :, [place], frame]
            write_dicom(study.folder / str(number), voxels, at, start=1 + 10 * number + frame, **own)
    series = study.open()
    np.testing.assert_allclose(series.grid.affine, affine, atol=1e-6)
    np.testing.assert_array_equal(series.read(), np.moveaxis(VOXELS, -1, 0))


@pytest.mark.parametrize(
    "odd",
    [
        {"EchoTime": 2},
        {"ImageType": ["DERIVED", "PRIMARY", "M", "ND"]},
        {"DiffusionBValue": 50},
        {"PixelSpacing": [1.5, 1.6]},
        {"Rows": GRID.size[0], "Columns": GRID.size[1]},
        {"StudyInstanceUID": "99.88.77.2"},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_what_differs_in_a_tag_is_no_slice_of_the_stack(tmp_path: Path, odd: dict[str, Any]) -> None:
    study = CineStudy(tmp_path / "d").add_stack([0, 1, 3, 4])
    study.add(2, "sa2", **odd)
    got = study.refusal().got
    assert "1 of 5 slices missing" in got
    assert ("beside them 1 series" in got) == ("StudyInstanceUID" not in odd)


def add_perfusion(study: CineStudy) -> None:
    """Three short axes under a contrast agent, a picture a beat: as alike as slices of the cine."""
    study.add_stack([0, 2, 4], of="perfusion", time=lambda _, frame: 90 + 800.0 * frame)


def add_mapping(study: CineStudy) -> None:
    """Three short axes at other times after an inversion, in a fixed phase of the beat or not."""
    for place in (0, 2, 4):
        for frame, inversion_ms in enumerate((100, 180, 260, 900, 980, 1700)):
            affine = GRID.affine.copy()
            affine[:3, 3] += place * affine[:3, 2]
            own = {"TriggerTime": inversion_ms + 5.0, "InversionTime": inversion_ms}
            own |= {"SeriesInstanceUID": uid_of(f"map{place}"), "InstanceNumber": frame + 1}
            start = 3000 + 10 * place + frame
            write_dicom(
                study.folder / f"map{place}", VOXELS[:, :, [place], frame], affine, start=start, **own
            )


def test_perfusion_and_mapping_beside_a_cine_are_left_out_and_counted(tmp_path: Path) -> None:
    study = CineStudy(tmp_path / "d").add_stack()
    add_perfusion(study)
    add_mapping(study)
    series = study.open()
    np.testing.assert_array_equal(series.read(), np.moveaxis(VOXELS, -1, 0))
    left_out = series.stored[0].described["dicom"]["left_out"]
    assert left_out == {"longer than a beat": 3, "of several inversion times": 3}


@pytest.mark.parametrize(
    ("write", "got"),
    [(add_perfusion, "3 of them longer than a beat"), (add_mapping, "3 of them of several inversion times")],
)
def test_what_is_no_single_beat_is_no_cine(
    tmp_path: Path, write: Callable[[CineStudy], None], got: str
) -> None:
    study = CineStudy(tmp_path / "d")
    write(study)
    error = study.refusal()
    assert got in error.got
    assert "Only slices over one beat" in error.remedy


def test_a_clock_that_runs_against_the_numbers_does_not_order_frames(tmp_path: Path) -> None:
    """Scanners compute the images of a beat in any order."""
    study = CineStudy(tmp_path / "d")
    for place in range(SLICES):
        for frame in range(FRAMES):
            computed = f"1015{(7 * frame + place) % FRAMES:02d}"
            study.add(place, f"sa{place}", time=lambda *_: None, frames=[frame], ContentTime=computed)
    series = study.open()
    np.testing.assert_array_equal(series.read(), np.moveaxis(VOXELS, -1, 0))
    assert not series.times.known


def lost(study: CineStudy) -> None:
    study.add_stack([0, 1, 3, 4])


def doubled(study: CineStudy) -> None:
    study.add_stack().add(2, "again")


def shorter(study: CineStudy) -> None:
    study.add_stack([0, 1, 3, 4]).add(2, "sa2", frames=[0, 1, 2, 4, 5])


def faster(study: CineStudy) -> None:
    study.add_stack(time=lambda place, frame: (0.8 if place == 1 else 1) * trigger(0, frame))


def late(study: CineStudy) -> None:
    study.add_stack(time=lambda place, frame: (26 if place == 3 else 0) + trigger(0, frame))


def skipping(study: CineStudy) -> None:
    study.add_stack(
        time=lambda place, frame: trigger(0, frame + (place == 2 and frame > 2)) / (1.2 if place == 2 else 1)
    )


def half_timed(study: CineStudy) -> None:
    study.add_stack(time=lambda place, frame: None if place == 4 else trigger(0, frame))


def backwards(study: CineStudy) -> None:
    for place in range(SLICES):
        for frame in range(FRAMES):
            trigger_ms = trigger(0, FRAMES - frame if place == 3 else frame)
            tags = {"TemporalPositionIdentifier": 1 + frame, "TriggerTime": trigger_ms}
            study.add(place, f"sa{place}", frames=[frame], **tags)


def two_stacks(study: CineStudy) -> None:
    study.add_stack().add_stack(of="other", EchoTime=2)


def long_and_short(study: CineStudy) -> None:
    study.add_stack().add_stack(of="other", frames=range(4))


def too_few(study: CineStudy) -> None:
    study.add_stack([0, 1])
    add_long_axis_and_scout(study)


def packed(study: CineStudy) -> None:
    study.add_stack([0, 1, 2, 3]).add(4, "sa4", NumberOfFrames=3)


@pytest.mark.parametrize(
    ("write", "expected", "got"),
    [
        (lost, "evenly apart and complete", "1 of 5 slices missing: 16 mm between"),
        (doubled, "nothing chooses between breath-holds", "1 of 6 series at the place of another"),
        (shorter, "as many frames in every slice", "5 in slice 3 of 5 ("),
        (faster, "show one moment of the beat", "a heart rate that differs by 20%"),
        (late, "show one moment of the beat", "first frame is 0.65 frames away"),
        (skipping, "show one moment of the beat", "frames away from those of the others"),
        (half_timed, "whose frames one tag orders", "slice 5 of 5 ("),
        (backwards, "increases from frame to frame", "times that do not go forward in slice 4 of 5 ("),
        (two_stacks, "one series over time", "2 of them: 5 single slices of 6 frames (such as 1-31.dcm) and"),
        (long_and_short, "one series over time", "5 single slices of 4 frames (such as 1-31.dcm) and"),
        (too_few, "or a stack of slices", "3 series of one place each"),
        (packed, "one image each", "3 frames in"),
    ],
)
def test_what_is_no_stack_is_refused(
    tmp_path: Path, write: Callable[[CineStudy], None], expected: str, got: str
) -> None:
    study = CineStudy(tmp_path / "d")
    write(study)
    error = study.refusal()
    assert expected in error.expected
    assert got in error.got


def test_uneven_places_are_refused(tmp_path: Path) -> None:
    study = CineStudy(tmp_path / "d").add_stack([0, 1, 2])
    moved = GRID.affine.copy()
    moved[:3, 3] += 3.3 * moved[:3, 2]
    for frame in range(FRAMES):
        own = {"SeriesInstanceUID": uid_of("sa3"), "TriggerTime": trigger(0, frame)}
        write_dicom(study.folder / "sa3", VOXELS[:, :, [3], frame], moved, start=500 + frame, **own)
    assert "8 to 10.4 mm apart" in study.refusal().got


def test_a_slice_of_another_kind_beyond_the_last_is_doubted(tmp_path: Path) -> None:
    study = CineStudy(tmp_path / "d").add_stack([0, 1, 2, 3])
    study.add(4, "sa4", EchoTime=2)
    assert any("an end slice may be lacking (1 such)" in one for one in study.open().warnings)


def test_a_file_of_one_slice_stands_for_no_stack_and_the_folder_is_named(tmp_path: Path) -> None:
    study = CineStudy(tmp_path / "d").add_stack()
    study.folder = min(study.folder.rglob("*.dcm"))
    error = study.refusal()
    assert "a file of a series of one place, 1-01.dcm" in error.got
    assert "the folder that holds all of them" in error.remedy


def test_a_slice_whose_series_is_turned_is_refused(tmp_path: Path) -> None:
    study = CineStudy(tmp_path / "d").add_stack()
    turned = grid_of((7, 6, 1), (1.5, 1.5, 8.0), (80, 10, 40))
    axes = np.array([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    own = {"SeriesInstanceUID": uid_of("sa3")}
    write_dicom(study.folder / "sa3", VOXELS[:, :, :1, 0], axes @ turned.affine, start=700, **own)
    assert "images are turned" in study.refusal().got


def test_one_slice_alone_is_no_volume(tmp_path: Path) -> None:
    study = CineStudy(tmp_path / "d").add_stack([0])
    assert "a single image" in study.refusal().got


times = st.floats(20, 60).map(lambda step: step * np.arange(24) / 1000)


@given(times, st.lists(st.floats(-0.045, 0.045), min_size=3, max_size=14))
def test_paces_within_the_tolerance_are_taken_and_the_median_is_told(
    row: np.ndarray, paces: list[float]
) -> None:
    rows = np.stack([row * (1 + pace) for pace in paces])
    found = slice_times(rows, ["s"] * len(rows))
    assert found.pace <= MOST_PACE
    np.testing.assert_allclose(found.time_s, np.median(rows, axis=0), atol=1e-6)
    assert found.course < 1e-6


@given(st.integers(1, 24), st.floats(25, 50), st.integers(0, 4))
def test_a_frame_lost_anywhere_and_made_up_at_the_end_is_seen(place: int, step: float, which: int) -> None:
    rows = np.tile(np.arange(25) * step / 1000, (5, 1))
    rows[which, place:] += step / 1000
    if place == 24:  # the last one alone is later: nothing was lost
        return
    with pytest.raises(VolumeFormatError, match=r"frames are up to|first frame"):
        slice_times(rows, [f"slice {number}" for number in range(5)])


def test_nothing_over_time_is_no_series() -> None:
    with pytest.raises(VolumeFormatError, match="none in 0 series"):
        of_folder((), ())
