"""Late enhancement in the M-PRTM layout from the command line: float masks, lost spacing, cases without."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from extract.__main__ import app
from feature_cache.store import FeatureCache

CASES = 4


def test_a_synthetic_download_becomes_entries(tmp_path: Path) -> None:
    def say(*words: str | Path | int) -> str:
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.output

    root, manifest = tmp_path / "raw", tmp_path / "manifests/heart"
    say("synthetic", root, "--layout", "mprtm", "--cases", CASES, "--seed", 3)
    # a prediction beside the ground truth, as the authors publish them
    truth = next(root.glob("*enhancement_gt.nii.gz"))
    truth.with_name(truth.name.replace("_gt", "_pred")).write_bytes(truth.read_bytes())
    say("scan", "mprtm", root, "--cohort", "heart", "--manifests", tmp_path / "manifests")
    assert "a spacing of 1 x 1 x 1 counts as unknown" in say("check", manifest, "--root", root)
    recipe = tmp_path / "own.yaml"
    recipe.write_text("name: own\nvolumes: {encoder: first_order_shape}\n", encoding="utf-8")
    say("run", manifest, "--root", root, "--cache", tmp_path / "cache", "--recipe", recipe)
    cache = FeatureCache.open(tmp_path / "cache")
    records = {record.case_id: record for record in cache.records()}
    with (manifest / "series.csv").open(newline="", encoding="utf-8") as stream:
        assert sorted(records) == sorted(row["case_id"] for row in csv.DictReader(stream))
    predicted = 0
    for record in records.values():
        assert record.attrs["series"] == ["lge"] and record.attrs["spacing_known"] is False
        roles = {source.role for source in record.sources}
        assert ("mask:scar_predicted" in roles) == ("scar_predicted" in record.attrs["regions"])
        predicted += "scar_predicted" in record.attrs["regions"]
        rows = cache.read(record.key).arrays["radiomics"]
        shape = [name.startswith("morph_") for name in record.attrs["radiomics_names"]]
        assert np.isnan(rows[:, shape]).all()
    assert predicted == 1
