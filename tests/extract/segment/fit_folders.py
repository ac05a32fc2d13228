"""Folders of `fit-segmenter` with random weights, for tests of what uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from extract.segment.fit_folder import FitFolder
from extract.segment.networks.build import build_network
from extract.segment.networks.settings import NetworkSettings
from extract.segment.record import ModelRecord, NetworkRecord, Preparation, SegmenterRecord
from extract.segment.settings import FitSettings

SETTINGS = NetworkSettings(widths=(8, 8, 16), blocks=1)


def write_fit(folder: Path, *, models: int = 2, side_px: int = 32, **changes: Any) -> SegmenterRecord:
    """Write a fit of the cohort `theirs`, cases a to d, on T2W; its networks have the seeds 0, 1, ..."""
    folder.mkdir(parents=True)
    fit = FitFolder(path=folder)
    preparation = {"sequence": "t2w", "inplane_mm": 1.0, "side_px": side_px, "intensity": "clipped_z"}
    notes = []
    for number in range(models):
        network = build_network("daeformer", 1, 2, SETTINGS, seed=number)
        name = f"repeat1_fold{number + 1}"
        note = ModelRecord(
            name=name,
            repeat=1,
            fold=number + 1,
            weights=f"{name}.safetensors",
            sha256=fit.write_weights(name, network.state_dict()),
            training_case_ids=("a", "b") if number else ("c", "d"),
            early_stopping_case_ids=(),
            test_case_ids=("c", "d") if number else ("a", "b"),
            epochs_run=1,
            best_epoch=1,
            best_dice=None,
        )
        notes.append(note)
    record = SegmenterRecord.model_validate(
        {
            "algorithm": 1, "cohort": "theirs", "target": "prostate", "labels": {1: "prostate"},
            "network": NetworkRecord(name="daeformer", settings=SETTINGS, classes=2, parameters=1),
            "preparation": Preparation.model_validate(preparation | changes),
            "settings": FitSettings(), "device": "cpu", "folds_from": "made", "folds_sha256": "0",
            "sources_sha256": "0", "versions": {}, "models": tuple(notes),
        }
    )  # fmt: skip
    fit.finish(record)
    return record
