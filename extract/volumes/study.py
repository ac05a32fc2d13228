"""One study: its series and masks read, laid on one grid by rule, and cropped around the masks.

Enters: series and masks of a study with their files, and a recipe's wishes. Leaves: a `Study`, which is all
that an encoder, a preview and the quality summary need. Series are laid on each other by their headers;
nothing is registered, and a patient moves: the entry says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from extract.volumes.adc import is_adc, measured_adc, refuse_other_unit
from extract.volumes.codebook import CROP, region_labels, split_labels
from extract.volumes.geometry import VoxelGrid, coincide
from extract.volumes.header import open_volume
from extract.volumes.manifest import MaskFile, SeriesFile
from extract.volumes.mask_geometry import place_mask
from extract.volumes.quality import coverage_of, coverage_warnings, region_quality
from extract.volumes.reader import read_labels, read_series
from extract.volumes.resample import resample_linear, resample_nearest
from extract.volumes.settings import VolumesBlock
from extract.volumes.study_grid import Box, CropRule, choose_reference, crop_box, raster, refuse_repeats
from extract.volumes.volume import SeriesOnGrid, Volume
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

Mask = Bool[np.ndarray[Any, Any], "x y z"]


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study on its grid. `series` has the reference first; `regions` are on the crop, `crop` the last.

    `grid` is that of the crop; `described` is what an entry keeps of how it came about.
    """

    series: tuple[SeriesOnGrid, ...]
    regions: dict[str, Mask]
    grid: VoxelGrid
    spacing_known: bool
    described: dict[str, Json]
    quality: dict[str, Json]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A series as read, with the grid of its header, which masks are compared with."""

    file: SeriesFile
    volume: Volume
    header_grid: VoxelGrid

    @property
    def grid(self) -> VoxelGrid:
        return VoxelGrid(size=self.header_grid.size, affine=self.volume.affine)


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
    refuse_repeats([one.sequence for one in series], where)
    reference = choose_reference([one.sequence for one in series], block.reference, where)
    ordered = sorted(series, key=lambda one: (one.sequence != reference, one.sequence))
    read = {one.sequence: _read_series(one) for one in ordered}
    first = read[reference]
    if block.spacing_mm is not None and not first.volume.spacing_known:
        raise SourceError(
            first.file.where,
            expected="a known spacing, as the recipe wants another one",
            got="1 x 1 x 1 in the header and none in series.csv",
            remedy="Give spacing_mm in series.csv, or take it out of the recipe's volumes block.",
        )
    for other in read.values():
        _refuse_unplaced(other, first)
    whole = raster(first.grid, block.spacing_mm)
    regions, mask_places, mask_warnings = _lay_masks(masks, read, whole)
    margin_mm = block.margin_mm if first.volume.spacing_known else None
    box, rule = crop_box(list(regions.values()), whole, margin_mm)
    grid, cut = whole.part(*box), {name: _cut(mask, box) for name, mask in regions.items()}
    cut[CROP] = np.ones(grid.size, dtype=bool)
    laid, warnings = _lay_series(read, cut, grid, reference)
    coverage = {one.sequence: coverage_of(one.voxels, cut) for one in laid}
    described: dict[str, Json] = {
        "reference": reference,
        "registration": "header only, not registered",
        "series_grids": {name: _described(one, first) for name, one in read.items()},
        "mask_places": mask_places,
        "crop": _crop_as_json(box, rule, whole),
    }
    quality: dict[str, Json] = {
        "coverage": {name: dict(shares) for name, shares in coverage.items()},
        "regions": {
            name: region_quality(mask, whole, first.volume.spacing_known) for name, mask in regions.items()
        },
    }
    doubts = () if rule == "around the masks" else (f"not cropped ({rule})",)
    return Study(
        series=laid,
        regions=cut,
        grid=grid,
        spacing_known=first.volume.spacing_known,
        described=described,
        quality=quality,
        warnings=(*warnings, *mask_warnings, *doubts, *coverage_warnings(coverage)),
    )


def _read_series(file: SeriesFile) -> _Read:
    stored = open_volume(file.path, file.where)
    volume = read_series(stored, file.where, file.spacing_mm)
    return _Read(file=file, volume=volume, header_grid=stored.grid)


def _refuse_unplaced(other: _Read, first: _Read) -> None:
    """Refuse a series on another grid than the reference where one of the two does not say where it lies."""
    if coincide(other.grid, first.grid) or (other.volume.placed and first.volume.placed):
        return
    lost = first if not first.volume.placed else other
    raise SourceError(
        other.file.where,
        expected=f"a series on the grid of {first.file.sequence}, or headers that say where both lie",
        got=f"another grid, and {lost.file.sequence} without spacing or place in its header",
        remedy="Convert both from DICOM again, or keep one of them in series.csv (studies may be split).",
    )


def _lay_masks(
    masks: Sequence[MaskFile], read: Mapping[str, _Read], whole: VoxelGrid
) -> tuple[dict[str, Mask], dict[str, Json], tuple[str, ...]]:
    """Return every region on the whole grid, what each mask lies on, and what is odd."""
    header_grids = {name: one.header_grid for name, one in read.items()}
    regions: dict[str, Mask] = {}
    places: dict[str, Json] = {}
    warnings: list[str] = []
    for file in masks:
        labels = region_labels(file.region, file.codebook, file.where)
        stored = open_volume(file.path, file.where, "label")
        place = place_mask(stored.grid, header_grids, file.where)
        places[file.region] = place.as_json()
        turned = place.reordering.of_array(read_labels(stored, file.where))
        odd = [*stored.warnings, *place.doubts()]
        for name, mask in split_labels(turned, labels, file.where).items():
            if name in regions:
                raise SourceError(
                    file.where,
                    expected="regions of different names",
                    got=f"a second {name}",
                    remedy="Rename a region, or a label in its codebook.",
                )
            drawn_on = read[place.series].grid
            regions[name] = mask if coincide(drawn_on, whole) else resample_nearest(mask, drawn_on, whole)
            if mask.any() and not regions[name].any():
                odd.append(f"{name} has no voxel left on the grid of the study")
        warnings += [f"mask {file.region}: {doubt}" for doubt in odd]
    return regions, places, tuple(warnings)


def _lay_series(
    read: Mapping[str, _Read], regions: Mapping[str, Mask], grid: VoxelGrid, reference: str
) -> tuple[tuple[SeriesOnGrid, ...], tuple[str, ...]]:
    laid, warnings = [], []
    for name, one in read.items():
        stored = measured_adc(one.volume.voxels) if is_adc(name) else one.volume.voxels
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
                spacing_known=one.volume.spacing_known,
                is_reference=name == reference,
            )
        )
        warnings += [f"{name}: {doubt}" for doubt in one.volume.warnings]
    return tuple(laid), tuple(warnings)


def _cut(mask: Mask, box: Box) -> Mask:
    start, size = box
    return mask[tuple(slice(first, first + n) for first, n in zip(start, size, strict=True))]


def _described(one: _Read, first: _Read) -> Json:
    known = one.volume.spacing_known
    return {
        "size": list(one.grid.size),
        "spacing_mm": [round(float(side), 6) for side in one.grid.spacing] if known else None,
        "spacing_from": ("header" if one.file.spacing_mm is None else "series.csv") if known else None,
        "on_the_grid_of_the_reference": coincide(one.grid, first.grid),
    }


def _crop_as_json(box: Box, rule: CropRule, whole: VoxelGrid) -> Json:
    start, size = box
    return {"rule": rule, "start": list(start), "size": list(size), "grid_size": list(whole.size)}
