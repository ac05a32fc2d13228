"""Studies on disk and the stage that reads them, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from extract.encoders.weights import WeightsSource
from extract.item import WorkItem
from extract.volumes.geometry import Reordering, VoxelGrid
from extract.volumes.stage import VolumeStage
from feature_cache.canonical import sha256_of_file
from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft
from feature_cache.tables import CaseRow, MaskRow, SeriesRow
from tests.extract.volumes.files import grid_of, write_nifti

T2W = grid_of((24, 20, 8), (0.5, 0.5, 3.0), (0, 18.5, 0), (-6.0, -5.0, -10.0))
EPI = grid_of((10, 9, 7), (2.0, 2.0, 3.6), (3, 0, 0), (-10.0, -9.0, -12.0))
AS_STORED = Reordering(axes=(0, 1, 2), flipped=(False, False, False))


def gland(grid: VoxelGrid) -> np.ndarray[Any, Any]:
    """A ball of 4 mm about the T2W's centre."""
    centre = T2W.centres((np.array([T2W.size]) - 1) / 2)[0]
    places = grid.centres(np.argwhere(np.ones(grid.size)))
    return np.asarray(np.linalg.norm(places - centre, axis=1) < 4.0).reshape(grid.size)


def paint(grid: VoxelGrid, inside: float, around: float) -> np.ndarray[Any, Any]:
    noise = np.random.default_rng(grid.size[0]).integers(0, 20, grid.size)
    return (np.where(gland(grid), inside, around) + noise).astype(np.int16)


def write_study(folder: Path, order: Reordering = AS_STORED) -> Path:
    """Write t2w, adc, hbv and the gland's mask; `order` is how the arrays of T2W and mask are stored."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = order.of_grid(T2W)
    write_nifti(folder / "t2w.nii.gz", order.of_array(paint(T2W, 500, 200)), stored.affine)
    write_nifti(folder / "adc.nii.gz", paint(EPI, 1400, 900), EPI.affine)
    write_nifti(folder / "hbv.nii.gz", paint(EPI, 60, 20), EPI.affine)
    write_nifti(folder / "gland.nii.gz", order.of_array(gland(T2W).astype(np.uint8)), stored.affine)
    return folder


def series(sequence: str, path: str | None = None, **more: Any) -> SeriesRow:
    row = {"case_id": "1", "study_id": "s", "series_id": path or sequence, "sequence": sequence}
    return SeriesRow.model_validate(row | {"path": path or f"{sequence}.nii.gz"} | more)


def mask(region: str, path: str, codebook: str | None = None, **more: Any) -> MaskRow:
    row = {"case_id": "1", "study_id": "s", "region": region, "path": path}
    return MaskRow.model_validate(row | {"codebook": codebook} | more)


PROSTATE = mask("prostate", "gland.nii.gz", "1=prostate")
ALL = (series("t2w"), series("adc"), series("hbv"))


def cohort_of(rows: Sequence[SeriesRow], masks: Sequence[MaskRow] = (), **card: Any) -> Cohort:
    document = {
        "schema_version": 1, "name": "mine", "title": "t", "citation": "c", "licence": "l", "sites": [],
        "modalities": ["volumes"], "index_event": "surgery", "prediction_day": 0, "undated": {"series": 0},
    }  # fmt: skip
    return Cohort(
        folder=Path(),
        card=CohortCard.model_validate(document | card),
        cases=tuple(CaseRow(case_id=case_id) for case_id in sorted({row.case_id for row in rows})),
        series=tuple(rows),
        masks=tuple(masks),
        clinical={},
    )


def items_of(cohort: Cohort, root: Path, block: dict[str, Any] | None = None) -> list[WorkItem]:
    stage = VolumeStage()
    return stage.items(cohort, root, stage.resolve("weightfree", block or {}, cohort, WeightsSource()))


def build(cohort: Cohort, root: Path, block: dict[str, Any] | None = None) -> EntryDraft:
    """Build the one study of a cohort."""
    (item,) = items_of(cohort, root, block)
    stage = VolumeStage()
    return stage.build(item, stage.sources(item, sha256_of_file))


def row_of(draft: EntryDraft, sequence: str, region: str) -> dict[str, float]:
    """Return feature -> value of one row of radiomics."""
    rows = draft.attrs["region_rows"]
    assert isinstance(rows, list)
    place = rows.index({"series": sequence, "region": region})
    names = draft.attrs["radiomics_names"]
    assert isinstance(names, list)
    return dict(zip(map(str, names), draft.arrays["radiomics"][place].tolist(), strict=True))
