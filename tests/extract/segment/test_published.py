"""A published network from the command line: its masks say that nobody knows who taught it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from extract.__main__ import app
from tests.extract.segment.tiny_hearts import write_hearts

pytest.importorskip("torch")


def test_masks_of_a_published_network_say_what_is_not_known_of_it(shared_data: Path, tmp_path: Path) -> None:
    theirs = write_hearts(tmp_path, 2, name="theirs", spacing=(4.0, 4.0, 3.5))  # 160 x 144 mm of anything
    table = theirs.manifest / "series.csv"
    first, *rows = table.read_text(encoding="utf-8").replace("lge", "t2w").splitlines()
    rows[1] = rows[1].replace("t2w", "adc")
    table.write_text("\n".join([first, *rows]) + "\n", encoding="utf-8")
    words = ["segment", "prostate_zones", theirs.manifest, "--root", theirs.root, "--out", theirs.root / "z"]
    done = CliRunner().invoke(app, [*map(str, words), "--weights", str(shared_data / "weights")])
    assert done.exit_code == 0, done.output
    assert "nobody says what cases this network learnt from" in done.output
    with (theirs.root / "z/masks.csv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)  # the other study has no T2W
    assert (row["case_id"], row["region"], row["codebook"]) == ("h0", "segmentation", "1=PZ;2=TZ")
    origin = json.loads((theirs.root / row["segmenter"]).read_text(encoding="utf-8"))
    assert (origin["segmenter"], origin["training_case_ids"], origin["cohort"]) == (
        "prostate_zones", None, None,
    )  # fmt: skip
    (table.parent / "masks.csv").write_bytes((theirs.root / "z/masks.csv").read_bytes())
    checked = CliRunner().invoke(app, ["check", str(theirs.manifest), "--root", str(theirs.root)])
    assert "got one by prostate_zones, of which nobody says what cases it learnt from" in checked.output
