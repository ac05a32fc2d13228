"""Whether every series and mask opens, and every mask lies on the grid of a series of its study.

Enters: series.csv, masks.csv and the root. Leaves: a problem for every header that cannot be read, and
for every mask that would be laid over the wrong voxels.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from extract.check.volume_header import VolumeHeader, read_volume_header
from extract.paths import find_file
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, SourceError, table_error

#: A mask may differ from its series by this share of the smallest voxel side at any corner. Real masks of
#: PI-CAI differ in direction cosines by 2e-4, which is .1 to .2 of a voxel at the corner of a T2W series.
_TOLERATED_VOXELS = 0.5


def volume_problems(cohort: Cohort, root: Path) -> Iterator[Problem]:
    """Yield one row for every series and mask that cannot be used."""
    grids: dict[tuple[str, str], list[VolumeHeader]] = defaultdict(list)
    for series in cohort.series:
        where = f"series.csv: case {series.case_id}, {series.study_id}/{series.series_id}"
        header = _header(root, series.path, where)
        if isinstance(header, Problem):
            yield header
        else:
            grids[series.case_id, series.study_id].append(header)
    for mask in cohort.masks:
        where = f"masks.csv: case {mask.case_id}, {mask.study_id}/{mask.region}"
        header = _header(root, mask.path, where)
        if isinstance(header, Problem):
            yield header
            continue
        candidates = grids[mask.case_id, mask.study_id]
        if not any(same_grid(header, grid) for grid in candidates):
            size = " x ".join(map(str, header.size))
            yield table_error(
                where,
                "a mask on the grid of a series of its study",
                f"another grid ({size} voxels; {len(candidates)} readable series)",
                "Check that the mask is of this study; resample it if it is.",
            )


def same_grid(mask: VolumeHeader, series: VolumeHeader) -> bool:
    """Return whether sizes are equal and no corner is further apart than half the smallest voxel side."""
    if mask.size != series.size:
        return False
    corners = np.array([(*corner, 1.0) for corner in itertools.product(*((0, n - 1) for n in mask.size))])
    apart_mm = np.linalg.norm(((mask.affine - series.affine) @ corners.T)[:3], axis=0)
    voxel_mm = np.linalg.norm(series.affine[:3, :3], axis=0).min()
    return bool(apart_mm.max() <= _TOLERATED_VOXELS * voxel_mm)


def _header(root: Path, text: str, where: str) -> VolumeHeader | Problem:
    try:
        path = find_file(root, text, where)
        return read_volume_header(path)
    except SourceError as error:
        return error.as_problem()
    except (ValueError, OSError) as error:
        got = str(error) if isinstance(error, ValueError) else type(error).__name__
        return table_error(where, f"a readable header in {path.name}", got, "Fetch the file again.")
