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
#: Ten of them with an event, the fewest that `fuse check` takes.
CASES = 14
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


def with_masks(hearts: TinyCohort, folder: Path, rows: list[dict[str, str]]) -> Path:
    """Copy the manifest, with other rows of masks.csv."""
    folder.mkdir()
    for path in hearts.manifest.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    (folder / "masks.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_out_of_fold_masks_raise_no_doubt(hearts: TinyCohort) -> None:
    checked = say("check", hearts.manifest, "--root", hearts.root)
    assert checked.exit_code == 0, checked.output
    assert "learnt from this very case" not in checked.output


def test_masks_of_a_segmenter_that_saw_their_cases_are_named_and_no_others(
    hearts: TinyCohort, tmp_path: Path
) -> None:
    """Two cases are given masks of the network that they taught; all others have theirs out of fold."""
    rows = rows_of(hearts.manifest / "masks.csv")
    by = {row["segmenter"]: json.loads((hearts.root / row["segmenter"]).read_text()) for row in rows}
    assert len(by) == 2
    taught = ("h2", "h5")
    for row in rows:
        if row["case_id"] in taught:
            (row["segmenter"],) = (
                name for name, told in by.items() if row["case_id"] in told["training_case_ids"]
            )
    spoilt = with_masks(hearts, tmp_path / "hearts", rows)
    checked = say("check", spoilt, "--root", hearts.root)
    named = (
        "case h2, s/heart and 1 more: expected nothing odd; got one by daeformer fitted to heart of hearts"
    )
    assert f"{named}, which learnt from this very case" in checked.output

    cache = tmp_path / "cache"
    done = say("run", spoilt, "--root", hearts.root, "--cache", cache, "--workers", "1")
    assert done.exit_code == 0, done.output
    records = [one for one in FeatureCache.open(cache).records("hearts") if one.modality == "volumes"]
    assert len(records) == CASES
    for record in records:
        drawn = record.used["segmenters"]
        assert isinstance(drawn, dict)
        origin = MaskOrigin.model_validate(drawn["heart"])
        assert origin.segmenter == "daeformer fitted to heart of hearts"
        assert origin.training_case_ids is not None
        assert (record.case_id in origin.training_case_ids) == (record.case_id in taught)
        assert any(source.role == "segmenter:heart" for source in record.sources)
    looked = CliRunner().invoke(fuse.__main__.app, ["check", str(spoilt), "--cache", str(cache)])
    assert looked.exit_code == 1
    assert "1 to mend, " in looked.output  # that cases of a fold share the file of who drew them is no fault
    assert "segmenter-saw-test-case" in looked.output
    assert "the masks of 2 cases of a test part were in its training, the first is case h2" in looked.output


def test_a_file_that_says_nothing_of_a_segmenter_is_refused(hearts: TinyCohort, tmp_path: Path) -> None:
    rows = rows_of(hearts.manifest / "masks.csv")[:1]
    origin = hearts.root / "odd.json"
    origin.write_text('{"segmenter": "x", "weights": {}, "cases": []}', encoding="utf-8")
    rows[0]["segmenter"] = "odd.json"
    spoilt = with_masks(hearts, tmp_path / "hearts", rows)
    checked = say("check", spoilt, "--root", hearts.root)
    assert checked.exit_code == 1
    assert "got something else at cases" in checked.output
