"""The card of a synthetic cohort says that it is one."""

from __future__ import annotations

from pathlib import Path

from extract.scan import scan
from extract.scan.invented import MARKER
from feature_cache.cohort import read_cohort


def test_a_synthetic_cohort_does_not_pass_for_a_real_one(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    root.mkdir()
    (root / "training_labels.csv").write_text("case_id,event,follow_up_years\n1,0,2.5\n", encoding="utf-8")
    (root / "1.tif").write_bytes(b"II*\0")
    real = read_cohort(scan("leopard", root, "real", tmp_path).folder)
    (root / MARKER).write_text("invented", encoding="utf-8")
    invented = read_cohort(scan("leopard", root, "invented", tmp_path).folder)
    assert invented.card.title == f"Synthetic: files in the layout of {real.card.title}"
    assert {row.site for row in invented.cases} == {"synthetic"}
    assert invented.card.citation == "none, the patients are invented"
    assert not real.card.title.startswith("Synthetic")
