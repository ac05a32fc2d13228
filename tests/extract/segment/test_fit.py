"""Fit and segment from the command line, on painted hearts: who is taught by whom, and what is written."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from extract.__main__ import app
from extract.segment.record import read_record
from extract.volumes.header import open_volume
from extract.volumes.reader import read_labels
from feature_cache.errors import RecipeError
from tests.extract.segment.tiny_hearts import SPACING, TinyCohort, write_hearts

pytest.importorskip("torch")
SETTINGS = "{network: {widths: [8, 8, 8], blocks: 1}, epochs: 2, batch: 4, augment: false, %s}"
CASES = 4


def say(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def fit(cohort: TinyCohort, out: Path, more: str = "folds: 2, patience: 3", target: str = "heart") -> Result:
    settings = cohort.root.parent / "fit.yaml"
    settings.write_text(SETTINGS % more, encoding="utf-8")
    return say(
        "fit-segmenter", cohort.manifest, "--root", cohort.root, "--network", "daeformer",
        "--target", target, "--out", out, "--settings", settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> TinyCohort:
    return write_hearts(tmp_path_factory.mktemp("hearts"), CASES)


@pytest.fixture(scope="module")
def segmenter(hearts: TinyCohort) -> Path:
    out = hearts.root.parent / "segmenter"
    done = fit(hearts, out)
    assert done.exit_code == 0, done.output
    return out


def test_the_folder_says_who_taught_whom(segmenter: Path) -> None:
    record = read_record(segmenter)
    assert record.labels == {1: "MYO", 2: "LV"}
    assert record.preparation.inplane_mm == SPACING[0]
    assert record.preparation.side_px == 64
    assert [len(model.training_case_ids) for model in record.models] == [2, 2]
    assert sorted(case for model in record.models for case in model.test_case_ids) == [
        f"h{n}" for n in range(4)
    ]
    for model in record.models:
        assert not set(model.training_case_ids) & set(model.test_case_ids)
        assert set(model.early_stopping_case_ids) < set(model.training_case_ids)
        assert (segmenter / model.weights).is_file()
    assert record.unseen("h0") == tuple(m for m in record.models if "h0" in m.test_case_ids)
    assert record.unseen("another") == record.models


def test_scores_are_out_of_fold_and_in_mm(segmenter: Path) -> None:
    record = read_record(segmenter)
    scores = rows_of(segmenter / "scores.csv")
    assert len(scores) == CASES * 2
    assert {row["part"] for row in scores} == {"test"}
    tested_by = {case: model.name for model in record.models for case in model.test_case_ids}
    assert all(tested_by[row["case_id"]] == row["model"] for row in scores)
    assert all(not row["hd95_voxels"] and row["volume_error_ml"] for row in scores)
    drawn = {row["case_id"]: int(row["drawn_voxels"]) for row in scores if row["structure"] == "LV"}
    assert len(set(drawn.values())) > 1
    summary = rows_of(segmenter / "summary.csv")
    dice = next(row for row in summary if (row["structure"], row["score"]) == ("MYO", "dice"))
    assert float(dice["low"]) <= float(dice["estimate"]) <= float(dice["high"])
    assert dice["n_cases"] == str(CASES)
    assert "conditional on the fitted models" in dice["method"]


def test_the_same_fit_gives_the_same_bytes(hearts: TinyCohort, segmenter: Path, tmp_path: Path) -> None:
    assert fit(hearts, tmp_path / "again").exit_code == 0
    for name in ("segmenter.yaml", "scores.csv", "summary.csv", "folds.csv", "repeat1_fold2.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (segmenter / name).read_bytes(), name


def test_folds_that_are_given_are_followed(hearts: TinyCohort, segmenter: Path, tmp_path: Path) -> None:
    folds = tmp_path / "folds.csv"
    text = (segmenter / "folds.csv").read_text(encoding="utf-8")
    folds.write_text("\n".join(line for line in text.splitlines() if not line.startswith("1,2")) + "\n")
    settings = tmp_path / "fit.yaml"
    settings.write_text(SETTINGS % "folds: 2, patience: 3", encoding="utf-8")
    done = say(
        "fit-segmenter", hearts.manifest, "--root", hearts.root, "--network", "daeformer",
        "--target", "heart", "--out", tmp_path / "out", "--settings", settings, "--folds", folds,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    record, made = read_record(tmp_path / "out"), read_record(segmenter)
    assert (record.folds_from, made.folds_from) == ("file", "made")
    assert record.models == made.models[:1]  # to the sha256 of the weights


def test_a_stopped_fit_goes_on_and_another_is_refused(
    hearts: TinyCohort, segmenter: Path, tmp_path: Path
) -> None:
    whole = {path.name: path.read_bytes() for path in segmenter.iterdir()}
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    for name in ("fit.json", "repeat1_fold1.json", "repeat1_fold1.safetensors"):
        (stopped / name).write_bytes(whole[name])
    with pytest.raises(RecipeError, match="no fit, or one not finished"):
        read_record(stopped)
    assert fit(hearts, stopped).exit_code == 0
    log = [json.loads(line)["model"] for line in (stopped / "log.jsonl").read_text().splitlines()]
    assert set(log) == {"repeat1_fold2"}  # the first was there
    assert (stopped / "segmenter.yaml").read_bytes() == whole["segmenter.yaml"]
    other = fit(hearts, stopped, "folds: 2, patience: 3, seed: 5")
    assert other.exit_code == 1
    assert "another fit (it differs in folds, settings)" in str(other.exception)


def test_masks_are_by_networks_that_had_not_seen_the_case(hearts: TinyCohort, segmenter: Path) -> None:
    out = hearts.root / "predicted"
    done = say("segment", segmenter, hearts.manifest, "--root", hearts.root, "--out", out)
    assert done.exit_code == 0, done.output
    rows = rows_of(out / "masks.csv")
    assert [row["case_id"] for row in rows] == [f"h{n}" for n in range(CASES)]
    for row in rows:
        assert (row["region"], row["codebook"]) == ("heart", "1=MYO;2=LV")
        origin = json.loads((hearts.root / row["segmenter"]).read_text(encoding="utf-8"))
        assert row["case_id"] not in origin["training_case_ids"]
        assert len(origin["training_case_ids"]) == 2
        series = open_volume(hearts.root / f"{row['case_id']}.nii.gz", "series")
        mask = open_volume(hearts.root / row["path"], "mask", "label")
        np.testing.assert_allclose(mask.affine, series.affine, atol=1e-5)
        assert mask.shape == series.shape
    burden = rows_of(out / "burden.csv")
    labels = read_labels(open_volume(hearts.root / rows[0]["path"], "mask", "label"), "mask")
    lv = next(row for row in burden if (row["case_id"], row["structure"]) == ("h0", "LV"))
    assert int(lv["voxels"]) == int((labels == 2).sum())
    assert float(lv["ml"]) == pytest.approx(int(lv["voxels"]) * np.prod(SPACING) / 1000, rel=1e-5)
    # the same scores as the fit's own: it was the same networks
    score = next(
        r for r in rows_of(segmenter / "scores.csv") if (r["case_id"], r["structure"]) == ("h0", "LV")
    )
    assert score["predicted_voxels"] == lv["voxels"]


def test_a_stopped_segmentation_goes_on_and_another_is_refused(
    hearts: TinyCohort, segmenter: Path, tmp_path: Path
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    words = (segmenter, hearts.manifest, "--root", hearts.root, "--out")
    assert say("segment", *words, whole).exit_code == 0
    assert say("segment", *words, stopped).exit_code == 0
    tables = ("masks.csv", "burden.csv", "failures.csv")
    for name in tables:
        (stopped / name).unlink()
    (stopped / "h1" / "s.json").unlink()  # stopped before its note
    (stopped / "h2" / "s.nii.gz").write_bytes((whole / "h2" / "s.nii.gz").read_bytes()[:100])
    kept = {case: (stopped / case / "s.nii.gz").stat().st_mtime_ns for case in ("h0", "h1", "h2", "h3")}
    done = say("segment", *words, stopped)
    assert done.exit_code == 0, done.output
    assert "4 masks (2 were there), 0 studies failed" in done.output
    again = {case for case, at in kept.items() if (stopped / case / "s.nii.gz").stat().st_mtime_ns != at}
    assert again == {"h1", "h2"}
    for path in sorted(whole.rglob("*.*")):
        told = (stopped / path.relative_to(whole)).read_bytes()
        named = path.read_bytes().replace(b"whole/", b"stopped/")  # as the folder is called
        assert told == named, path.name
    other = say("segment", *words, stopped, "--region", "auto")
    assert other.exit_code == 1
    assert "got another segmentation (it differs in region)" in str(other.exception)


@pytest.mark.parametrize("named", ["nowhere/seg", "medicalnet_r10"])
def test_what_is_no_segmenter_is_refused_before_weights_are_fetched(
    hearts: TinyCohort, tmp_path: Path, named: str
) -> None:
    done = say("segment", named, hearts.manifest, "--root", hearts.root, "--out", tmp_path / "m")
    assert done.exit_code == 1
    said = f"segmenter {named}: expected a folder of fit-segmenter, or a published network that gives labels"
    assert str(done.exception).startswith(said)


def test_a_series_that_changed_is_segmented_again(segmenter: Path, tmp_path: Path) -> None:
    others = write_hearts(tmp_path / "o", 2, name="others", prefix="x")
    words = (segmenter, others.manifest, "--root", others.root, "--out", others.root / "m")
    assert say("segment", *words).exit_code == 0
    (others.root / "x0.nii.gz").write_bytes((others.root / "x1.nii.gz").read_bytes())
    assert "2 masks (1 were there)" in say("segment", *words).output
    assert (others.root / "m/x0/s.nii.gz").read_bytes() == (others.root / "m/x1/s.nii.gz").read_bytes()


def test_another_cohort_gets_the_mean_of_all_networks(segmenter: Path, tmp_path: Path) -> None:
    others = write_hearts(tmp_path / "o", 1, name="others", prefix="x")
    out = tmp_path / "elsewhere"
    done = say("segment", segmenter, others.manifest, "--root", others.root, "--out", out, "--region", "auto")
    assert done.exit_code == 0, done.output
    (row,) = rows_of(out / "masks.csv")
    assert (row["region"], row["path"]) == ("auto", "elsewhere/x0/s.nii.gz")
    assert "copy elsewhere below the folder that --root names" in done.output
    origin = json.loads((out / row["segmenter"].removeprefix("elsewhere/")).read_text(encoding="utf-8"))
    assert origin["training_case_ids"] == [f"h{n}" for n in range(CASES)]
    assert len(origin["weights"]) == 2


def test_a_lost_spacing_is_told_by_case_and_a_used_id_is_the_same_patient(
    segmenter: Path, tmp_path: Path
) -> None:
    others = write_hearts(tmp_path / "o", 1, name="others", spacing=(1.0, 1.0, 1.0))
    done = say("segment", segmenter, others.manifest, "--root", others.root, "--out", others.root / "m")
    assert done.exit_code == 1
    assert "1 case ids are also in the training of hearts" in done.output
    (failure,) = rows_of(others.root / "m" / "failures.csv")
    assert failure["got"] == "1 x 1 x 1 in the header and none in series.csv"
    assert failure["expected"].startswith("a known spacing")


def test_without_spacing_there_are_no_millilitres(tmp_path: Path) -> None:
    lost = write_hearts(tmp_path / "l", 2, spacing=(1.0, 1.0, 1.0))
    out = tmp_path / "one"
    assert fit(lost, out, "patience: null, folds: 1").exit_code == 0
    assert read_record(out).preparation.inplane_mm is None
    scores = rows_of(out / "scores.csv")
    assert {row["part"] for row in scores} == {"train"}
    assert all(not row["volume_error_ml"] and not row["hd95_mm"] for row in scores)
    seen = say("segment", out, lost.manifest, "--root", lost.root, "--out", lost.root / "m")
    assert seen.exit_code == 1
    assert "got none: all of this segmenter's did" in seen.output
    others = write_hearts(tmp_path / "o", 1, spacing=(1.0, 1.0, 1.0), prefix="x")
    done = say("segment", out, others.manifest, "--root", others.root, "--out", others.root / "m")
    assert done.exit_code == 0
    assert "no millilitres for 1 of them: the spacing is not known" in done.output
    burden = rows_of(others.root / "m" / "burden.csv")
    assert all(row["ml"] == "" and row["ml_state"].startswith("unknown") for row in burden)
    shares = [float(row["percent_of_segmented"]) for row in burden if row["percent_of_segmented"]]
    assert sum(shares) == pytest.approx(100, abs=1e-3) or not shares


def test_a_millimetre_that_series_csv_vouches_for_is_one(tmp_path: Path) -> None:
    """1 x 1 x 1 mm is what peers write when they have lost the spacing, and a true spacing too."""
    cubes = write_hearts(tmp_path / "c", 2, spacing=(1.0, 1.0, 1.0))
    lines = (cubes.manifest / "series.csv").read_text(encoding="utf-8").splitlines()
    told = [f"{lines[0]},spacing_mm", *(f"{line},1;1;1" for line in lines[1:])]
    (cubes.manifest / "series.csv").write_text("\n".join(told) + "\n", encoding="utf-8")
    out = tmp_path / "out"
    done = fit(cubes, out, "patience: null, folds: 2")
    assert done.exit_code == 0, done.exception
    assert read_record(out).preparation.inplane_mm == 1.0
    assert all(row["volume_error_ml"] for row in rows_of(out / "scores.csv"))
    seen = say("segment", out, cubes.manifest, "--root", cubes.root, "--out", cubes.root / "m")
    assert seen.exit_code == 0, seen.output
    assert {row["ml_state"] for row in rows_of(cubes.root / "m" / "burden.csv")} == {"observed"}


def test_frames_of_a_cine_are_segmented_one_by_one(segmenter: Path, tmp_path: Path) -> None:
    others = write_hearts(tmp_path / "o", 2, name="others", prefix="x")
    rows = ["case_id,study_id,series_id,sequence,day,path,frame"]
    rows += [f"x0,s,f{frame},lge,0,x{frame - 1}.nii.gz,{frame}" for frame in (1, 2)]
    (others.manifest / "series.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    out = others.root / "m"
    done = say("segment", segmenter, others.manifest, "--root", others.root, "--out", out)
    assert done.exit_code == 0, done.output
    masks = rows_of(out / "masks.csv")
    assert [(row["frame"], row["path"]) for row in masks] == [
        ("1", "m/x0/s_frame1.nii.gz"),
        ("2", "m/x0/s_frame2.nii.gz"),
    ]


def test_all_frames_in_one_file_are_refused_with_what_to_do(segmenter: Path, tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    others = write_hearts(tmp_path / "o", 1, name="others", prefix="x")
    frames = np.zeros((40, 36, 2, 3), dtype=np.float32)
    nibabel.save(nibabel.Nifti1Image(frames, np.diag([1.5, 1.5, 8, 1])), others.root / "x0.nii.gz")
    done = say("segment", segmenter, others.manifest, "--root", others.root, "--out", others.root / "m")
    assert done.exit_code == 1
    assert "got 3 frames in one file" in done.output


def test_a_network_that_cannot_be_built_is_refused_before_a_file_is_opened(
    hearts: TinyCohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fit.yaml").write_text("network: {widths: [8]}", encoding="utf-8")
    words = ["fit-segmenter", hearts.manifest, "--root", tmp_path / "empty", "--target", "heart"]
    words += ["--out", tmp_path / "out", "--settings", tmp_path / "fit.yaml", "--network"]
    assert "network daeformer: widths: expected 3 number(s)" in str(say(*words, "daeformer").exception)
    (tmp_path / "fit.yaml").write_text("epochs: 1", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "monai", None)
    assert "network unet: expected the module monai" in str(say(*words, "unet").exception)


def test_two_scanners_are_brought_to_one_pixel_side(hearts: TinyCohort, tmp_path: Path) -> None:
    """A hospital with two scanners: pixels of 1.5 mm in four cases, of 1 mm in three."""
    finer = write_hearts(tmp_path / "f", 3, name="both", spacing=(1.0, 1.0, 8.0), prefix="x")
    for path in hearts.root.glob("h*.nii.gz"):
        (finer.root / path.name).write_bytes(path.read_bytes())
    for table in ("cases.csv", "series.csv", "masks.csv"):
        _, *rows = (hearts.manifest / table).read_text(encoding="utf-8").splitlines()
        with (finer.manifest / table).open("a", encoding="utf-8") as stream:
            stream.write("".join(f"{row}\n" for row in rows))
    out = tmp_path / "out"
    done = fit(finer, out, "folds: 2, patience: null")
    assert done.exit_code == 0, done.exception
    assert read_record(out).preparation.inplane_mm == 1.5  # the median; `inplane_mm` may say another
    drawn = {row["case_id"]: int(row["drawn_voxels"]) for row in rows_of(out / "scores.csv")}
    assert set(drawn) == {"h0", "h1", "h2", "h3", "x0", "x1", "x2"}
    assert drawn["x0"] == drawn["h0"]  # scored on the voxels of the series, not on those of the network


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: None, "expected masks of the region liver; got regions: heart"),
        (
            lambda m: _edit(m / "masks.csv", "h1_mask.nii.gz,1=MYO;2=LV", "h1_mask.nii.gz,1=MYO;2=RV"),
            "got MYO, RV",
        ),
        (lambda m: _edit(m / "masks.csv", "h1_mask", "h9_mask"), "got no such file"),
    ],
)
def test_masks_that_cannot_teach_are_refused(tmp_path: Path, change: Any, said: str) -> None:
    cohort = write_hearts(tmp_path / "c", 2)
    change(cohort.manifest)
    done = fit(cohort, tmp_path / "out", target="liver" if "liver" in said else "heart")
    assert done.exit_code == 1
    assert said in str(done.exception)
    assert not (tmp_path / "out").exists()


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_weights_that_were_changed_are_refused(hearts: TinyCohort, segmenter: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt"
    spoilt.mkdir()
    for path in segmenter.iterdir():
        (spoilt / path.name).write_bytes(path.read_bytes())
    weights = spoilt / "repeat1_fold1.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    done = say("segment", spoilt, hearts.manifest, "--root", hearts.root, "--out", tmp_path / "m")
    assert done.exit_code == 1
    assert "expected the weights of the record" in str(done.exception)
