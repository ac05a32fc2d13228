"""A cohort of painted rings on disk: small, easy to learn, with a known answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from extract.volumes.nifti_writer import write_nifti
from feature_cache.cohort import Cohort, read_cohort

CODEBOOK = "1=MYO;2=LV"
SPACING = (1.5, 1.5, 8.0)
CARD = """schema_version: 1
name: {name}
title: rings
citation: none
licence: CC0-1.0
sites: []
modalities: [volumes]
index_event: scan
prediction_day: 0
undated: {{series: 0}}
endpoints:
  death:
    kind: survival
    time_unit: days
    definition: any death
    horizon_days: 365
"""


@dataclass(frozen=True, kw_only=True)
class TinyCohort:
    """Where the files of a cohort are."""

    manifest: Path
    root: Path

    def read(self) -> Cohort:
        return read_cohort(self.manifest)


def affine_of(spacing: tuple[float, float, float]) -> np.ndarray[Any, Any]:
    """A scan as most are: columns to the left, rows to the back."""
    return np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])


def paint_heart(seed: int, *, empty: bool = False) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A dark ring around a bright disc on grey noise, (x, y, z) = (40, 36, 2), and its labels."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(40), np.arange(36), indexing="ij")
    labels = np.zeros((40, 36, 2), dtype=np.uint8)
    if not empty:
        for z in range(2):
            centre = rng.uniform(15, 22, 2)
            radius = rng.uniform(5, 7)
            away = np.hypot(x - centre[0], y - centre[1])
            labels[..., z][away < radius + 4] = 1
            labels[..., z][away < radius] = 2
    voxels = np.array([100.0, 20.0, 200.0])[labels] + rng.normal(0, 5, labels.shape)
    return voxels.astype(np.float32), labels


def write_hearts(
    folder: Path,
    cases: int,
    *,
    name: str = "hearts",
    spacing: tuple[float, float, float] = SPACING,
    empty: tuple[int, ...] = (),
    prefix: str = "h",
) -> TinyCohort:
    """Write series, masks and tables; cases in `empty` have a mask in which nothing is drawn."""
    root, manifest = folder / "raw", folder / name
    root.mkdir(parents=True)
    manifest.mkdir()
    series, masks, listed, outcomes = [], [], [], []
    for number in range(cases):
        case = f"{prefix}{number}"
        voxels, labels = paint_heart(number, empty=number in empty)
        write_nifti(root / f"{case}.nii.gz", voxels, affine_of(spacing))
        write_nifti(root / f"{case}_mask.nii.gz", labels, affine_of(spacing))
        listed.append(f"{case},")
        series.append(f"{case},s,lge,lge,0,{case}.nii.gz")
        masks.append(f"{case},s,heart,{case}_mask.nii.gz,{CODEBOOK}")
        outcomes.append(f"{case},death,{int(number % 4 > 0)},{10 + number}")
    tables = {
        "cases": ("case_id,site", listed),
        "series": ("case_id,study_id,series_id,sequence,day,path", series),
        "masks": ("case_id,study_id,region,path,codebook", masks),
        "outcomes": ("case_id,endpoint,event,time", outcomes),
    }
    for table, (header, rows) in tables.items():
        (manifest / f"{table}.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (manifest / "cohort.yaml").write_text(CARD.format(name=name), encoding="utf-8")
    return TinyCohort(manifest=manifest, root=root)
