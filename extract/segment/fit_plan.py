"""What a fit will do, decided before a voxel is decoded: which studies, which structures, which pixels.

Enters: a cohort and the settings as given. Leaves: a `FitPlan` with the preparation complete. Pixel side and
window follow from headers where the settings leave them open: they say how a scanner was set, not what was
drawn, and are the same in every fold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from extract.encoders.radiological_view import view
from extract.segment.labelled import LabelledStudy, find_labelled, structures_of
from extract.segment.record import Preparation
from extract.segment.settings import FitSettings
from extract.volumes.adc import is_adc
from extract.volumes.geometry import VoxelGrid
from extract.volumes.sources import source_of
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json, sha256_of_file, sha256_of_json
from feature_cache.cohort import Cohort
from feature_cache.errors import ManifestError

#: Windows are no larger unless a setting says so: attention and memory grow with the square of the side.
MOST_SIDE_PX = 320
_MULTIPLE = 32


@dataclass(frozen=True, kw_only=True)
class FitPlan:
    """What will be read, and how it will be shown. `sites` are those of the cases with a mask."""

    studies: tuple[LabelledStudy, ...]
    structures: tuple[str, ...]
    preparation: Preparation
    sites: dict[str, str | None]
    sources_sha256: str


def plan_fit(cohort: Cohort, root: Path, target: str, settings: FitSettings) -> FitPlan:
    """Open every header and decide what the settings leave open.

    Raises
    ------
    ManifestError
        No masks of the region, masks of several sequences, other structures in some rows, or a spacing that
        is known of some studies alone.
    SourceError
        A file that cannot be used.
    """
    studies = find_labelled(cohort, root, target, settings.sequence)
    structures = structures_of([row for row in cohort.masks if row.region == target], target)
    sequence = studies[0].chosen.file.sequence
    shown = [_slices(study) for study in studies]
    inplane_mm = _inplane_mm(studies, shown, settings)
    site_of = {row.case_id: row.site for row in cohort.cases}
    return FitPlan(
        studies=tuple(studies),
        structures=structures,
        preparation=Preparation(
            sequence=sequence,
            inplane_mm=inplane_mm,
            side_px=settings.side_px or _side_px(shown, inplane_mm),
            intensity="thousandth" if is_adc(sequence) else "clipped_z",
        ),
        sites={study.case_id: site_of.get(study.case_id) for study in studies},
        sources_sha256=_sources_sha256(studies),
    )


def _slices(study: LabelledStudy) -> VoxelGrid:
    """Return the grid of a series as (slice, row, column); no voxel is decoded."""
    grid = study.chosen.grid
    blank = SeriesOnGrid(
        sequence="", voxels=np.zeros(grid.size, dtype=np.float32), affine=grid.affine, spacing_known=True
    )
    shown = view(blank)
    slices, rows, columns = shown.voxels.shape
    return VoxelGrid(size=(slices, rows, columns), affine=shown.affine)


def _inplane_mm(
    studies: Sequence[LabelledStudy], shown: Sequence[VoxelGrid], settings: FitSettings
) -> float | None:
    if settings.inplane_mm == "native":
        return None
    unknown = [study for study in studies if not study.chosen.spacing_known]
    if settings.inplane_mm is None and len(unknown) == len(studies):
        return None
    if unknown:
        raise ManifestError(
            f"series.csv: {unknown[0].name}",
            expected="the spacing of every study",
            got=f"none in header or spacing_mm of {len(unknown)} of {len(studies)}",
            remedy="Give spacing_mm in series.csv, or set `inplane_mm: native` to take pixels as they are.",
        )
    if settings.inplane_mm is not None:
        return settings.inplane_mm
    return round(float(np.median([grid.spacing[1:].mean() for grid in shown])), 3)


def _side_px(shown: Sequence[VoxelGrid], inplane_mm: float | None) -> int:
    longest = 0
    for grid in shown:
        scale = np.ones(2) if inplane_mm is None else grid.spacing[1:] / inplane_mm
        longest = max(
            longest, *(math.floor(n * by + 0.5) for n, by in zip(grid.size[1:], scale, strict=True))
        )
    return min(MOST_SIDE_PX, max(1, math.ceil(longest / _MULTIPLE)) * _MULTIPLE)


def _sources_sha256(studies: Sequence[LabelledStudy]) -> str:
    """Return the hash of the list of all files that are learnt from, with what the manifest says of them."""
    listed: list[Json] = []
    for study in studies:
        file, mask = study.chosen.file, study.mask
        listed.append(
            [
                study.case_id,
                study.study_id,
                study.frame,
                source_of("series", file.path, file.where, sha256_of_file).sha256,
                file.spacing_mm,
                source_of("mask", mask.path, mask.where, sha256_of_file).sha256,
                mask.codebook,
            ]
        )
    return sha256_of_json(listed)
