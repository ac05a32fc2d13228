"""Studies with series over time, as stage 1 stores them and as stage 2 reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.check.volumes import volume_problems
from extract.volumes.stage import VolumeStage
from extract.volumes.time.frame_times import read_times
from feature_cache.canonical import sha256_of_file
from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft
from feature_cache.errors import SourceError
from feature_cache.store import FeatureCache
from feature_cache.tables import MaskRow, SeriesRow
from fuse.features.feature_sets import choose_feature_sets
from fuse.features.table import read_cases
from tests.extract.volumes.cines import SIZE, cavity, cavity_share, cine, uptake
from tests.extract.volumes.files import grid_of, write_nifti
from tests.extract.volumes.studies import (
    T2W,
    build,
    cohort_of,
    gland,
    items_of,
    mask,
    paint,
    row_of,
    series,
)

GRID = grid_of(SIZE, (1.5, 1.5, 8.0), (5, 0, 0))
HEART = {"time": {}}
ML = 1.5 * 1.5 * 8 / 1000


def write_cine(
    folder: Path, frames: int = 12, start: int = 3, least: float = 5.0
) -> list[np.ndarray[Any, Any]]:
    """Write a cine of four axes, its times and a mask of four axes; return the cavity of each frame."""
    folder.mkdir(parents=True, exist_ok=True)
    voxels, masks = cine(frames, start, least)
    labels = [np.where(one, 3, np.where(cavity(12), 2, 0)).astype(np.uint8) for one in masks]
    write_nifti(folder / "cine.nii", voxels, GRID.affine)
    write_nifti(folder / "labels.nii", np.stack(labels, axis=-1), GRID.affine)
    times = ", ".join(f"{0.08 * frame:.2f}" for frame in range(frames))
    (folder / "times.json").write_text(f'{{"time_s": [{times}]}}')
    return masks


CINE = series("cine", "cine.nii", times_path="times.json")
LABELS = mask("heart", "labels.nii", "2=MYO;3=LV")


def measure(draft: EntryDraft, name: str) -> float:
    names = draft.attrs["measure_names"]
    assert isinstance(names, list)
    return float(draft.arrays["measures"][names.index(name)])


def told(draft: EntryDraft, sequence: str) -> dict[str, Any]:
    every = draft.attrs["over_time"]
    assert isinstance(every, dict) and isinstance(every[sequence], dict)
    return every[sequence]


def rows_of(draft: EntryDraft, sequence: str, region: str) -> np.ndarray[Any, Any]:
    """Return the frames of a region of a series."""
    rows = draft.attrs["time_rows"]
    assert isinstance(rows, list)
    return draft.arrays["time_embeddings"][
        [place for place, row in enumerate(rows) if row == {"series": sequence, "region": region}]
    ]


def test_a_cine_with_a_mask_of_every_frame(tmp_path: Path) -> None:
    cavities = write_cine(tmp_path)
    draft = build(cohort_of([CINE], [LABELS]), tmp_path, HEART)
    voxels = np.array([int(one.sum()) for one in cavities])
    share = cavity_share(12, 3)
    assert draft.attrs["time_named"] == {
        "cine": {"end_diastole": int(share.argmax()), "end_systole": int(share.argmin())}
    }
    assert told(draft, "cine")["phases_from"] == "volume of the left ventricle"
    assert told(draft, "cine")["shown"] == "frame 4, end diastole"
    assert measure(draft, "cine/lv_cavity/ejection_fraction") == pytest.approx(
        1 - voxels.min() / voxels.max()
    )
    assert measure(draft, "cine/lv_cavity/end_diastolic_volume_ml") == pytest.approx(voxels.max() * ML)
    np.testing.assert_allclose(draft.arrays["time_s"].reshape(3, 12), np.tile(0.08 * np.arange(12), (3, 1)))
    assert draft.arrays["time_frame"].tolist() == 3 * [*range(1, 13)]
    # where time is no axis the entry is that of end diastole
    lv = row_of(draft, "cine", "heart_LV")
    assert lv["morph_vol_approx"] == pytest.approx(voxels.max() * ML * 1000)
    names = draft.attrs["time_feature_names"]
    assert isinstance(names, list)
    volumes_mm3 = rows_of(draft, "cine", "heart_LV")[:, names.index("morph_vol_approx")]
    np.testing.assert_allclose(volumes_mm3, voxels * ML * 1000, rtol=1e-6)


def test_a_row_a_frame_is_the_same_as_a_file_of_all(tmp_path: Path) -> None:
    write_cine(tmp_path)
    voxels, masks = cine(12, 3)
    rows: list[SeriesRow] = []
    drawn: list[MaskRow] = []
    for frame in range(12):
        write_nifti(tmp_path / f"f{frame}.nii", voxels[..., frame], GRID.affine)
        labels = np.where(masks[frame], 3, np.where(cavity(12), 2, 0)).astype(np.uint8)
        write_nifti(tmp_path / f"m{frame}.nii", labels, GRID.affine)
        rows.append(series("cine", f"f{frame}.nii", frame=frame + 1, time_s=0.08 * frame))
        drawn.append(mask("heart", f"m{frame}.nii", "2=MYO;3=LV", frame=frame + 1))
    whole = build(cohort_of([CINE], [LABELS]), tmp_path, HEART)
    split = build(cohort_of(rows, drawn), tmp_path, HEART)
    assert sorted(whole.arrays) == sorted(split.arrays)
    for name, values in whole.arrays.items():
        np.testing.assert_array_equal(values, split.arrays[name], err_msg=name)
    assert whole.attrs["time_rows"] == split.attrs["time_rows"]


def test_two_labelled_frames_of_a_cine_are_not_taken_for_the_others(tmp_path: Path) -> None:
    """As ACDC has it: labels at end diastole and end systole, none between."""
    write_cine(tmp_path)
    _, masks = cine(12, 3)
    labels = np.zeros((*SIZE, 12), dtype=np.uint8)
    for frame in (3, 8):
        labels[..., frame] = 3 * masks[frame]
    write_nifti(tmp_path / "labels.nii", labels, GRID.affine)
    draft = build(cohort_of([CINE], [mask("LV", "labels.nii", "3=LV")]), tmp_path, HEART)
    described = np.isfinite(rows_of(draft, "cine", "LV")).any(axis=1)
    assert np.flatnonzero(described).tolist() == [3, 8]
    assert np.isfinite(rows_of(draft, "cine", "crop")).any(axis=1).all()
    assert any("10 of 12 frames without a label count as not drawn" in one for one in draft.warnings)
    assert measure(draft, "cine/lv_cavity/ejection_fraction") == pytest.approx(
        1 - masks[8].sum() / masks[3].sum()
    )


def test_a_frame_whose_mask_leaves_the_cavity_out_is_not_end_systole(tmp_path: Path) -> None:
    write_cine(tmp_path)
    _, masks = cine(12, 3)
    labels = np.zeros((*SIZE, 12), dtype=np.uint8)
    for frame in (3, 8):
        labels[..., frame] = 3 * masks[frame]
    labels[..., 5] = 2 * masks[5]  # muscle alone
    write_nifti(tmp_path / "labels.nii", labels, GRID.affine)
    draft = build(cohort_of([CINE], [LABELS]), tmp_path, HEART)
    assert draft.attrs["time_named"] == {"cine": {"end_diastole": 3, "end_systole": 8}}
    assert measure(draft, "cine/lv_cavity/ejection_fraction") == pytest.approx(
        1 - masks[8].sum() / masks[3].sum()
    )


def test_masks_of_frames_that_are_not_the_phases_are_doubted(tmp_path: Path) -> None:
    """Drawn at end diastole and two frames later: an ejection fraction of these is not the heart's."""
    write_cine(tmp_path)
    _, masks = cine(12, 3)

    def doubts(*frames: int) -> list[str]:
        labels = np.zeros((*SIZE, 12), dtype=np.uint8)
        for frame in frames:
            labels[..., frame] = 3 * masks[frame]
        write_nifti(tmp_path / "labels.nii", labels, GRID.affine)
        draft = build(cohort_of([CINE], [mask("LV", "labels.nii", "3=LV")]), tmp_path, HEART)
        return [one for one in draft.warnings if "the images" in one]

    assert doubts(3, 8) == doubts(3, 7) == []
    (doubt,) = doubts(3, 5)
    assert doubt.startswith("cine: of 2 frames with masks end systole is frame 6, of the images frame ")


def test_without_a_mask_the_images_tell_the_phases_and_no_ejection_fraction(tmp_path: Path) -> None:
    write_cine(tmp_path)
    draft = build(cohort_of([CINE]), tmp_path, HEART)
    assert told(draft, "cine")["phases_from"] == "images"
    assert told(draft, "cine")["end_diastole_frame"] == 4
    assert "measures" not in draft.arrays


def write_dce(folder: Path) -> np.ndarray[Any, Any]:
    """Write a T2W with a gland, and DCE on its own grid whose gland takes up the agent from 40 s on."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = grid_of((12, 10, 8), (1.0, 1.0, 3.0), (0, 18.5, 0), (-6.0, -5.0, -10.0))
    time_s = 8.0 + 4.2 * np.arange(40)
    rise = 1 + np.where(gland(grid)[..., None], uptake(time_s, 40.0), 0)
    write_nifti(folder / "dce.nii", (200 * rise).astype(np.float32), grid.affine)
    write_nifti(folder / "t2w.nii.gz", paint(T2W, 500, 200), T2W.affine)
    write_nifti(folder / "gland.nii.gz", gland(T2W).astype(np.uint8), T2W.affine)
    (folder / "dce.json").write_text(f'{{"time_s": {[round(float(one), 3) for one in time_s]}}}')
    return time_s


DCE = [series("t2w", "t2w.nii.gz"), series("dce", "dce.nii", times_path="dce.json")]
GLAND = mask("prostate", "gland.nii.gz")


def test_contrast_in_the_gland_of_another_series(tmp_path: Path) -> None:
    time_s = write_dce(tmp_path)
    draft = build(cohort_of(DCE, [GLAND]), tmp_path, HEART)
    assert draft.attrs["reference"] == "t2w"
    assert told(draft, "dce")["shown"] == "the mean of the 8 frames before contrast"
    assert measure(draft, "dce/prostate/onset_s") == pytest.approx(7 * 4.2)
    # the edge of the gland is interpolated with what takes up nothing
    peak = measure(draft, "dce/prostate/relative_enhancement")
    assert 0.7 * uptake(time_s, 40.0).max() < peak <= uptake(time_s, 40.0).max()
    assert len(rows_of(draft, "dce", "prostate")) == 40
    assert row_of(draft, "dce", "prostate")["stat_mean"] == pytest.approx(200, rel=1e-5)


def test_without_the_block_time_nothing_of_it_is_read(tmp_path: Path) -> None:
    write_cine(tmp_path)
    with pytest.raises(SourceError, match="Name its sequence in a block `time`"):
        build(cohort_of([CINE]), tmp_path)
    frames = [series("cine", "cine.nii", frame=1), series("cine", "other.nii", frame=2)]
    (tmp_path / "other.nii").write_bytes((tmp_path / "cine.nii").read_bytes())
    with pytest.raises(SourceError, match="a recipe whose volumes have a block `time`"):
        build(cohort_of(frames), tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (mask("heart", "labels.nii", "2=MYO;3=LV", frame=3), "got 12 time points"),
        (mask("heart", "first.nii", "2=MYO;3=LV", frame=40), "one of the 12 frames of cine; got frame 40"),
        (mask("heart", "seven.nii", "2=MYO;3=LV"), "12 time points, as cine has; got 7"),
    ],
)
def test_masks_of_other_frames_are_refused(tmp_path: Path, row: MaskRow, message: str) -> None:
    write_cine(tmp_path)
    labels = np.zeros((*SIZE, 7), dtype=np.uint8)
    labels[20, 17, 2] = 3
    write_nifti(tmp_path / "seven.nii", labels, GRID.affine)
    write_nifti(tmp_path / "first.nii", labels[..., 0], GRID.affine)
    with pytest.raises(SourceError, match=message):
        build(cohort_of([CINE], [row]), tmp_path, HEART)


def test_facts_of_studies_without_frames_are_what_they_were(tmp_path: Path) -> None:
    """They are hashed as a source: another form would make every entry there is anew."""
    write_dce(tmp_path)
    (item,) = items_of(cohort_of([DCE[0]], [GLAND]), tmp_path)
    (one,) = item.facts["series"] if isinstance(item.facts["series"], list) else []
    (drawn,) = item.facts["masks"] if isinstance(item.facts["masks"], list) else []
    assert isinstance(one, dict) and isinstance(drawn, dict)
    assert sorted(one) == ["day", "encoded", "role", "sequence", "spacing_mm"]
    assert sorted(drawn) == ["codebook", "region", "role"]


def test_the_file_of_times_is_a_source(tmp_path: Path) -> None:
    write_cine(tmp_path)
    (item,) = items_of(cohort_of([CINE]), tmp_path, HEART)
    roles = [one.role for one in VolumeStage().sources(item, sha256_of_file)]
    assert roles == ["series:cine:cine.nii", "times:cine:cine.nii", "manifest_study"]


def test_check_looks_at_frames_and_times(tmp_path: Path) -> None:
    write_cine(tmp_path)
    (warning,) = volume_problems(cohort_of([CINE], [LABELS]), tmp_path)
    assert not warning.fails and "`time: {}`" in warning.remedy
    assert warning.got == "cine as a series over time: recipes without a block `time` refuse it"
    (tmp_path / "times.json").write_text('{"time_s": [0, 1, 2]}')
    assert read_times(tmp_path / "times.json", "w") == (0, 1, 2)
    (problem,) = [one for one in volume_problems(cohort_of([CINE], [LABELS]), tmp_path) if one.fails]
    assert problem.expected == "a time for each of 12 frames"


def test_check_tells_how_a_sequence_of_another_name_is_read_over_time(tmp_path: Path) -> None:
    """It was refused by every recipe once, and must not pass unseen now."""
    write_cine(tmp_path)
    (warning,) = volume_problems(cohort_of([series("perfusion", "cine.nii")]), tmp_path)
    assert not warning.fails and "`time: {contrast: [perfusion]}, or heart`" in warning.remedy
    with pytest.raises(SourceError, match="Name its sequence in a block `time`"):
        build(cohort_of([series("perfusion", "cine.nii")]), tmp_path, HEART)


def moved(case: str, study: str, day: int, folder: str) -> list[SeriesRow]:
    ids = {"case_id": case, "study_id": study, "day": day}
    times = f"{folder}/times.json"
    return [series("cine", f"{folder}/cine.nii", times_path=times, **ids)]


def test_several_studies_of_a_case_count_by_their_day(tmp_path: Path) -> None:
    """Two cines of case 1, ten days before the operation and a year after: a moment knows what it may."""
    for number, folder in enumerate(("a", "b", "c")):
        write_cine(tmp_path / folder, frames=12 + 2 * number, start=number, least=4.0 + number)
    rows = [*moved("1", "s1", -10, "a"), *moved("1", "s2", 365, "b"), *moved("2", "s1", -3, "c")]
    masks = [
        mask("heart", f"{folder}/labels.nii", "2=MYO;3=LV", case_id=case, study_id=study)
        for case, study, folder in (("1", "s1", "a"), ("1", "s2", "b"), ("2", "s1", "c"))
    ]
    moments = {"before": 0, "one_year": 365}
    cohort = cohort_of(rows, masks, moments=moments, prediction_day=0)
    assert isinstance(cohort.card, CohortCard)
    stage, cache = VolumeStage(), FeatureCache.create(tmp_path / "cache")
    of_study = {}
    for item in items_of(cohort, tmp_path, HEART):
        draft = stage.build(item, stage.sources(item, sha256_of_file))
        cache.commit(draft)
        of_study[item.key.case_id, item.key.item_id] = measure(draft, "cine/lv_cavity/ejection_fraction")
    assert len(set(of_study.values())) == 3

    def fractions(moment: str) -> list[float]:
        at: Cohort = cohort.at(moment)
        chosen, problems = choose_feature_sets(cache, at, "auto")
        assert [one for one in problems if one.fails] == []
        table = read_cases(cache, chosen, ("1", "2"), tmp_path / moment).modalities["volumes"]
        column = table.columns.index("study/measures/cine/lv_cavity/ejection_fraction")
        assert "cine/heart_LV/time/end_systole/morph_vol_approx" in table.columns
        return [float(value) for value in table.values[:, column]]

    assert fractions("before") == pytest.approx([of_study["1", "s1"], of_study["2", "s1"]])
    both = (of_study["1", "s1"] + of_study["1", "s2"]) / 2
    assert fractions("one_year") == pytest.approx([both, of_study["2", "s1"]])
