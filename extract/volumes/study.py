"""One study: its series and masks read, laid on one grid by rule, and cropped around the masks.

Enters: series and masks of a study with their files, and a recipe's wishes. Leaves: a `Study`, which is all
that an encoder, a preview and the quality summary need. Series are laid on each other by their headers, and
a patient moves: the entry says so, or how the recipe's registration went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from extract.volumes.adc import is_adc, measured_adc, refuse_other_unit
from extract.volumes.codebook import CROP
from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_volume
from extract.volumes.manifest import MaskFile, SeriesFile
from extract.volumes.measures.derived_regions import Anatomy, find_anatomy
from extract.volumes.measures.measured import StudyMeasures
from extract.volumes.measures.study import measure_study
from extract.volumes.n4 import N4, correct_bias
from extract.volumes.opened import OpenedSeries, open_series, refuse_unplaced
from extract.volumes.quality import coverage_of, coverage_warnings, region_quality
from extract.volumes.reader import read_series
from extract.volumes.regions import Regions, lay_masks
from extract.volumes.registration.align import Aligned, align_diffusion
from extract.volumes.registration.gland import find_gland
from extract.volumes.resample import resample_linear
from extract.volumes.series_quality import quality_warnings, series_quality
from extract.volumes.settings import VolumesBlock
from extract.volumes.study_grid import Box, choose_reference, crop_box, raster, refuse_sequences
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

Mask = Bool[np.ndarray[Any, Any], "x y z"]


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study on its grid. `series` has the reference first; `regions` are on the crop, `crop` the last.

    `grid` is that of the crop; `described` is what an entry keeps of how it came about. `derived` names the
    regions that nobody drew; `measures` is None where the recipe asks for none.
    """

    series: tuple[SeriesOnGrid, ...]
    regions: dict[str, Mask]
    grid: VoxelGrid
    spacing_known: bool
    described: dict[str, Json]
    quality: dict[str, Json]
    warnings: tuple[str, ...]
    derived: tuple[str, ...] = ()
    measures: StudyMeasures | None = None


def read_study(
    series: Sequence[SeriesFile], masks: Sequence[MaskFile], block: VolumesBlock, where: str
) -> Study:
    """Read a study and lay it on one grid.

    Raises
    ------
    SourceError
        A file that cannot be used; two series of one sequence; series or masks that cannot be laid on each
        other; ADC in another unit; a series that shows nothing of the crop.
    """
    opened, others = _open(series, block, where, _mask_grids(series, masks))
    first = next(iter(opened.values()))
    whole = raster(first.grid, block.spacing_mm)
    regions = lay_masks(masks, {**opened, **others}, first, whole)
    aligned = _align(opened, regions, whole, block, where)
    opened = aligned.opened
    if not set(aligned.moved).isdisjoint(regions.drawn_on.values()):
        regions = lay_masks(masks, {**opened, **others}, first, whole)
    margin_mm = block.margin_mm if first.spacing_known else None
    box, rule = crop_box(list(regions.masks.values()), whole, margin_mm)
    grid, cut = whole.part(*box), {name: _cut(mask, box) for name, mask in regions.masks.items()}
    anatomy = _find_anatomy((cut, regions.lost), grid, first, block, where)
    cut |= anatomy.derived
    cut[CROP] = np.ones(grid.size, dtype=bool)
    laid, quality, warnings = _lay_series(opened, cut, grid, block.n4)
    measures = None if block.measures is None else measure_study(laid, anatomy, grid, block.measures)
    coverage = {one.sequence: coverage_of(one.voxels, cut) for one in laid}
    return Study(
        series=laid,
        regions=cut,
        grid=grid,
        spacing_known=first.spacing_known,
        described={
            "reference": first.file.sequence,
            "registration": aligned.described,
            "masks_placed_by": "header only: an array mirrored under a sound header is not seen",
            "series_grids": {name: one.described(first) for name, one in opened.items()},
            "mask_places": regions.places,
            "crop": {"rule": rule, "start": [*box[0]], "size": [*box[1]], "grid_size": [*whole.size]},
        },
        quality={
            "series": {  # what stands behind a registration is in `described`
                name: own | {"placed_by": "registration" if name in aligned.moved else "header"}
                for name, own in quality.items()
            },
            "coverage": {name: dict(shares) for name, shares in coverage.items()},
            "regions": {
                name: region_quality(mask, whole, first.spacing_known) for name, mask in regions.masks.items()
            },
        },
        warnings=(
            *warnings,
            *regions.warnings,
            *aligned.warnings,
            *(() if rule == "around the masks" else (f"not cropped ({rule})",)),
            *coverage_warnings(coverage, apart=anatomy.derived),
            *quality_warnings(quality),
            *(() if measures is None else measures.warnings),
        ),
        derived=tuple(anatomy.derived),
        measures=measures,
    )


def _find_anatomy(
    drawn: tuple[Mapping[str, Mask], tuple[str, ...]],
    grid: VoxelGrid,
    first: OpenedSeries,
    block: VolumesBlock,
    where: str,
) -> Anatomy:
    """Return what the drawn regions are and what follows from them; nothing where the recipe does not ask."""
    if block.measures is None:
        return Anatomy()
    masks, lost = drawn
    return find_anatomy(masks, grid, first.spacing_known, block.measures, where, lost)


def _align(
    opened: dict[str, OpenedSeries], regions: Regions, grid: VoxelGrid, block: VolumesBlock, where: str
) -> Aligned:
    """Return the series where a recipe that asks for it has registered them; else where headers put them."""
    if block.registration is None:
        return Aligned(opened=opened, described="header only, not registered")
    said = {} if block.measures is None else block.measures.regions
    return align_diffusion(opened, find_gland(regions, grid, said, where), block.registration)


def _open(
    files: Sequence[SeriesFile], block: VolumesBlock, where: str, masks: Sequence[VoxelGrid]
) -> tuple[dict[str, OpenedSeries], dict[str, OpenedSeries]]:
    """Return the series to encode by sequence, the reference first, and the others by a name of their own."""
    wanted = [file for file in files if file.encoded]
    refuse_sequences([file.sequence for file in wanted], where)
    reference = choose_reference([file.sequence for file in wanted], block.reference, where)
    wanted.sort(key=lambda file: (file.sequence != reference, file.sequence))
    opened = {file.sequence: open_series(file, masks) for file in wanted}
    first = opened[reference]
    if block.spacing_mm is not None and not first.spacing_known:
        raise SourceError(
            first.file.where,
            expected="a known spacing, as the recipe wants another one",
            got="1 x 1 x 1 in the header and none in series.csv",
            remedy="Give spacing_mm in series.csv, or take it out of the recipe's volumes block.",
        )
    for one in opened.values():
        refuse_unplaced(one, first)
    others = {
        f"{file.sequence} ({number if file.path.is_dir() else file.path.name})": open_series(file, masks)
        for number, file in enumerate(files)
        if not file.encoded
    }
    return opened, others


def _mask_grids(series: Sequence[SeriesFile], masks: Sequence[MaskFile]) -> list[VoxelGrid]:
    """Return the grids of all masks where a folder of DICOM may hold a series twice."""
    if not any(file.path.is_dir() for file in series):
        return []
    return [(mask.stored or open_volume(mask.path, mask.where, "label")).grid for mask in masks]


def _lay_series(
    opened: Mapping[str, OpenedSeries], regions: Mapping[str, Mask], grid: VoxelGrid, n4: N4 | None
) -> tuple[tuple[SeriesOnGrid, ...], dict[str, dict[str, Json]], tuple[str, ...]]:
    """Return every series on `grid`, the first as the reference, its quality as read, and what is odd."""
    laid: list[SeriesOnGrid] = []
    quality: dict[str, dict[str, Json]] = {}
    warnings: list[str] = []
    for name, one in opened.items():
        volume = read_series(one.stored, one.file.where, one.file.spacing_mm)
        quality[name] = series_quality(
            volume.voxels, one.grid, spacing_known=one.spacing_known, placed=one.placed
        )
        stored = measured_adc(volume.voxels) if is_adc(name) else volume.voxels
        if n4 is not None and name in n4.sequences:
            stored, told = correct_bias(stored, one.grid.spacing.tolist(), n4, one.file.where)
            quality[name] |= {"n4": told}
        voxels = resample_linear(stored, one.grid, grid)
        if not np.isfinite(voxels).any():
            raise SourceError(
                one.file.where,
                expected="a series that shows some of the study's crop",
                got="none of its field of view there",
                remedy="Check that all series are of one study and one patient position.",
            )
        if is_adc(name):
            refuse_other_unit(voxels, regions, one.file.where)
        laid.append(
            SeriesOnGrid(
                sequence=name,
                voxels=voxels,
                affine=grid.affine,
                spacing_known=one.spacing_known,
                is_reference=not laid,
            )
        )
        warnings += [f"{name}: {doubt}" for doubt in volume.warnings]
    return tuple(laid), quality, tuple(warnings)


def _cut(mask: Mask, box: Box) -> Mask:
    start, size = box
    return mask[tuple(slice(first, first + n) for first, n in zip(start, size, strict=True))]
