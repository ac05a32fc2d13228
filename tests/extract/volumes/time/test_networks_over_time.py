"""A network that must be shown where the cavity is, on a cine that has it drawn in two frames alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from extract.encoders.cinema_network import CinemaForm, shapes_needed
from extract.encoders.registry import find_encoder
from extract.volumes.manifest import mask_files, series_files
from extract.volumes.settings import read_settings
from extract.volumes.study import read_study
from extract.volumes.time.moments import find_moments
from extract.volumes.time.over_time import OverTime, describe_over_time
from tests.extract.encoders.vit_oracle import random_state
from tests.extract.volumes.cines import SIZE, cine
from tests.extract.volumes.files import write_nifti
from tests.extract.volumes.studies import cohort_of, items_of, mask
from tests.extract.volumes.time.test_study_over_time import CINE, GRID, HEART, write_cine

CARD = find_encoder("cinema_sax", "volumes")
FORM = CinemaForm(frame=(64, 48, 4), width=24, depth=2, heads=3, stages=(4, 6), blocks_per_stage=1)
DIASTOLE, SYSTOLE = 3, 8


def describe(folder: Path, off: int) -> OverTime:
    """Describe a cine with the cavity of end diastole and, `off` voxels off its place, of end systole."""
    from extract.encoders.cinema_sax import CinemaSax

    assert CARD.contract is not None
    contract = CARD.contract.model_copy(update={"size": (64, 48, None), "least_extent_mm": 0.0})
    form = FORM.model_dump(mode="json")
    card = CARD.model_copy(update={"dim": 24, "architecture": form, "contract": contract})
    write_cine(folder)
    _, masks = cine(12, 3)
    labels = np.zeros((*SIZE, 12), dtype=np.uint8)
    labels[..., DIASTOLE] = 3 * masks[DIASTOLE]
    labels[..., SYSTOLE] = 3 * np.roll(masks[SYSTOLE], off, axis=0)
    write_nifti(folder / "labels.nii", labels, GRID.affine)
    (item,) = items_of(cohort_of([CINE], [mask("LV", "labels.nii", "3=LV")]), folder, HEART)
    _, block = read_settings(item.recipe)
    moments = find_moments(series_files(item), mask_files(item), block.time, {}, "s")
    study = read_study(moments.series, moments.masks, block, "s")
    network = CinemaSax(random_state(shapes_needed(FORM)), card)
    found = describe_over_time(moments.timed, study, network, card, "s")
    assert found is not None
    return found


def rows(described: OverTime, region: str) -> np.ndarray[Any, Any]:
    at = described.attrs["time_rows"]
    assert isinstance(at, list)
    return described.embeddings[[one == {"series": "cine", "region": region} for one in at]]


def test_every_frame_is_shown_around_the_cavity_of_end_diastole(tmp_path: Path) -> None:
    """A window that went where each mask is would make features of the mask's errors."""
    right, off = (describe(tmp_path / str(voxels), voxels) for voxels in (0, 6))
    crop = rows(right, "crop")
    assert len(crop) == 12 and np.isfinite(crop).all()
    np.testing.assert_array_equal(crop, rows(off, "crop"))
    assert np.abs(crop[SYSTOLE] - crop[DIASTOLE]).max() > 1e-3
    drawn = np.isfinite(rows(right, "LV")).all(axis=1)
    assert np.flatnonzero(drawn).tolist() == [DIASTOLE, SYSTOLE]
    assert (rows(right, "LV")[SYSTOLE] != rows(off, "LV")[SYSTOLE]).any()
    told = right.attrs["over_time"]
    assert isinstance(told, dict) and isinstance(told["cine"], dict)
    assert told["cine"]["framed_by"] == "lv_cavity as drawn at that moment"
