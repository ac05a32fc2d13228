"""The studies that a segmenter can learn from: a mask of the target region, and the series it was drawn on.

Enters: a cohort's rows and the root. Leaves: one `LabelledStudy` for each row of masks.csv with the region,
its headers opened and judged; then, one at a time, voxels and labels on one grid. All of it goes through the
reader, the codebook and the mask geometry that the volumes' stage uses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from extract.paths import find_file
from extract.volumes.codebook import region_labels
from extract.volumes.header import open_points, open_volume
from extract.volumes.manifest import MaskFile, SeriesFile, sequence_of
from extract.volumes.mask_geometry import place_mask
from extract.volumes.opened import OpenedSeries, open_series
from extract.volumes.reader import read_series
from extract.volumes.regions import lay_masks
from extract.volumes.settings import VolumesBlock
from extract.volumes.volume import SeriesOnGrid
from feature_cache.cohort import Cohort
from feature_cache.errors import ManifestError, SourceError
from feature_cache.tables import MaskRow, SeriesRow

#: A network tells at most so many structures apart: labels are bytes, and the last means "not drawn".
MOST_STRUCTURES = 254


@dataclass(frozen=True, kw_only=True)
class LabelledStudy:
    """A mask and the series of its study, headers opened; `chosen` is the series that a network sees.

    `frame` is that of masks.csv, None for a series without time.
    """

    case_id: str
    study_id: str
    frame: int | None
    chosen: OpenedSeries
    others: tuple[OpenedSeries, ...]
    mask: MaskFile

    @property
    def name(self) -> str:
        """What it is called where it is named to people."""
        return item_name(self.case_id, self.study_id, self.frame)


@dataclass(frozen=True, kw_only=True)
class LabelledVolume:
    """A series as it was read and labels on its grid; label k is the k-th structure, 0 none of them."""

    series: SeriesOnGrid
    labels: UInt8[np.ndarray[Any, Any], "x y z"]

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Distance of voxel centres along x, y, z; None where it is not known."""
        return self.series.spacing if self.series.spacing_known else None


def item_name(case_id: str, study_id: str, frame: int | None) -> str:
    """Name a study, or a frame of one, for people."""
    return f"case {case_id}, study {study_id}" + ("" if frame is None else f", frame {frame}")


def find_labelled(cohort: Cohort, root: Path, target: str, sequence: str | None) -> list[LabelledStudy]:
    """Return every study with a mask of the region, in the order of masks.csv.

    Parameters
    ----------
    target
        A region of masks.csv.
    sequence
        The series that the network is to see; None: the one that the mask was drawn on.

    Raises
    ------
    ManifestError
        No mask of that region; a study without a series; masks drawn on several sequences and none chosen.
    SourceError
        A file that cannot be used.
    """
    rows = [row for row in cohort.masks if row.region == target]
    if not rows:
        there = ", ".join(sorted({row.region for row in cohort.masks})) or "none"
        raise ManifestError(
            f"masks.csv of {cohort.name}",
            expected=f"masks of the region {target}",
            got=f"regions: {there}",
            remedy="Give --target one of them, or add the masks to masks.csv.",
        )
    beside: dict[tuple[str, str, int | None], list[SeriesRow]] = defaultdict(list)
    for series in cohort.series:
        beside[series.case_id, series.study_id, series.frame].append(series)
    found = [_open(row, beside[row.case_id, row.study_id, row.frame], root, sequence) for row in rows]
    drawn_on = sorted({one.chosen.file.sequence for one in found})
    if len(drawn_on) > 1:
        raise ManifestError(
            f"masks.csv of {cohort.name}, region {target}",
            expected="masks drawn on one sequence",
            got=f"on {', '.join(drawn_on)}",
            remedy="Choose one under `sequence` in the settings of the fit.",
        )
    return found


def structures_of(rows: Sequence[MaskRow], target: str) -> tuple[str, ...]:
    """Return the structures that the codebooks name, in their order; the region itself where there is one.

    Raises
    ------
    ManifestError
        Rows name other structures than the first, or more than a network can tell apart.
    """
    named = [_named(row, target) for row in rows]
    for row, names in zip(rows, named, strict=True):
        if set(names) != set(named[0]) or len(names) > MOST_STRUCTURES:
            raise ManifestError(
                f"masks.csv: {item_name(row.case_id, row.study_id, row.frame)}, region {target}",
                expected=f"the structures {', '.join(named[0])[:200]}, {MOST_STRUCTURES} at most",
                got=", ".join(names)[:200],
                remedy="Name the same structures in the codebook of every row.",
            )
    return named[0]


def read_labelled(study: LabelledStudy, structures: Sequence[str]) -> LabelledVolume:
    """Read voxels and labels; labels are laid on the series' grid if they were drawn on another.

    Raises
    ------
    SourceError
        A file that is damaged, or labels that the codebook does not name.
    """
    chosen = study.chosen
    opened = {_key(one): one for one in (chosen, *study.others)}
    laid = lay_masks([study.mask], opened, chosen, chosen.grid).masks
    region = study.mask.region
    labels = np.zeros(chosen.grid.size, dtype=np.uint8)
    for label, name in enumerate(structures, start=1):
        labels[laid[region if len(structures) == 1 else f"{region}_{name}"]] = label
    return LabelledVolume(series=read_opened(chosen), labels=labels)


def read_opened(one: OpenedSeries) -> SeriesOnGrid:
    """Read a series on its own grid.

    Raises
    ------
    SourceError
        See `read_series`.
    """
    volume = read_series(one.stored, one.file.where, one.file.spacing_mm)
    return SeriesOnGrid(
        sequence=one.file.sequence,
        voxels=volume.voxels,
        affine=volume.affine,
        spacing_known=volume.spacing_known,
    )


def open_study(rows: Sequence[SeriesRow], root: Path, masks: Sequence[MaskFile]) -> list[OpenedSeries]:
    """Open the series of a study, those that give a study its grid first; see `VolumesBlock.reference`."""
    order = VolumesBlock().reference
    ranked = sorted(
        rows, key=lambda row: order.index(sequence_of(row)) if sequence_of(row) in order else len(order)
    )
    opened = []
    for row in ranked:
        where = item_name(row.case_id, row.study_id, row.frame)
        path = find_file(root, row.path, f"{where}, series {row.series_id}", folders=True)
        named = f"{where}, {'the folder of ' + row.series_id if path.is_dir() else path.name}"
        grids = [open_volume(mask.path, mask.where, "label").grid for mask in masks] if path.is_dir() else []
        stored = open_points(path, named, sequence=sequence_of(row), masks=grids)
        if stored.points > 1:
            raise SourceError(
                named,
                expected="one volume, or one file a frame",
                got=f"{stored.points} frames in one file",
                remedy="Write a file a frame, numbered by `frame` in series.csv (and masks.csv).",
            )
        file = SeriesFile(
            sequence=sequence_of(row), path=path, where=named, spacing_mm=row.spacing_mm, stored=stored
        )
        opened.append(open_series(file))
    return opened


def _open(row: MaskRow, beside: Sequence[SeriesRow], root: Path, sequence: str | None) -> LabelledStudy:
    where = item_name(row.case_id, row.study_id, row.frame)
    path = find_file(root, row.path, f"{where}, mask {row.region}")
    mask = MaskFile(region=row.region, path=path, where=f"{where}, {path.name}", codebook=row.codebook)
    series = open_study(beside, root, [mask])
    drawn = open_volume(path, mask.where, "label").grid
    place = place_mask(drawn, {_key(one): one.stored.grid for one in series}, mask.where)
    wanted = [
        one
        for one in series
        if (_key(one) == place.series if sequence is None else one.file.sequence == sequence)
    ]
    if len(wanted) != 1:
        raise SourceError(
            where,
            expected=f"one series {sequence}",
            got=f"{len(wanted)} among {', '.join(sorted({one.file.sequence for one in series}))}",
            remedy="Mend series.csv, or choose another `sequence` in the settings of the fit.",
        )
    return LabelledStudy(
        case_id=row.case_id,
        study_id=row.study_id,
        frame=row.frame,
        chosen=wanted[0],
        others=tuple(one for one in series if one is not wanted[0]),
        mask=mask,
    )


def _key(one: OpenedSeries) -> str:
    """Name a series of a study: a sequence may be there twice."""
    return f"{one.file.sequence} ({one.file.where})"


def _named(row: MaskRow, target: str) -> tuple[str, ...]:
    where = f"masks.csv: {item_name(row.case_id, row.study_id, row.frame)}"
    names = tuple(region_labels(target, row.codebook, where))
    return (target,) if len(names) == 1 else tuple(name.removeprefix(f"{target}_") for name in names)
