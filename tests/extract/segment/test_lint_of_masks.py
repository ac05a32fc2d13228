"""From masks to `fuse check`: fit, segment, take the masks into a manifest, extract, and look for leaks.

The stages do not import each other: both are called by their command lines, as a user calls them.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import fuse.__main__
from extract.__main__ import app
from extract.volumes.mask_origin import MaskOrigin
from feature_cache.store import FeatureCache
from tests.extract.segment.tiny_hearts import TinyCohort, write_hearts

pytest.importorskip("torch")
CASES = 16
SETTINGS = "{network: {widths: [8, 8, 8], blocks: 1}, epochs: 1, folds: 2, patience: null, augment: false}"


def say(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> TinyCohort:
    """A cohort whose masks are now those of a segmenter, each out of fold."""
    cohort = write_hearts(tmp_path_factory.mktemp("lint"), CASES)
    work = cohort.root.parent
    (work / "fit.yaml").write_text(SETTINGS, encoding="utf-8")
    fitted = say(
        "fit-segmenter", cohort.manifest, "--root", cohort.root, "--network", "daeformer", "--target",
        "heart", "--out", work / "segmenter", "--settings", work / "fit.yaml",
    )  # fmt: skip
    assert fitted.exit_code == 0, fitted.output
    masks = cohort.root / "auto"
    done = say("segment", work / "segmenter", cohort.manifest, "--root", cohort.root, "--out", masks)
    assert done.exit_code == 0, done.output
    (cohort.manifest / "masks.csv").write_bytes((masks / "masks.csv").read_bytes())
    return cohort


def fused(cohort: TinyCohort, cache: Path) -> Result:
    """Extract, then ask stage 2 what leaks."""
    done = say("run", cohort.manifest, "--root", cohort.root, "--cache", cache)
    assert done.exit_code == 0, done.output
    words = ["check", str(cohort.manifest), "--cache", str(cache)]
    return CliRunner().invoke(fuse.__main__.app, words)


def test_the_entry_says_who_drew_the_mask_and_out_of_fold_masks_leak_nothing(
    hearts: TinyCohort, tmp_path: Path
) -> None:
    checked = say("check", hearts.manifest, "--root", hearts.root)
    assert checked.exit_code == 0, checked.output
    done = fused(hearts, tmp_path / "cache")
    for record in FeatureCache.open(tmp_path / "cache").records("hearts"):
        if record.modality == "volumes":
            drawn = record.used["segmenters"]
            assert isinstance(drawn, dict)
            origin = MaskOrigin.model_validate(drawn["heart"])
            assert origin.segmenter == "daeformer fitted to heart of hearts"
            assert origin.training_case_ids is not None
            assert record.case_id not in origin.training_case_ids
            assert any(source.role == "segmenter:heart" for source in record.sources)
    assert "segmenter-saw-test-case" not in done.output


def test_a_mask_of_a_segmenter_that_saw_the_case_is_named(hearts: TinyCohort, tmp_path: Path) -> None:
    """Somebody takes the masks of one network for everybody, those who taught it too."""
    one, *_ = rows_of(hearts.manifest / "masks.csv")
    taught = json.loads((hearts.root / one["segmenter"]).read_text(encoding="utf-8"))["training_case_ids"]
    spoilt = tmp_path / "hearts"
    spoilt.mkdir()
    for path in hearts.manifest.iterdir():
        (spoilt / path.name).write_bytes(path.read_bytes())
    rows = rows_of(hearts.manifest / "masks.csv")
    lines = [",".join({**row, "segmenter": one["segmenter"]}.values()) for row in rows]
    (spoilt / "masks.csv").write_text("\n".join([",".join(one), *lines]) + "\n", encoding="utf-8")
    cohort = TinyCohort(manifest=spoilt, root=hearts.root)
    checked = say("check", spoilt, "--root", hearts.root)
    assert "which learnt from this very case" in checked.output
    done = fused(cohort, tmp_path / "cache")
    assert done.exit_code == 1
    assert "segmenter-saw-test-case" in done.output
    assert f"the masks of {len(taught)} cases of a test part were in its training" in done.output
    assert f"the first is case {sorted(taught)[0]}" in done.output


def test_a_file_that_says_nothing_of_a_segmenter_is_refused(hearts: TinyCohort, tmp_path: Path) -> None:
    rows = rows_of(hearts.manifest / "masks.csv")[:1]
    origin = hearts.root / "odd.json"
    origin.write_text('{"segmenter": "x", "weights": {}, "cases": []}', encoding="utf-8")
    spoilt = tmp_path / "hearts"
    spoilt.mkdir()
    for path in hearts.manifest.iterdir():
        (spoilt / path.name).write_bytes(path.read_bytes())
    line = ",".join({**rows[0], "segmenter": "odd.json"}.values())
    (spoilt / "masks.csv").write_text("\n".join([",".join(rows[0]), line]) + "\n", encoding="utf-8")
    checked = say("check", spoilt, "--root", hearts.root)
    assert checked.exit_code == 1
    assert "got something else at cases" in checked.output
