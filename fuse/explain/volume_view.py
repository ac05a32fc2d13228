"""One study as its encoder saw it, slice by slice with the regions that were pooled, for the report.

Enters: what the folds predicted, the cases, and the cache. Leaves: volumes.json: for each series a strip of
its preview slices as PNG, for each region its outline on every slice, and which series are not there; or the
reason why there is no picture. The case is chosen as for the attention: of the first fold that tested one
with volumes, the case that was given the highest risk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from feature_cache.store import Entry, FeatureCache
from fuse.cases import Cases
from fuse.explain.pictures import png_text
from fuse.features.feature_sets import ChosenSet
from fuse.files import write_json
from fuse.fitting import FoldResult, highest_risk
from fuse.folds.folds import Folds

NO_ARM = "No arm on volumes alone was run on a case that has volumes."


@dataclass(frozen=True, kw_only=True)
class ShownCase:
    """The case that is shown, the arm that chose it, and the fold that tested it."""

    case_id: str
    arm: str
    label: str
    repeat: int
    fold: int


def choose_case(
    arms: Mapping[str, str], results: Sequence[FoldResult], folds: Folds, cases: Cases
) -> ShownCase | None:
    """Return the case to show; `arms` maps the arms on one feature set of volumes to its label."""
    for name, label in arms.items():
        present = dict(zip(cases.case_ids, cases.modalities[label].present.tolist(), strict=True))
        for fold, result in zip(folds.folds, results, strict=True):
            has = np.array([present[folds.case_ids[row]] for row in fold.test])
            row = highest_risk(result.arms[name].risk, has)
            if row is not None:
                case = folds.case_ids[fold.test[row]]
                return ShownCase(case_id=case, arm=name, label=label, repeat=fold.repeat, fold=fold.fold)
    return None


def write_volumes(
    path: Path, shown: ShownCase | None, cache: FeatureCache, chosen: Mapping[str, ChosenSet]
) -> None:
    """Write volumes.json."""
    if shown is None:
        write_json(path, {"reason": NO_ARM})
        return
    studies = [record for record in chosen[shown.label].records if record.case_id == shown.case_id]
    entry = cache.read(studies[0].key)
    if "preview" not in entry.arrays:
        write_json(path, {"reason": "The entry of the study holds no preview."})
        return
    where = {"repeat": shown.repeat, "fold": shown.fold, "case_id": shown.case_id, "arm": shown.arm}
    write_json(path, {**where, "item_id": studies[0].item_id, "studies": len(studies), **view_study(entry)})


def view_study(entry: Entry) -> dict[str, Any]:
    """Return the picture of one study: strips hold the slices one below the other."""
    attrs, preview = entry.record.attrs, entry.arrays["preview"]
    _, slices, rows, columns = preview.shape
    masks = entry.arrays["preview_masks"].astype(np.bool_)
    spacing = attrs.get("preview_spacing_mm")
    return {
        "slices": slices,
        "rows": rows,
        "columns": columns,
        "slice_numbers": list(attrs.get("preview_slices", range(slices))),
        "spacing_mm": None if spacing is None else [float(step) for step in spacing],
        "reference": attrs.get("reference"),
        "series": [
            {"name": str(name), "strip_png": png_text(images.reshape(slices * rows, columns))}
            for name, images in zip(attrs["series"], preview, strict=True)
        ],
        "series_missing": list(attrs.get("series_missing", ())),
        "regions": [
            {"name": str(name), "outlines": [outline(mask) for mask in of_region]}
            for name, of_region in zip(attrs["preview_regions"], masks, strict=True)
        ],
    }


def outline(mask: Bool[np.ndarray, "row column"]) -> str:
    """Return the edges between inside and outside as an SVG path in pixels, "" for an empty mask.

    >>> outline(np.array([[False, True]]))
    'M1 0H2M1 1H2M1 0V1M2 0V1'
    """
    padded = np.pad(mask, 1).astype(np.int8)
    across = np.diff(padded, axis=0)[:, 1:-1] != 0
    down = np.diff(padded, axis=1)[1:-1].T != 0
    lines = [f"M{start} {y}H{stop}" for y, row in enumerate(across) for start, stop in _runs(row)]
    lines += [f"M{x} {start}V{stop}" for x, row in enumerate(down) for start, stop in _runs(row)]
    return "".join(lines)


def _runs(row: Bool[np.ndarray, " place"]) -> Int[np.ndarray, "run 2"]:
    """Return first and last + 1 of each run of True."""
    return np.flatnonzero(np.diff(np.pad(row, 1).astype(np.int8))).reshape(-1, 2)
