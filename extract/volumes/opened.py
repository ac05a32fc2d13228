"""A series opened but not yet read: its header's grid, and the grid that counts once the manifest was asked.

Enters: a file of a study. Leaves: an `OpenedSeries`, or the refusal of two that cannot be laid on each other.
Masks are compared with the header's grid; everything else happens on the true one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extract.volumes.geometry import VoxelGrid, coincide
from extract.volumes.header import open_volume
from extract.volumes.manifest import SeriesFile
from extract.volumes.reader import series_geometry
from extract.volumes.stored import StoredVolume
from feature_cache.canonical import Json
from feature_cache.errors import SourceError


@dataclass(frozen=True, kw_only=True)
class OpenedSeries:
    """`grid` has the spacing that counts; `placed`: the header says where in the patient it lies."""

    file: SeriesFile
    stored: StoredVolume
    grid: VoxelGrid
    spacing_known: bool
    placed: bool

    def described(self, reference: OpenedSeries) -> dict[str, Json]:
        """Return what an entry keeps of the grid."""
        spacing: list[Json] = [round(float(side), 6) for side in self.grid.spacing]
        source = "header" if self.file.spacing_mm is None else "series.csv"
        return {
            "size": list(self.grid.size),
            "spacing_mm": spacing if self.spacing_known else None,
            "spacing_from": source if self.spacing_known else None,
            "on_the_grid_of_the_reference": coincide(self.grid, reference.grid),
            **self.stored.described,
        }


def open_series(file: SeriesFile, masks: Sequence[VoxelGrid] = ()) -> OpenedSeries:
    """Open a series; `SourceError` where header and manifest do not give a grid (see `series_geometry`).

    `masks` are the grids of the study's masks: they can tell which of a repeated series is meant.
    """
    stored = file.stored or open_volume(file.path, file.where, sequence=file.sequence, masks=masks)
    affine, known, placed = series_geometry(stored, file.where, file.spacing_mm)
    grid = VoxelGrid(size=stored.grid.size, affine=affine)
    return OpenedSeries(file=file, stored=stored, grid=grid, spacing_known=known, placed=placed)


def refuse_unplaced(other: OpenedSeries, reference: OpenedSeries) -> None:
    """Raise `SourceError` for a series on another grid where one of the two does not say where it lies."""
    if coincide(other.grid, reference.grid) or (other.placed and reference.placed):
        return
    lost = reference if not reference.placed else other
    raise SourceError(
        other.file.where,
        expected=f"a series on the grid of {reference.file.sequence}, or headers that say where both lie",
        got=f"another grid, and {lost.file.sequence} without spacing or place in its header",
        remedy="Convert both from DICOM again, or give the two different study_ids in series.csv.",
    )
