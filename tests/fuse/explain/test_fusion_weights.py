"""weights.csv: shares of what was contributed, averaged over repeats, blank where a modality is absent."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from fuse.cases import Cases, Modality
from fuse.explain.fusion_weights import write_fusion_weights
from fuse.fitting import FoldResult
from fuse.folds.folds import Fold, Folds
from fuse.report.attention_table import average_attention
from fuse.report.documents import AttentionWeightRow

IDS = ("0000", "0001", "0002")


def modality(name: str, present: list[bool]) -> Modality:
    return Modality(
        name=name,
        feature_set="s",
        present=np.array(present),
        columns=("x",),
        values=np.where(present, 1.0, np.nan)[:, None],
    )


CASES = Cases(
    case_ids=IDS,
    modalities={
        "clinical": modality("clinical", [True] * 3),
        "slides": modality("slides", [True, False, True]),
    },
)


def test_weights(tmp_path: Path) -> None:
    every = np.arange(3)
    folds = tuple(
        Fold(repeat=repeat, fold=1, train=every[:0], test=every, inner=every[:0]) for repeat in (1, 2)
    )
    contributions = (
        {"clinical": np.array([1.0, -2.0, 0.0]), "slides": np.array([-3.0, 0.0, 0.0])},
        {"clinical": np.array([1.0, -4.0, 0.0]), "slides": np.array([1.0, 0.0, 0.0])},
    )
    results = [
        FoldResult(
            repeat=repeat, fold=1, arms={}, weights={"clinical": 0.5, "slides": 0.0}, contributions=parts
        )
        for repeat, parts in enumerate(contributions, start=1)
    ]
    write_fusion_weights(tmp_path, results, Folds(case_ids=IDS, folds=folds, source="made"), CASES)
    with (tmp_path / "weights.csv").open(newline="") as stream:
        rows = [tuple(row.values()) for row in csv.DictReader(stream)]
    assert rows == [
        ("0000", "clinical", "1.0", "0.375"),
        ("0000", "slides", "-1.0", "0.625"),
        ("0001", "clinical", "-3.0", "1.0"),
        ("0001", "slides", "", ""),
        # nothing was contributed to this case, so nothing has a share of it
        ("0002", "clinical", "0.0", ""),
        ("0002", "slides", "0.0", ""),
    ]
    stack = (tmp_path / "stack.csv").read_text().splitlines()
    assert stack[:3] == ["repeat,fold,modality,weight", "1,1,clinical,0.5", "1,1,slides,0.0"]


def test_weights_of_networks_are_told_for_every_case_that_has_the_modality(tmp_path: Path) -> None:
    fold = Fold(repeat=1, fold=1, train=np.arange(0), test=np.array([2, 1]), inner=np.arange(0))
    looked = {"clinical": np.array([0.25, 1.0]), "slides": np.array([0.75, 0.0])}
    result = FoldResult(repeat=1, fold=1, arms={}, attention_weights={"gated_units__clinical+slides": looked})
    write_fusion_weights(tmp_path, [result], Folds(case_ids=IDS, folds=(fold,), source="made"), CASES)
    lines = (tmp_path / "attention_weights.csv").read_text().splitlines()
    assert [line.split(",", 3)[3] for line in lines] == [
        "case_id,modality,weight",
        "0002,clinical,0.25",
        "0001,clinical,1.0",
        "0002,slides,0.75",
        "0001,slides,",
    ]
    with (tmp_path / "attention_weights.csv").open(newline="") as stream:
        rows = [AttentionWeightRow.model_validate(row) for row in csv.DictReader(stream)]
    (line,) = average_attention(rows)
    assert line.means == {"clinical": 0.625, "slides": 0.75}
