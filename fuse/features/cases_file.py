"""Cases on disk, for worker processes to map: tables and packed tiles of one run, in its scratch folder.

Enters: `Cases` as `table.py` read them. Leaves: the same cases in any process, tiles memory-mapped, so that
ten workers hold one copy. The folder is thrown away with the run's temporary folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fuse.cases import Bags, Cases, Modality
from fuse.features.bags import map_tiles
from fuse.files import file_stem

_INDEX = "cases.json"


def save_cases(cases: Cases, scratch: Path) -> None:
    """Write the cases into `scratch`; the tiles of bags lie there already (see `table.read_cases`)."""
    index: dict[str, Any] = {"case_ids": cases.case_ids, "modalities": {}}
    for name, modality in cases.modalities.items():
        index["modalities"][name] = {
            "feature_set": modality.feature_set,
            "columns": modality.columns,
            "scale_columns": modality.scale_columns,
            "bags": modality.bags is not None,
        }
        stem = file_stem(name)
        np.save(scratch / f"{stem}.values.npy", modality.values)
        np.save(scratch / f"{stem}.present.npy", modality.present)
        if modality.bags is not None:
            np.save(scratch / f"{stem}.slices.npy", np.stack([modality.bags.start, modality.bags.stop]))
            np.save(scratch / f"{stem}.order.npy", np.asarray(modality.bags.ordered().order))
    (scratch / _INDEX).write_text(json.dumps(index), encoding="utf-8")


def load_cases(scratch: Path) -> Cases:
    """Read what `save_cases` wrote."""
    index = json.loads((scratch / _INDEX).read_text(encoding="utf-8"))
    return Cases(
        case_ids=tuple(index["case_ids"]),
        modalities={name: _load(name, told, scratch) for name, told in index["modalities"].items()},
    )


def _load(name: str, told: dict[str, Any], scratch: Path) -> Modality:
    bags, stem = None, file_stem(name)
    if told["bags"]:
        start, stop = np.load(scratch / f"{stem}.slices.npy")
        order = np.load(scratch / f"{stem}.order.npy", mmap_mode="r")
        bags = Bags(tiles=map_tiles(scratch / f"{stem}.npy"), start=start, stop=stop, order=order)
    return Modality(
        name=name,
        feature_set=told["feature_set"],
        present=np.load(scratch / f"{stem}.present.npy"),
        columns=tuple(told["columns"]),
        values=np.load(scratch / f"{stem}.values.npy"),
        scale_columns=told["scale_columns"],
        bags=bags,
    )
