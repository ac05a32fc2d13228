"""Late enhancement in the M-PRTM layout from the command line: float masks, lost spacing, cases without."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from extract.__main__ import app
from extract.synthetic.scar import AREA_PX, SIDE_PX, SLICES
from feature_cache.store import FeatureCache

CASES = 3
VOXELS = SIDE_PX**2 * SLICES


def test_a_synthetic_download_becomes_entries(tmp_path: Path) -> None:
    def say(*words: str | Path | int) -> str:
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.output

    root, manifest = tmp_path / "raw", tmp_path / "manifests/heart"
    say("synthetic", root, "--layout", "mprtm", "--cases", CASES, "--seed", 3)
    # a prediction beside the ground truth, as the authors publish them
    truth, other = sorted(root.glob("*enhancement_gt.nii.gz"))[:2]
    truth.with_name(truth.name.replace("_gt", "_pred")).write_bytes(truth.read_bytes())
    keep_as_slices(other)
    say("scan", "mprtm", root, "--cohort", "heart", "--manifests", tmp_path / "manifests")
    assert "a spacing of 1 x 1 x 1 counts as unknown" in say("check", manifest, "--root", root)
    recipe = tmp_path / "own.yaml"
    recipe.write_text("name: own\nvolumes: {encoder: first_order_shape}\n", encoding="utf-8")
    say("run", manifest, "--root", root, "--cache", tmp_path / "cache", "--recipe", recipe)
    cache = FeatureCache.open(tmp_path / "cache")
    records = list(cache.records())
    with (manifest / "series.csv").open(newline="", encoding="utf-8") as stream:
        listed = sorted((row["case_id"], row["study_id"]) for row in csv.DictReader(stream))
    assert sorted((record.case_id, record.item_id) for record in records) == listed
    shares: dict[str, list[float]] = defaultdict(list)
    with (root / "data_example.csv").open(newline="", encoding="utf-8") as stream:
        areas = {row["ID"]: float(row["Myocardial Fibrosis Area"]) for row in csv.DictReader(stream)}
    predicted = 0
    for record in records:
        assert record.attrs["series"] == ["lge"] and record.attrs["spacing_known"] is False
        roles = {source.role for source in record.sources}
        assert ("mask:scar_predicted" in roles) == ("scar_predicted" in record.attrs["regions"])
        predicted += "scar_predicted" in record.attrs["regions"]
        rows = cache.read(record.key).arrays["radiomics"]
        shape = [name.startswith("morph_") for name in record.attrs["radiomics_names"]]
        assert np.isnan(rows[:, shape]).all()
        scar = record.attrs["region_rows"].index({"series": "lge", "region": "scar"})
        shares[record.case_id].append(rows[scar, record.attrs["radiomics_names"].index("crop_share")])
    assert predicted == 1
    assert sorted(map(len, shares.values()))[-2:] == [1, SLICES]
    # no millimetre is needed for what the table's fibrosis area counts, but for constants
    for case_id, found in shares.items():
        assert np.mean(found) * VOXELS / AREA_PX == pytest.approx(areas[case_id], rel=1e-5)


def keep_as_slices(truth: Path) -> None:
    """Turn a volume and its mask into the authors' training slices."""
    nibabel = pytest.importorskip("nibabel")
    image = truth.with_name(truth.name.replace("_gt", "_img"))
    image_id = truth.name.removesuffix("enhancement_gt.nii.gz")
    voxels, labels = (np.asarray(nibabel.load(path).dataobj) for path in (image, truth))
    for number in range(SLICES):
        name = truth.with_name(f"{image_id}enhancement_slice{number}.npz")
        np.savez(name, image=voxels[:, :, number].T, label=labels[:, :, number].T)
    image.unlink()
    truth.unlink()
